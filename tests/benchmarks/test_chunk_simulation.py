"""The simulation of chunked encodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.chunk_simulation import LENGTHS, World, best_length, curve, quiet, simulate, without

WORLD = World(paces=[0.8, 1.0, 1.2])


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert simulate(WORLD, 1800, 60, 12, seed=3) == simulate(WORLD, 1800, 60, 12, seed=3)


def test_perfect_machines_divide_the_work() -> None:
    nothing = dict.fromkeys(
        ("source", "tracks", "outputs", "warm_up", "before_cut", "audio", "join", "package", "fixed"), 0.0
    )
    world = quiet(replace(World(paces=[1.0]), **nothing))
    outcome = simulate(world, 1200, 100, 12)
    assert outcome.speed_up == pytest.approx(12, rel=1e-6)
    assert outcome.cost == pytest.approx(1.0, rel=1e-6)


def test_more_workers_are_never_slower_and_one_gains_nothing() -> None:
    walls = [simulate(WORLD, 3600, 60, workers).wall for workers in (1, 4, 12, 100)]
    assert walls == sorted(walls, reverse=True)
    assert simulate(WORLD, 3600, 60, 1).speed_up < 1


def test_failures_cost_time_and_are_survived() -> None:
    often = World(paces=WORLD.paces, failure=20.0)
    assert simulate(often, 1800, 60, 12).wall > simulate(WORLD, 1800, 60, 12).wall


def test_short_chunks_cost_more_and_the_best_length_is_one_of_those_compared() -> None:
    found = curve(WORLD, 3600, 12, tries=5)
    assert found[15.0][1] > found[300.0][1]
    assert best_length([found]) in LENGTHS
    assert best_length([{length: (1.0 + (length == 30), 1.0) for length in LENGTHS}]) == 30
    assert best_length([dict.fromkeys(LENGTHS, (1.0, 1.0))]) == max(LENGTHS)


def test_each_trouble_that_is_left_out_makes_a_film_faster() -> None:
    walls = {what: simulate(world, 7200, 60, 12).wall for what, world in without(WORLD).items()}
    assert min(walls, key=lambda what: walls[what]) == "all of these"

"""The simulation of chunked encodes."""

from __future__ import annotations

import pytest

from benchmarks.chunk_simulation import LENGTHS, World, best_length, curve, quiet, simulate

WORLD = World(paces=[0.8, 1.0, 1.2])


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert simulate(WORLD, 1800, 60, 12, seed=3) == simulate(WORLD, 1800, 60, 12, seed=3)


def test_perfect_machines_divide_the_work() -> None:
    world = quiet(World(paces=[1.0], read=0.0, before_cut=0.0, audio=0.0, join=0.0, fixed=0.0))
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
    assert best_length(WORLD, 3600, 12, tries=5) in LENGTHS

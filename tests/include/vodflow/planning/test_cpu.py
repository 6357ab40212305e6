"""The CPU time that a plan is expected to take."""

from __future__ import annotations

import pytest
from support.planning_values import SOURCE, media, sound
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import Chunk, Reused, Strategy, StrategyKind
from vodflow.planning.cpu import WITHIN, estimated_cpu_seconds
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile


def plan(
    width: int = 1920, height: int = 1080, *, profile: str = "standard", rate: str = "24/1", seconds: float = 60.0,
    silent: bool = False,
) -> TranscodePlan:  # fmt: skip
    facts = media(width, height, rate, duration=seconds, audio=() if silent else (sound(duration=seconds),))
    return make_plan(SOURCE, facts, load_profile(profile), tenant="acme", video="v")


def with_preset(whole: TranscodePlan, preset: str) -> TranscodePlan:
    rungs = tuple(rung.model_copy(update={"preset": preset}) for rung in whole.renditions)
    return whole.model_copy(update={"renditions": rungs})


@pytest.mark.parametrize(
    ("made", "measured"),
    [
        # docs/benchmarks.md: 30 s in 1080p, worker; the same with preset slow; two minutes of 720p by profile sd.
        (plan(seconds=30), 119.9),
        (with_preset(plan(seconds=30), "slow"), 160.3),
        (plan(1280, 720, profile="sd", seconds=120), 115.3),
        # The demo's real clips, as published.
        (plan(1280, 720, rate="25/1", seconds=5.3), 9.56),
        (plan(640, 272, rate="25/1", seconds=10, silent=True), 2.89),
        (plan(193, 144, rate="30000/1001", seconds=4, silent=True), 0.35),
    ],
)
def test_near_what_was_measured(made: TranscodePlan, measured: float) -> None:
    assert measured / WITHIN < estimated_cpu_seconds(made) < measured * WITHIN
    assert estimated_cpu_seconds(made) == pytest.approx(measured, rel=0.25)


def test_grows_with_length_size_and_preset() -> None:
    short, long = estimated_cpu_seconds(plan(seconds=60)), estimated_cpu_seconds(plan(seconds=600))
    assert long == pytest.approx(10 * short, rel=0.02)
    assert estimated_cpu_seconds(plan(640, 360)) < estimated_cpu_seconds(plan(1280, 720)) < short
    order = [estimated_cpu_seconds(with_preset(plan(), name)) for name in ("ultrafast", "fast", "medium", "slower")]
    assert order == sorted(order)


def test_a_strategy_counts() -> None:
    whole = plan()
    warm = Strategy(kind=StrategyKind.CHUNKS, chunks=(Chunk(first=0, end=720), Chunk(first=720, warm_up=48)))
    assert estimated_cpu_seconds(whole.model_copy(update={"strategy": warm})) > estimated_cpu_seconds(whole)
    names = tuple(rung.name for rung in whole.renditions)
    apart = Strategy(kind=StrategyKind.RENDITIONS, groups=tuple((name,) for name in names))
    assert estimated_cpu_seconds(whole.model_copy(update={"strategy": apart})) > estimated_cpu_seconds(whole)

    tracks = [f"video_{name}" for name in names] + [item.name for item in whole.audio]
    there = tuple(Reused(track=track, bucket="b", prefix="p", mp4="mp4/x.mp4") for track in tracks)
    reused = Strategy(kind=StrategyKind.RENDITIONS, reused=there)
    assert estimated_cpu_seconds(whole.model_copy(update={"strategy": reused})) < 0.02 * estimated_cpu_seconds(whole)

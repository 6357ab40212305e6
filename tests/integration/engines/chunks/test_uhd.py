"""A UHD video in groups of rungs, as a cluster makes it, against the same plan in one process."""

from __future__ import annotations

import pytest
from support.clips import clip
from support.engine_jobs import Bench
from vodflow.contract.parts import parts
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import StrategyKind
from vodflow.engines.chunks import run
from vodflow.media.picture_index import PictureIndex
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose
from vodflow.storage.objects import list_objects
from vodflow.verification.store import S3Store
from vodflow.verification.verify import verify

pytestmark = [pytest.mark.integration, pytest.mark.soak]


@pytest.fixture
def plan(bench: Bench) -> TranscodePlan:
    """One second at 2160 lines with the shipped profile, at a preset for tests."""
    path = clip("uhd")
    media = probe(str(path), path.stat().st_size, 60)
    made = make_plan(
        bench.source("uhd"), media, load_profile("uhd"), tenant="demo", video="uhd", thumbnail_interval=1.0
    )
    quick = tuple(rung.model_copy(update={"preset": "ultrafast"}) for rung in made.renditions)
    return made.model_copy(update={"renditions": quick})


def unread() -> PictureIndex:
    raise AssertionError("Where nothing is cut, nobody reads the index.")


def test_each_large_rung_is_a_part_and_the_layout_is_that_of_one_process(bench: Bench, plan: TranscodePlan) -> None:
    strategy = choose(plan, Division(spreads=True), unread)
    assert strategy.kind == StrategyKind.RENDITIONS
    assert strategy.groups == (("2160p",), ("1440p",), ("1080p", "720p", "480p", "360p"))
    assert strategy.reason == "The video lasts 1 s, and is cut from 300 s on. 2160p, 1440p have a process each."
    divided = plan.model_copy(update={"strategy": strategy})
    assert [part.name for part in parts(divided)] == [
        "audio", "rungs-2160p", "rungs-1440p", "rungs-1080p-720p-480p-360p",
    ]  # fmt: skip
    at = bench.media_bucket, divided.prefix
    encoded = {}
    for part in parts(divided):
        record = run.work_part(divided, part.name, *at, settings=bench.settings)
        assert {file.name for file in record.files} >= {f"video_{name}.mp4" for name in part.rungs}
        encoded[part.name] = record.encode_seconds
    result = run.work_join(divided, *at, settings=bench.settings)
    verify(divided, *at, S3Store(bench.settings))
    assert {item.name: item.size for item in result.objects} == bench.outputs(divided)
    assert list_objects(bench.media_bucket, "work") == {}
    whole = plan.model_copy(update={"revision": 1})
    bench.run(whole)
    assert set(bench.outputs(divided)) == set(bench.outputs(whole))
    speeds = {track.name: track.speed for track in result.tracks}
    assert speeds["audio"] is None
    assert speeds["2160p"] == pytest.approx(1 / encoded["rungs-2160p"], rel=0.1)
    assert speeds["1080p"] == speeds["360p"] != speeds["2160p"]
    assert [track.name for track in result.tracks if track.kind == "video"] == [
        "2160p", "1440p", "1080p", "720p", "480p", "360p",
    ]  # fmt: skip

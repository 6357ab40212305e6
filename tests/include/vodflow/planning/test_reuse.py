"""What of an older plan's outputs a new plan takes."""

from __future__ import annotations

from typing import Any

from support.planning_values import SOURCE, media
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.strategy import StrategyKind
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.reuse import reuse

OLDER = "vod/demo/film/0123"


def plan(*qualities: str, **changes: Any) -> TranscodePlan:
    wanted = qualities or ("1080p", "720p", "480p", "360p")
    return make_plan(
        SOURCE, media(), load_profile("standard"), tenant="demo", video="film", qualities=wanted, **changes
    )


def test_a_rung_more_is_the_only_one_that_is_encoded() -> None:
    found = reuse(plan(), plan("1080p", "720p", "360p"), "media", OLDER)
    assert found is not None
    assert found.kind == StrategyKind.RENDITIONS
    assert found.groups == (("480p",),)
    assert {item.track: item.mp4 for item in found.reused} == {
        "video_1080p": "mp4/video_1080p.mp4",
        "video_720p": "mp4/video_720p.mp4",
        "video_360p": "mp4/video_360p.mp4",
        "audio": "mp4/video_1080p.mp4",
        "audio_96k": "mp4/video_360p.mp4",
    }
    assert found.pictures == OLDER
    assert found.reason == f"1080p, 720p, 360p are there already, from {OLDER}."


def test_a_larger_rung_is_encoded_with_its_pictures() -> None:
    found = reuse(plan(), plan("720p", "480p", "360p"), "media", OLDER)
    assert found is not None
    assert found.groups == (("1080p",),)
    assert found.pictures is None


def test_another_packaging_encodes_nothing() -> None:
    found = reuse(plan(outputs=[Output.HLS]), plan(), "media", OLDER)
    assert found is not None
    assert found.groups == ()


def test_nothing_is_taken_that_was_made_otherwise() -> None:
    slower = plan().model_copy(
        update={"renditions": tuple(rung.model_copy(update={"preset": "slow"}) for rung in plan().renditions)}
    )
    assert reuse(plan(), slower, "media", OLDER) is None
    assert reuse(plan(), plan(outputs=[Output.HLS]), "media", OLDER) is None
    other = plan().model_copy(update={"media": media(duration=59.0)})
    assert reuse(plan(), other, "media", OLDER) is None


def test_other_pictures_cost_the_largest_rung() -> None:
    found = reuse(plan(thumbnail_interval=5.0), plan(), "media", OLDER)
    assert found is not None
    assert found.groups == (("1080p",),)

"""What of an older plan's outputs a new plan takes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from support.planning_values import SOURCE, media
from vodflow.contract import layout
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.strategy import Strategy, StrategyKind
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.reuse import remake, reuse

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


def again(lost: Collection[str] = (), *, pictures: bool = True, mp4s: Collection[str] | None = None) -> Strategy:
    made = {layout.mp4_file(rung): (f"sum of {rung.name}",) for rung in plan().renditions}
    return remake(
        plan(),
        "media",
        OLDER,
        left={layout.track_name(track) for track in layout.tracks(plan())} - set(lost),
        pictures=pictures,
        checksums={name: sums for name, sums in made.items() if mp4s is None or name in mp4s},
        cause="A reason",
    )


def test_what_is_left_of_a_plans_own_outputs_is_taken() -> None:
    found = again({"video_720p"})
    assert found.groups == (("720p",),)
    assert {(item.track, item.mp4, item.checksums) for item in found.reused} == {
        ("video_1080p", "mp4/video_1080p.mp4", ("sum of 1080p",)),
        ("video_480p", "mp4/video_480p.mp4", ("sum of 480p",)),
        ("video_360p", "mp4/video_360p.mp4", ("sum of 360p",)),
        ("audio", "mp4/video_1080p.mp4", ("sum of 1080p",)),
        ("audio_96k", "mp4/video_480p.mp4", ("sum of 480p",)),
    }
    assert found.pictures == OLDER
    assert found.reason == (
        "A reason. Taken as they were made: 1080p, 480p, 360p, audio, audio_96k. Encoded again: 720p."
    )


def test_bad_sound_is_encoded_alone_and_lost_pictures_with_the_largest_rung() -> None:
    found = again({"audio"})
    assert (found.groups, found.reason.rpartition(". ")[2]) == ((), "Encoded again: audio, audio_96k.")
    found = again(pictures=False)
    assert (found.groups, found.pictures) == ((("1080p",),), None)


def test_where_nothing_is_left_everything_is_encoded() -> None:
    for found in (again(mp4s=set()), again(pictures=False, mp4s={"mp4/video_1080p.mp4"})):
        assert (found.groups, found.reused) == ((("1080p", "720p", "480p", "360p"),), ())
        assert found.reason == "A reason. Everything is encoded again."

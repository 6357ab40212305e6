"""What the outputs do not have is said, and changes neither the work nor its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from support.planning_values import SOURCE, media, sound
from vodflow.contract.media_info import CaptionTrack, MediaInfo, OtherTrack
from vodflow.contract.plan import PLAN_SCHEMA_VERSION, Output, TranscodePlan
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

SUBTITLES = CaptionTrack(index=3, codec="mov_text", language="eng", title="SDH")
COVER = OtherTrack(index=4, kind="picture", codec="mjpeg")


def plan(info: MediaInfo, **options: Any) -> TranscodePlan:
    return make_plan(SOURCE, info, load_profile("standard"), tenant="acme", video="v", **options)


def codes(info: MediaInfo, **options: Any) -> list[tuple[str, int | None]]:
    return [(warning.code, warning.track) for warning in plan(info, **options).warnings]


def test_nothing_is_left_out_of_an_ordinary_video() -> None:
    assert codes(media()) == []
    assert codes(media(audio=())) == []


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        ({"color_transfer": "smpte2084"}, "hdr_tone_mapped", "(PQ)"),
        ({"color_transfer": "arib-std-b67"}, "hdr_tone_mapped", "(HLG)"),
        ({"color_primaries": "smpte432"}, "colors_clipped", "Display P3"),
        ({"color_space": "bt2020nc"}, "colors_clipped", "BT.2020"),
        ({"closed_captions": True}, "closed_captions_left_out", "CEA-608"),
        ({"dolby_vision": "8.1"}, "dolby_vision_left_out", "profile 8.1"),
        ({"alpha": True}, "alpha_left_out", "without transparency"),
        ({"field_order": "tt"}, "motion_halved", "50 fields a second; 25 frames"),
        ({"rate": "120/1"}, "frame_rate_reduced", "120 frames a second; 60 are"),
    ],
)
def test_qualities_of_the_picture(facts: dict[str, Any], code: str, words: str) -> None:
    (warning,) = plan(media(**facts)).warnings
    assert (warning.code, warning.track) == (code, 0)
    assert words in warning.message


def test_sound_that_nobody_gets() -> None:
    tracks = (sound(1, language="eng", channels=6, layout="5.1"), sound(2, language="eng"), sound(5, language="fra"))
    assert codes(media(audio=tracks)) == [("audio_downmixed", 1), ("audio_left_out", 2)]
    assert codes(media(audio=tracks), outputs=[Output.MP4])[1:] == [("audio_left_out", 2), ("audio_left_out", 5)]


def test_captions_and_other_tracks() -> None:
    info = media().model_copy(update={"captions": (SUBTITLES,), "others": (COVER,)})
    assert [warning.message for warning in plan(info).warnings] == [
        "Captions track 3 (mov_text, eng, SDH) is not published.",
        "Track 4 (mjpeg) is a still picture, such as cover art; it is not published.",
    ]


def test_what_is_only_said_does_not_rename_the_work() -> None:
    told = plan(media().model_copy(update={"others": (COVER,)}))
    assert told.hash == plan(media()).hash
    assert TranscodePlan.from_json(told.to_json()) == told
    assert "warnings" not in plan(media()).model_dump(mode="json")


def test_hashes_of_known_plans_stay() -> None:
    """Outputs are found again by them; a change of the schema's version may change them, nothing else."""
    assert PLAN_SCHEMA_VERSION == 1
    info = media(rate="24/1", audio=(sound(channels=6, layout="5.1"),))
    made = make_plan(SOURCE, info, load_profile("standard"), tenant="acme", video="unterwegs-1")
    assert made.hash == "21962ac15c91493c"


def test_every_code_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "manifest.md").read_text("utf-8")
    kinds = get_args(OtherTrack.model_fields["kind"].annotation)
    everything = media(audio=(sound(1, channels=6), sound(2)), color_transfer="smpte2084", alpha=True, field_order="tt")
    others = tuple(OtherTrack(index=9, kind=kind, codec="x") for kind in kinds)
    found = codes(everything.model_copy(update={"captions": (SUBTITLES,), "others": others})) + codes(
        media(rate="120/1")
    )
    assert {code for code, _ in found if f"`{code}`" not in page} == set()
    assert len(found) > len(kinds) + 5

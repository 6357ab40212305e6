"""Whole plans, and the rules that hold for each of them."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from support.fixtures.golden import Golden
from support.planning_values import SOURCE, media, sound
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.errors import PlanError
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile, parse_profile, profile_names, profiles_dir


def plan(info: MediaInfo, profile: str = "standard", **options: object) -> TranscodePlan:
    return make_plan(SOURCE, info, load_profile(profile), tenant="acme", video="unterwegs-1", **options)


WHOLE = {
    "film_1080p_51": (media(rate="24/1", audio=(sound(channels=6, layout="5.1"),)), "standard"),
    "wide_272p_silent": (media(640, 272, audio=(), bit_rate=404_874, duration=10.0), "standard"),
    "portrait_phone": (media(1080, 1920, rate="30000/1001", bit_rate=17_000_000), "streaming"),
    "uhd_60": (media(3840, 2160, rate="60000/1001", codec="hevc", bit_rate=45_000_000), "uhd"),
    "tiny_qcif": (media(176, 144, rate="30000/1001", audio=(), duration=4.004), "sd"),
    "two_languages": (media(1280, 720, audio=(sound(1, language="eng"), sound(2, language="fra"))), "hd"),
    "variable_rate": (media(1280, 720, rate="300/19", variable_frame_rate=True), "standard"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_plans(name: str, golden: Golden) -> None:
    info, profile = WHOLE[name]
    golden(f"{name}.json", plan(info, profile).model_dump(mode="json"))


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("rate", ["24000/1001", "24/1", "25/1", "30000/1001", "30/1", "50/1", "60/1", "120/1", "7/1"])
def test_rules_of_every_plan(profile: str, rate: str) -> None:
    for width, height in [(3840, 2160), (1920, 1080), (1080, 1920), (1920, 800), (853, 479), (176, 144), (50, 50)]:
        made = plan(media(width, height, rate=rate), profile)
        gops = {(rung.gop, rung.frame_rate) for rung in made.renditions}
        assert len(gops) == 1, "rungs are aligned"
        rung = made.renditions[0]
        assert rung.fps <= 60
        assert rung.gop / rung.fps == pytest.approx(2, abs=0.5 / float(rung.fps) + 1e-9)
        segment = Fraction(made.packaging.segment_duration) * rung.fps / rung.gop
        assert float(segment) == pytest.approx(round(segment), abs=1e-5), "segments are whole GOPs"
        names = {item.name for item in made.audio}
        for rung in made.renditions:
            assert rung.bitrate <= rung.max_bitrate <= 2 * rung.bitrate
            assert rung.audio in names
            assert min(rung.width, rung.height) <= 1088 or profile == "uhd"
            if profile != "uhd":
                assert float(rung.h264_level) <= 4.2
        assert names == {item.audio for item in made.renditions} | ({"audio"} & names)


def test_the_same_plan_every_time() -> None:
    info = WHOLE["portrait_phone"][0]
    assert plan(info).hash == plan(info).hash
    assert TranscodePlan.from_json(plan(info).to_json()) == plan(info)
    hashes = {
        plan(info).hash,
        plan(info, "hd").hash,
        plan(info, revision=1).hash,
        plan(info, outputs=[Output.HLS]).hash,
    }
    assert len(hashes) == 4


def test_outputs_are_ordered_and_unique() -> None:
    made = plan(media(), outputs=[Output.MP4, Output.HLS, Output.MP4])
    assert made.packaging.outputs == (Output.HLS, Output.MP4)
    assert plan(media(), outputs=None).packaging.outputs == (Output.HLS, Output.DASH, Output.MP4)
    with pytest.raises(PlanError, match="hls, dash, mp4"):
        plan(media(), outputs=[])


def test_only_sound_that_somebody_gets_is_made() -> None:
    info, profile = WHOLE["two_languages"]
    assert {item.language for item in plan(info, profile).audio} == {"eng", "fra"}
    alone = plan(info, profile, outputs=[Output.MP4])
    assert {item.name for item in alone.audio} == {rung.audio for rung in alone.renditions}
    assert {item.language for item in alone.audio} == {"eng"}


def test_a_source_of_few_bits_gets_few() -> None:
    def top(**facts: object) -> int:
        return plan(media(1280, 720, **facts)).renditions[0].bitrate

    assert top(bit_rate=1_000_000) == 2_000_000
    assert top(bit_rate=1_000_000, codec="hevc") == 3_000_000  # 4 Mb/s of H.264 would be as good
    assert top(bit_rate=None, container_bit_rate=1_128_000) == 2_000_000  # less 128 kb/s of sound
    assert top(bit_rate=None) == 3_000_000
    assert top(bit_rate=None, container_bit_rate=100_000) == 3_000_000  # nonsense is no bound


def test_rotation_and_pixel_aspect_are_in_the_display_size() -> None:
    turned = media(1080, 1920, width=1920, height=1080, rotation=90)
    assert (plan(turned).renditions[0].width, plan(turned).renditions[0].height) == (1080, 1920)
    anamorphic = media(1024, 576, width=720, height=576, sample_aspect_ratio="64/45")
    assert next((rung.width, rung.height) for rung in plan(anamorphic).renditions) == (1024, 576)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [((1920, 1080), (320, 180)), ((1080, 1920), (180, 320)), ((640, 272), (320, 136)), ((1080, 1080), (320, 320)),
     ((176, 144), (176, 144)), ((853, 479), (320, 180))],
)  # fmt: skip
def test_thumbnails_keep_the_shape(shown: tuple[int, int], expected: tuple[int, int]) -> None:
    pictures = plan(media(*shown)).thumbnails
    assert pictures is not None
    assert (pictures.width, pictures.height) == expected


def test_when_pictures_are_taken() -> None:
    assert plan(media(duration=60)).thumbnails.poster_time == 6.0
    assert plan(media(duration=7200)).thumbnails.poster_time == 30.0
    assert plan(media(), thumbnail_interval=4.0).thumbnails.interval == 4.0


def test_a_profile_decides_about_pictures_outputs_and_segments() -> None:
    text = """
description: Everything its own way.
rungs: [{name: low, height: 360, bitrate: 800k, max_ratio: 1.2, buffer_ratio: 1, h264_profile: main, preset: slow}]
gop_duration: 1
segment_duration: 4
hls_segments: ts
outputs: [hls]
thumbnails: {size: 160, interval: 2}
"""
    profile = parse_profile(text, profiles_dir() / "own.yaml")
    made = make_plan(SOURCE, media(), profile, tenant="acme", video="v", thumbnail_interval=10)
    rung = made.renditions[0]
    assert (rung.gop, made.packaging.segment_duration, made.packaging.hls_segments) == (25, 4.0, "ts")
    assert (rung.max_bitrate, rung.buffer_size, rung.h264_profile, rung.preset) == (960_000, 800_000, "main", "slow")
    assert (made.thumbnails.interval, made.thumbnails.width) == (2, 160)
    assert made.profile == "own"
    bare = parse_profile(text.replace("{size: 160, interval: 2}", "null"), profiles_dir() / "own.yaml")
    assert make_plan(SOURCE, media(), bare, tenant="acme", video="v").thumbnails is None


def test_what_no_level_allows_is_a_plan_error() -> None:
    text = "description: d\nrungs: [{name: 4320p, height: 4320, bitrate: 200M}]\n"
    profile = parse_profile(text, profiles_dir() / "huge.yaml")
    square = media(8192, 8192, rate="60/1")
    assert make_plan(SOURCE, square, profile, tenant="a", video="v").renditions[0].h264_level == "6.1"
    # No profile file can say this; the schema ends at 4320 lines.
    beyond = profile.model_copy(update={"rungs": (profile.rungs[0].model_copy(update={"height": 20_000}),)})
    with pytest.raises(PlanError, match=r"exceeds every H\.264 level.*huge"):
        make_plan(SOURCE, media(40_000, 20_000), beyond, tenant="a", video="v")


def test_a_plan_is_plain_json() -> None:
    document = json.loads(plan(media()).to_json())
    assert document["renditions"][0]["reference_frames"] == 3
    assert document["source"]["key"] == "acme/Ünterwegs 1.mp4"


def test_qualities_are_rungs_and_nothing_else() -> None:
    full = plan(media(1920, 1080))
    two = plan(media(1920, 1080), qualities=["480p", "1080p", "480p"])
    assert [rung.name for rung in two.renditions] == ["1080p", "480p"]
    assert two.renditions == (full.renditions[0], full.renditions[2])
    assert two.hash != full.hash
    assert two.hash == plan(media(1920, 1080), qualities=("1080p", "480p")).hash
    names = [rung.name for rung in full.renditions]
    assert plan(media(1920, 1080), qualities=names).hash == full.hash, "the whole ladder is the same work"


def test_a_source_below_every_chosen_quality_gets_its_own_size() -> None:
    assert [rung.name for rung in plan(media(640, 360), qualities=["1080p"]).renditions] == ["360p"]
    assert [rung.name for rung in plan(media(1600, 900), qualities=["1080p", "720p"]).renditions] == ["900p", "720p"]
    assert [rung.name for rung in plan(media(3840, 2160), qualities=["480p"]).renditions] == ["480p"]


@pytest.mark.parametrize("wrong", [["1081p"], ["1080p", "4k"], []])
def test_unknown_qualities_are_refused_with_the_choices(wrong: list[str]) -> None:
    with pytest.raises(PlanError, match=r"Choose from: 1080p, 720p, 480p, 360p\."):
        plan(media(), qualities=wrong)

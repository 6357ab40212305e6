"""ffprobe's JSON as facts. The documents in ffprobe/ are real answers (see record.py)."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.fixtures.golden import Golden
from vodflow.errors import InputRejected, RejectionReason
from vodflow.media.facts import declared_duration, media_info, start_time

FOLDER = Path(__file__).parent / "ffprobe"
WHOLE = sorted(
    path.stem
    for path in FOLDER.glob("*.json")
    if path.stem not in {"audio_only", "cover_art", "unknown_codec", "no_duration"}
)


def document(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return result


def changed(name: str = "plain", **video: object) -> dict[str, Any]:
    """The document with other values in its first stream; none removes one."""
    result = copy.deepcopy(document(name))
    stream = result["streams"][0]
    stream.update(video)
    result["streams"][0] = {key: value for key, value in stream.items() if value is not None}
    return result


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answer(name: str, golden: Golden) -> None:
    golden(f"{name}.json", media_info(document(name), 1000).model_dump(mode="json"))


def test_there_are_answers_to_test() -> None:
    assert len(WHOLE) >= 15


@pytest.mark.parametrize(
    ("matrix", "rotation", "shown"),
    [(-90, 90, (360, 640)), (90, 270, (360, 640)), (180, 180, (640, 360)), (-180, 180, (640, 360)), (0, 0, (640, 360)),
     (-270, 270, (360, 640)), (-89.6, 90, (360, 640)), (360, 0, (640, 360))],
)  # fmt: skip
def test_display_matrix_is_counter_clockwise(matrix: float, rotation: int, shown: tuple[int, int]) -> None:
    video = media_info(changed("portrait", side_data_list=[{"rotation": matrix}]), 1).video
    assert (video.rotation, (video.display_width, video.display_height)) == (rotation, shown)
    assert (video.width, video.height) == (640, 360)


@pytest.mark.parametrize(
    ("aspect", "shown"),
    [("64:45", (1024, 576)), ("1:1", (720, 576)), ("0:1", (720, 576)), ("N/A", (720, 576)), (None, (720, 576)),
     ("1000:1", (720, 576)), ("1:50", (720, 576))],
)  # fmt: skip
def test_sample_aspect_ratio_gives_square_pixels(aspect: str | None, shown: tuple[int, int]) -> None:
    video = media_info(changed("anamorphic", sample_aspect_ratio=aspect), 1).video
    assert (video.display_width, video.display_height) == shown


def test_rotation_comes_after_the_aspect_ratio() -> None:
    video = media_info(changed("anamorphic", side_data_list=[{"rotation": -90}]), 1).video
    assert (video.display_width, video.display_height) == (576, 1024)


@pytest.mark.parametrize(
    ("base", "average", "field_order", "rate", "variable"),
    [
        ("25/1", "25/1", "progressive", Fraction(25), False),
        ("30000/1001", "30000/1001", "progressive", Fraction(30000, 1001), False),
        ("30/1", "2980/100", "progressive", Fraction(30), False),  # a long last frame
        ("30/1", "20/1", "progressive", Fraction(30), True),  # still moments of a screen recording
        ("120/1", "40/1", "progressive", Fraction(40), True),
        ("25/1", "60000/1", "progressive", Fraction(25), False),  # bare DV
        ("25/1", "600/1", "progressive", Fraction(25), False),  # AVI with places for 600 pictures a second
        ("90000/1", "2997/100", "progressive", Fraction(2997, 100), True),  # a clock, not a rate
        ("50/1", "25/1", "tt", Fraction(25), False),  # fields
        ("50/1", "25/1", "progressive", Fraction(25), False),
        ("25/1", "0/0", "progressive", Fraction(25), False),
        ("0/0", "24/1", "progressive", Fraction(24), True),
        ("0/0", "0/0", "progressive", Fraction(25), True),
        ("120/1", "120/1", "progressive", Fraction(120), False),
    ],
)
def test_frame_rate(base: str, average: str, field_order: str, rate: Fraction, variable: bool) -> None:
    video = media_info(changed(r_frame_rate=base, avg_frame_rate=average, field_order=field_order), 1).video
    assert (video.fps, video.variable_frame_rate) == (rate, variable)


@pytest.mark.parametrize(
    ("pixels", "raw", "depth"),
    [("yuv420p", "8", 8), ("yuv420p10le", None, 10), ("p010le", None, 10), ("yuv422p12be", None, 12), ("nv12", None, 8),
     ("gray10le", None, 10), ("yuv410p", None, 8), ("yuv420p10le", "10", 10), ("rgb24", None, 8)],
)  # fmt: skip
def test_bit_depth(pixels: str, raw: str | None, depth: int) -> None:
    assert media_info(changed(pix_fmt=pixels, bits_per_raw_sample=raw), 1).video.bit_depth == depth


@pytest.mark.parametrize(
    ("pixels", "tags", "alpha"),
    [("yuva444p12le", {}, True), ("argb", {}, True), ("gbrap", {}, True), ("ya8", {}, True), ("rgb24", {}, False),
     ("yuv420p", {"ALPHA_MODE": "1"}, True), ("yuv420p", {}, False), ("bayer_rggb8", {}, False)],
)  # fmt: skip
def test_transparency(pixels: str, tags: dict[str, str], alpha: bool) -> None:
    assert media_info(changed(pix_fmt=pixels, tags=tags), 1).video.alpha is alpha


def test_every_stream_is_something() -> None:
    source = document("plain")
    source["streams"] += [
        {"index": 2, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}},
        {"index": 3, "codec_type": "video", "codec_name": "h264", "width": 320, "height": 180},
        {"index": 4, "codec_type": "audio", "codec_tag_string": "ac-4"},
        {"index": 5, "codec_type": "data", "codec_tag_string": "tmcd"},
        {"index": 6, "codec_type": "data", "codec_name": "klv"},
        {"index": 7, "codec_type": "attachment", "codec_name": "ttf"},
        {"index": 8, "codec_type": "subtitle", "codec_name": "mov_text"},
        {"index": 9},
    ]
    info = media_info(source, 1)
    assert [(track.index, track.kind, track.codec) for track in info.others] == [
        (2, "picture", "mjpeg"), (3, "video", "h264"), (4, "audio", "ac-4"), (5, "timecode", "tmcd"),
        (6, "data", "klv"), (7, "attachment", "ttf"), (9, "data", "unknown"),
    ]  # fmt: skip
    assert [track.index for track in info.captions] == [8]


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("audio_only", RejectionReason.NO_VIDEO_TRACK, "sound only"),
        ("cover_art", RejectionReason.NO_VIDEO_TRACK, "cover art"),
        ("unknown_codec", RejectionReason.UNDECODABLE, "zzzz"),
    ],
)
def test_refused_by_name(name: str, reason: RejectionReason, words: str) -> None:
    with pytest.raises(InputRejected, match=words) as caught:
        media_info(document(name), 1)
    assert caught.value.reason == reason


def test_video_without_a_size_is_undecodable() -> None:
    with pytest.raises(InputRejected, match="headers are damaged") as caught:
        media_info(changed(width=0, height=0), 1)
    assert caught.value.reason == RejectionReason.UNDECODABLE


def test_nothing_at_all_is_no_video_track() -> None:
    with pytest.raises(InputRejected, match="holds no video track"):
        media_info({"streams": [], "format": {"format_name": "mpegts"}}, 1)


def test_missing_duration_is_refused_unless_measured() -> None:
    with pytest.raises(InputRejected, match="how long"):
        media_info(document("no_duration"), 1)
    info = media_info(document("no_duration"), 1, 2.0)
    assert (info.duration, info.video.duration) == (2.0, 2.0)


def test_duration_of_the_streams_serves_where_the_container_has_none() -> None:
    source = document("plain")
    del source["format"]["duration"]
    assert declared_duration(source) == 4.0
    matroska = document("two_languages")
    del matroska["format"]["duration"]
    assert declared_duration(matroska) == pytest.approx(2.021, abs=0.02)  # from the DURATION tags


@pytest.mark.parametrize("text", ["N/A", "inf", "nan", "-1", "0.000000", None])
def test_useless_durations_are_none(text: str | None) -> None:
    assert declared_duration({"format": {"duration": text}, "streams": []}) is None


def test_start_time_may_be_negative_or_unknown() -> None:
    assert start_time({"format": {"start_time": "-0.021333"}}) == pytest.approx(-0.021333)
    assert start_time({"format": {}}) == 0.0


def test_best_video_track_is_the_default_one_then_the_largest() -> None:
    source = document("plain")
    small, large = copy.deepcopy(source["streams"][0]), copy.deepcopy(source["streams"][0])
    small.update(index=7, width=320, height=180)
    large.update(index=8)
    small["disposition"]["default"] = large["disposition"]["default"] = 0
    source["streams"] = [small, large]
    assert media_info(source, 1).video.index == 8
    small["disposition"]["default"] = 1
    assert media_info(source, 1).video.index == 7


def test_cover_art_beside_a_video_is_left_out() -> None:
    source = document("plain")
    cover = copy.deepcopy(source["streams"][0])
    cover.update(index=5, width=4000, height=4000, codec_name="mjpeg")
    cover["disposition"]["attached_pic"] = 1
    source["streams"].insert(0, cover)
    assert media_info(source, 1).video.codec == "h264"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("eng", "eng"), ("FRA", "fra"), ("und", None), ("mis", None), ("", None), ("```", None), ("pt-BR", "pt-br")],
)
def test_languages(tag: str, language: str | None) -> None:
    source = document("two_languages")
    source["streams"][1]["tags"] = {"LANGUAGE": tag}
    assert media_info(source, 1).audio[0].language == language


def test_unreadable_audio_is_left_out_and_layouts_are_guessed() -> None:
    source = document("two_languages")
    source["streams"][1]["sample_rate"] = "0"
    del source["streams"][2]["channel_layout"]
    source["streams"][2]["channels"] = 6
    audio = media_info(source, 1).audio
    assert [(track.language, track.layout) for track in audio] == [("fra", "5.1")]


def test_hdr_is_seen() -> None:
    video = media_info(document("hdr"), 1).video
    assert (video.hdr, video.bit_depth, video.color_primaries) == (True, 10, "bt2020")


def test_matroska_counts_its_durations_from_time_0() -> None:
    late = document("two_languages")
    for part in (late["format"], *late["streams"]):
        part["start_time"] = "10.000000"
    late["format"]["duration"] = "13.021000"
    late["streams"][0].setdefault("tags", {})["DURATION"] = "00:00:13.000000000"
    info = media_info(late, 1)
    assert (info.duration, info.video.start, info.video.duration) == pytest.approx((3.021, 10.0, 3.0))


def test_a_still_picture_that_is_not_marked_is_no_video() -> None:
    both = changed("plain")
    still = {**both["streams"][0], "index": 7, "width": 3000, "height": 3000, "codec_name": "mjpeg", "duration": "0.04"}
    both["streams"].insert(0, still)
    assert media_info(both, 1).video.codec == "h264"
    both["streams"] = [still]
    assert media_info(both, 1).video.codec == "mjpeg"

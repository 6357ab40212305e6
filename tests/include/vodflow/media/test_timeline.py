"""Tracks of streams without an index."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from vodflow.media.timeline import Extent, counted, extents, length, patience, time_zero, with_ends, with_extents


def packets(start: float, seconds: float, rate: int = 25) -> Iterator[str]:
    """Video as stream 0 and, beside it, sound as stream 1."""
    for number in range(round(seconds * rate)):
        time = start + number / rate
        yield f"0,{time + 2 / rate:.6f},{time:.6f},{1 / rate:.6f},"
        yield f"1,{time:.6f},{time:.6f},{1 / rate:.6f}"


def spans(lines: list[str]) -> dict[int, tuple[float, float]]:
    return {index: (found.start, found.end) for index, found in extents(lines, {0, 1}).items()}


def test_plain_stream() -> None:
    found = spans(list(packets(1.4, 3)))
    assert found[0] == pytest.approx((1.48, 4.48))
    assert found[1] == pytest.approx((1.4, 4.4))


@pytest.mark.parametrize("second", [0.0, 1.4, 500.0, 95_000.0])
def test_joined_recordings_follow_one_another(second: float) -> None:
    found = spans([*packets(1.4, 2), *packets(second, 2)])
    assert found[0] == pytest.approx((1.48, 5.48), abs=0.05)
    assert found[1] == pytest.approx((1.4, 5.4), abs=0.05)


def test_short_gaps_and_reordering_stay() -> None:
    assert spans([*packets(0, 1), *packets(6, 1)])[1] == pytest.approx((0, 7))
    assert spans(["0,0.0,0.0,0.04", "0,0.12,0.04,0.04", "0,0.04,0.08,0.04"])[0] == pytest.approx((0, 0.16))


@pytest.mark.parametrize("paused", [0, 1])
def test_a_track_that_pauses_while_the_other_goes_on_is_no_jump(paused: int) -> None:
    lines = [line for line in packets(1.4, 16) if line[0] != str(paused) or not 3 < float(line.split(",")[2]) < 15]
    found = extents(lines, {0, 1})
    assert found[paused].end == pytest.approx(found[1 - paused].end, abs=0.1)
    assert float(patience(found[0].gap)[1]) == pytest.approx(13, abs=0.1)
    # FFmpeg cannot tell it from a jump that is no longer.
    joined = extents([*lines, *packets(29, 2)], {0, 1})
    assert (joined[0].gap, joined[1 - paused].end) == (0.0, pytest.approx(19.4, abs=0.1))
    assert patience(joined[0].gap) == []


def test_a_track_that_begins_far_away_is_brought_near() -> None:
    assert spans(["0,5,5,0.04", "1,900,900,0.04", "0,5.04,5.04,0.04"])[1] == pytest.approx((5, 5.04))


def test_other_streams_and_packets_without_times_do_not_count() -> None:
    assert spans(["2,99,99,1", "0,N/A,N/A,0.04", "0,1,N/A,N/A", "", "[h264] complaint, with commas"]) == {0: (1.0, 1.0)}


def test_measured_times_replace_estimates() -> None:
    document = {
        "format": {"format_name": "mpegts", "duration": "502.0", "start_time": "1.4"},
        "streams": [{"index": 0, "codec_type": "video", "duration": "2.6"}, {"index": 2}],
    }
    result = with_extents(document, {0: Extent(1.5, 4.5, 4.4, 4.5)})
    assert result["streams"][0] == {
        "index": 0, "codec_type": "video", "duration": "3.000000", "start_time": "1.500000"
    }  # fmt: skip
    assert (result["streams"][1], result["format"]) == (document["streams"][1], document["format"])
    assert length(result) == pytest.approx(3.0)
    assert with_extents(document, {}) == document


def declared(**streams: tuple[str, float | None]) -> dict[str, Any]:
    """An answer of ffprobe: kind and seconds by the word for the stream."""
    return {
        "format": {},
        "streams": [
            {"index": index, "codec_type": kind, "start_time": "0.5", **({"duration": str(lasts)} if lasts else {})}
            for index, (kind, lasts) in enumerate(streams.values())
        ],
    }


@pytest.mark.parametrize(
    ("picture", "sound", "expected"),
    [
        (3.0, 3.02, (3.0, 3.02)),  # as the packets say
        (1.0, 1.0, (3.0, 3.02)),
        (100.0, None, (3.0, 3.02)),
    ],
)
def test_the_last_packets_decide(picture: float | None, sound: float | None, expected: tuple[float, float]) -> None:
    tail = {0: Extent(2.0, 3.5, 3.4, 3.5), 1: Extent(2.1, 3.52, 3.5, 3.52)}
    result = with_ends(declared(picture=("video", picture), sound=("audio", sound), text=("subtitle", 90)), tail)
    assert result is not None
    assert [float(item["duration"]) for item in result["streams"][:2]] == pytest.approx(expected)
    assert length(result) == pytest.approx(3.02)


@pytest.mark.parametrize(("sound", "told"), [(1.0, True), (3.0, False), (None, False)])
def test_a_track_without_last_packets_must_have_ended_before(sound: float | None, told: bool) -> None:
    tail = {0: Extent(2.0, 3.5, 3.4, 3.5)}
    found = with_ends(declared(picture=("video", 3.0), sound=("audio", sound)), tail)
    assert (found is not None) == told


@pytest.mark.parametrize(
    ("frames", "lasts", "rate", "expected"),
    [
        ("75", "3.0", "25/1", True),
        ("75", "1.0", "25/1", False),
        ("75", "3.0", "0/0", False),
        ("N/A", "3.0", "25/1", False),
    ],
)
def test_frames_bear_a_duration_out(frames: str, lasts: str, rate: str, expected: bool) -> None:
    video = {"index": 0, "codec_type": "video", "nb_frames": frames, "duration": lasts, "r_frame_rate": rate}
    assert counted({"streams": [video]}) == expected


@pytest.mark.parametrize(
    ("pictures", "sounds", "zero"),
    [
        (0.0, [], 0.0),
        (0.0, [1.0], 0.0),
        (1.48, [1.458667], 1.44),  # a whole frame before the pictures, sound within it
        (0.08, [0.0], 0.0),
        (0.001, [0.0], 0.001),  # a rounded time stamp is no frame
        (10.5, [10.0, 9.5], 9.5),
    ],
)
def test_time_0_is_a_whole_number_of_frames_before_the_first_picture(
    pictures: float, sounds: list[float], zero: float
) -> None:
    assert time_zero(pictures, sounds, Fraction(25)) == pytest.approx(zero)


def test_bare_pictures_last_as_long_as_their_packets() -> None:
    assert spans(["0,N/A,N/A,0.04"] * 5) == {0: (0.0, pytest.approx(0.2))}


def test_a_gap_of_a_file_with_an_index_is_no_jump() -> None:
    found = extents([*packets(0, 1), *packets(21, 1)], {0, 1}, joined=False)
    assert found[1].end == pytest.approx(22)

"""The rate of the densest second, from time stamps as recorders write them."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable

import pytest
from support.planning_values import media
from vodflow.contract.media_info import VideoTrack
from vodflow.media.frame_rate import densest_rate, with_needed_rate
from vodflow.planning.timing import output_rate


def steady(rate: float, seconds: float, start: float = 0.0) -> list[float]:
    return [start + frame / rate for frame in range(round(rate * seconds))]


def jittering(times: Iterable[float], most: float) -> list[float]:
    moved = random.Random(1)
    return [time + moved.uniform(-most, most) for time in times]


NTSC = 30000 / 1001
CASES = {
    "constant": (steady(25, 10), "25"),
    "milliseconds": ([round(time, 3) for time in steady(NTSC, 10)], "30000/1001"),
    "frames_dropped": ([time for frame, time in enumerate(steady(NTSC, 20)) if frame % 77], "30000/1001"),
    "lively_then_still": (jittering([*steady(30, 2), *steady(1, 20, 2)], 0.006), "30"),
    "still_then_lively": ([*steady(0.2, 60), *steady(30, 1, 60)], "30"),
    "one_lively_second_in_an_hour": ([*steady(0.2, 1800), *steady(60, 1, 1800), *steady(0.2, 1800, 1801)], "60"),
    "phone": (jittering(steady(30, 20), 0.004), "30"),
    "phone_24_to_60": ([*steady(24, 5), *steady(60, 3, 5), *steady(40, 4, 8)], "60"),
    "doubled": ([time + double for time in steady(25, 8) for double in (0.0, 0.001)], "25"),
    "the_same_twice": ([time for time in steady(24, 8) for _ in range(2)], "24"),
    "out_of_order": ([time + shift for time in steady(6, 8) for shift in (0, 3 / 24, 1 / 24, 2 / 24)], "24"),
    "joined": ([*steady(25, 5), *steady(25, 5, 0.02), *steady(25, 5, 0.01)], "25"),
    "joined_with_a_faster_one": ([*steady(25, 5), *steady(50, 5, 0.007)], "50"),
    "broken_off": ([*steady(25, 5), *steady(200, 0.02)], "25"),
    "beyond_the_cap": (steady(120, 3), "60"),
    "less_than_a_second": (steady(30, 0.5), "30"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_published(name: str) -> None:
    times, expected = CASES[name]
    rate = densest_rate(times)
    assert rate is not None
    assert str(output_rate(rate, variable=True)) == expected


@pytest.mark.parametrize("times", [[], [0.0], [0.0, 0.04], [1.0, 1.0, 1.0, 1.0]])
def test_too_few_frames_say_nothing(times: list[float]) -> None:
    assert densest_rate(times) is None


def box(kind: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def movie(*entries: tuple[int, int], handler: bytes = b"vide") -> bytes:
    """An MP4 whose video track has these numbers of frames of these lengths, in milliseconds."""
    table = bytes(4) + struct.pack(">I", len(entries)) + b"".join(struct.pack(">II", *entry) for entry in entries)
    clock, kind = bytes(12) + struct.pack(">II", 1000, 0), bytes(8) + handler
    track = box("mdia", box("mdhd", clock), box("hdlr", kind), box("minf", box("stbl", box("stts", table))))
    return box("ftyp", b"isom") + box("mdat", bytes(100)) + box("moov", box("mvhd", bytes(100)), box("trak", track))


def from_index(data: bytes) -> VideoTrack:
    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    info = media(640, 360, "10/1").model_copy(update={"size": len(data)})
    document = {"streams": [{"index": 0, "r_frame_rate": "10/1", "avg_frame_rate": "11/1"}]}
    return with_needed_rate(info, document, read, lambda _: "").video


def test_the_index_of_an_mp4_tells_the_rate() -> None:
    track = from_index(movie((20, 1000), (30, 33), (30, 1000)))
    assert (round(track.fps), track.variable_frame_rate) == (30, True)


@pytest.mark.parametrize(
    "data",
    [
        movie((20, 1000), (2**32 - 1, 20)),
        movie((40, 20), handler=b"soun"),
        movie(),
        movie((40, 20))[:-1],
        movie((40, 20))[:-30],
        movie((40, 20)).replace(b"moov", b"free"),
        movie((40, 20)).replace(b"trak", b"free"),
        movie((40, 20)).replace(struct.pack(">I", 1000), bytes(4), 1),
        b"",
    ],
    ids=["too_many", "sound", "fragmented", "cut", "cut_more", "no_index", "no_track", "no_clock", "nothing"],
)
def test_a_damaged_index_tells_nothing(data: bytes) -> None:
    track = from_index(data)
    assert (track.frame_rate, track.variable_frame_rate) == ("10/1", False)


def declaring(rate: str, lines: Iterable[object], *, size: int = 1_000_000) -> VideoTrack:
    """What becomes of a Matroska file whose header declares a rate, by the times of its packets."""
    info = media(640, 360, rate).model_copy(update={"size": size, "container": "matroska,webm"})
    document = {"streams": [{"index": 0, "r_frame_rate": rate, "avg_frame_rate": rate}]}
    answer = "".join(f"{line}\n" for line in lines)
    return with_needed_rate(info, document, lambda _, length: bytes(length), lambda _: answer).video


def in_parts(rate: float, *others: float) -> list[float]:
    """Times in parts of 2 s, of which some have other rates."""
    return [time for part, one in enumerate([*others, *[rate] * 12]) for time in steady(one, 2, part * 60)]


PROMISES = {
    "more_than_there_are": ("120/1", steady(30, 4), "30"),
    "twice_as_many": ("60/1", steady(NTSC, 10), "30000/1001"),
    "some_more": ("30/1", steady(24, 10), "24"),
    "in_milliseconds": ("120/1", [round(time, 3) for time in steady(30, 4)], "30"),
    "fewer": ("25/1", steady(50, 4), "50"),
    "what_is_there": ("50/1", steady(50, 4), "50"),
    "with_frames_left_out": ("60/1", [time for frame, time in enumerate(steady(30, 20)) if frame % 77], "30"),
    "a_short_burst": ("60/1", [*steady(10, 5), *steady(60, 0.2, 5), *steady(10, 5, 6)], "60"),
    "a_burst_of_four": ("60/1", [*steady(15, 5), *steady(60, 4 / 60, 5), *steady(15, 5, 6)], "60"),
    "times_that_are_missing": ("60/1", [part for time in steady(30, 4) for part in (time, "N/A")], "60"),
}


@pytest.mark.parametrize("name", PROMISES)
def test_a_header_may_promise_too_much(name: str) -> None:
    promised, times, expected = PROMISES[name]
    track = declaring(promised, times)
    assert str(output_rate(track.fps, variable=track.variable_frame_rate)) == expected


@pytest.mark.parametrize(
    ("times", "expected"), [(in_parts(30), "30"), (in_parts(10, 1, 5, 1), "60"), (in_parts(30, 60), "60")]
)
def test_of_a_large_source_all_parts_must_say_so(times: list[float], expected: str) -> None:
    track = declaring("120/1", times, size=1 << 40)
    assert str(output_rate(track.fps, variable=track.variable_frame_rate)) == expected


def test_an_index_behind_boxes_without_end_is_not_looked_for() -> None:
    looks = []

    def read(offset: int, length: int) -> bytes:
        looks.append(offset)
        assert len(looks) <= 1000
        return box("free")[:length]

    info = media(640, 360, "10/1").model_copy(update={"size": 1 << 40})
    document = {"streams": [{"index": 0, "r_frame_rate": "10/1", "avg_frame_rate": "11/1"}]}
    assert with_needed_rate(info, document, read, lambda _: "") == info

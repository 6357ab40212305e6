"""How many frames a second a picture needs, by the times of its frames.

ffprobe's rates are guesses from the beginning of a file, and averages: a recording of a screen that stands still most
of the time, or slides with one lively second, would lose its motion, and one whose header promises more frames than it
has would be published with each of them several times. Television is left alone: its rate is constant,
and its packets may be fields.

What is read: of MP4 and MOV the index, and that only where ffprobe's two rates differ; of others the packets, all of
them up to :data:`_AFFORDED` bytes, and beyond that short parts all over the file. A lively moment between those parts
is missed, and ffprobe's rate stays.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import accumulate, chain, pairwise, repeat
from math import isnan, nan
from struct import error as struct_error
from struct import iter_unpack
from typing import Any

from vodflow.contract.media_info import MediaInfo, VideoTrack
from vodflow.media.containers import MAX_BOXES
from vodflow.media.isobmff import boxes, need
from vodflow.media.ranges import ReadRange

log = logging.getLogger(__name__)

#: What ffprobe says of packets with these options more.
Packets = Callable[[list[str]], str]

#: Formats whose frames have times of their own, and which are no broadcasting or editing formats of constant rates.
_TIMED = {"mov", "matroska", "mpegts", "flv", "asf", "ogg"}
#: Without an index a seek reads everything before it.
_UNINDEXED = {"flv"}
#: Bytes of a source that are read for its rate alone, a mebibyte a request: two or three seconds within a region.
_AFFORDED = 64 * 1024**2
#: Bytes of an index, and frames that it may claim: about two days at 60 frames a second.
_LARGEST_INDEX = 64 * 1024**2
_MOST_FRAMES = 10_000_000
#: How many parts of a larger source are read, of how many seconds.
_PARTS, _PART = 16, 2.0

#: Frames that are closer, in seconds, are one: doubled time stamps, frames that are not shown.
_CLOSEST = 1 / 240
#: Seconds in which frames are counted: a second's frames begin within less.
_SECOND = 0.9
#: Seconds backwards that are no reordering of frames.
_CLOCK_JUMP = 1.0
#: Share of the usual time between frames beyond which one is missing.
_MISSING = 1.5
#: Frames that come in the time of the last but one are a burst, however short.
_BURST = 4
#: Shares by which a long steady part may refine the densest second's rate, and by which ffprobe's rate may be off.
_REFINED, _CONSTANT = 0.05, 0.01


def with_needed_rate(info: MediaInfo, document: Mapping[str, Any], read: ReadRange, packets: Packets) -> MediaInfo:
    """The facts with the rate of the picture's densest second, where ffprobe's would drop frames of it or repeat all.

    :param document: ffprobe's answer
    :param read: the source's bytes
    :param packets: asks ffprobe for ``pts_time`` of the picture's packets, one a line; none where that takes too long
    :raises SourceUnavailable: when the source cannot be read just now
    """
    stream = next(item for item in document["streams"] if item["index"] == info.video.index)
    formats = set(info.container.split(","))
    if info.video.interlaced or not formats & _TIMED:
        return info
    if "mov" in formats and stream.get("r_frame_rate") == stream.get("avg_frame_rate"):
        return info
    times = (_indexed(read, info) if "mov" in formats else None) or _read(packets, info, formats)
    whole = info.size <= _AFFORDED
    return info.model_copy(update={"video": _paced(info.video, densest_rate(times), times, whole=whole)})


def densest_rate(times: Iterable[float]) -> Fraction | None:
    """Frames a second in the densest second; none of fewer than three frames.

    A steady part that is about as dense and lasts longer says it better: time stamps jitter.

    :param times: of frames, seconds, in the order of the file
    """
    parts = list(_unbroken(time for time in times if not isnan(time)))
    longer = [part for part in parts if max(part, default=0.0) - min(part, default=0.0) >= _SECOND]
    rates = [rate for part in longer or parts if (rate := _rate(part))]
    return Fraction(max(rates)).limit_denominator(1001) if rates else None


def _unbroken(times: Iterable[float]) -> Iterator[list[float]]:
    """Times between which the clock does not begin anew, as it does where recordings were joined."""
    part: list[float] = []
    latest = 0.0
    for time in times:
        if part and time < latest - _CLOCK_JUMP:
            yield part
            part = []
        latest = max(latest, time) if part else time
        part.append(time)
    yield part


def _distinct(part: list[float]) -> array[float]:
    frames = array("d")
    for time in sorted(part):
        if not frames or time - frames[-1] >= _CLOSEST:
            frames.append(time)
    return frames


def _rate(part: list[float]) -> float | None:
    frames = _distinct(part)
    if len(frames) < 3:
        return None
    densest = _densest(frames)
    steady = _steady(frames, _MISSING / densest)
    return steady if abs(steady / densest - 1) <= _REFINED else densest


def _densest(frames: array[float]) -> float:
    first, densest = 0, 0.0
    for last, time in enumerate(frames):
        while first + 1 < last and time - frames[first + 1] >= _SECOND:
            first += 1
        if time - frames[first] >= _SECOND:
            densest = max(densest, (last - first) / (time - frames[first]))
    return densest or (len(frames) - 1) / (frames[-1] - frames[0])


def _steady(frames: array[float], longest: float) -> float:
    """Frames a second of the longest part without a longer step than that."""
    best, rate, begin = 0.0, 0.0, 0
    for index, (before, after) in enumerate(pairwise(frames), 1):
        if after - before > longest:
            begin = index
        elif after - frames[begin] > best:
            best, rate = after - frames[begin], (index - begin) / (after - frames[begin])
    return rate


def _paced(track: VideoTrack, needed: Fraction | None, times: array[float], *, whole: bool) -> VideoTrack:
    if needed is None or abs(needed - track.fps) <= track.fps * Fraction(_CONSTANT):
        return track
    # Of a varying rate ffprobe's may be the higher one, and right: that of bursts shorter than a second.
    if needed < track.fps and (track.variable_frame_rate or not _is_all(times, float(needed), whole=whole)):
        return track
    rate = f"{needed.numerator}/{needed.denominator}"
    return track.model_copy(update={"frame_rate": rate, "variable_frame_rate": True})


def _is_all(times: array[float], rate: float, *, whole: bool) -> bool:
    """Whether frames come nowhere faster than at this rate; of parts of a source: whether they do steadily in each."""
    if any(isnan(time) for time in times):
        return False
    parts = [_distinct(part) for part in _unbroken(times)]
    if any(
        last - first < (_BURST - 2) / rate
        for part in parts
        for first, last in zip(part, part[_BURST - 1 :], strict=False)
    ):
        return False
    slow = sum(after - before > _MISSING / rate for part in parts for before, after in pairwise(part))
    return whole or slow <= _PARTS


def _indexed(read: ReadRange, info: MediaInfo) -> array[float]:
    """Decoding times of all samples by the index of an MP4; none of a fragmented one, whose index is empty.

    :raises SourceUnavailable: when it cannot be read just now
    """
    offset, header, length = 0, b"", 0
    for _ in range(MAX_BOXES):
        offset += length
        header = read(offset, 16) if offset < info.size else b""
        length = int.from_bytes(header[8:16] if header[:4] == b"\0\0\0\1" else header[:4], "big")
        if length < 8 or header[4:8] == b"moov":
            break
    if length < 8 or header[4:8] != b"moov":
        return array("d")
    moov = read(offset + 8, min(length, _LARGEST_INDEX) - 8)
    try:
        tracks = [moov[box.start : box.end] for box in boxes(moov) if box.kind == "trak"]
        media = need(tracks[info.video.index], "mdia")
        mdhd, hdlr, stts = need(media, "mdhd"), need(media, "hdlr"), need(media, "minf", "stbl", "stts")
        scale = int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16], "big")
        steps = [(step / scale, count) for count, step in iter_unpack(">II", stts[8:])]
    except (ValueError, IndexError, ZeroDivisionError, struct_error):
        return array("d")
    if hdlr[8:12] != b"vide" or sum(count for _, count in steps) > _MOST_FRAMES:
        return array("d")
    return array("d", accumulate(chain.from_iterable(repeat(step, count) for step, count in steps)))


def _read(packets: Packets, info: MediaInfo, formats: set[str]) -> array[float]:
    options: list[str] = []
    if info.size > _AFFORDED:
        if formats & _UNINDEXED:
            return array("d")
        step = max(0.0, info.duration - _PART) / (_PARTS - 1)
        starts = (info.video.start + part * step for part in range(_PARTS))
        options = ["-read_intervals", ",".join(f"{start:.3f}%+{_PART:g}" for start in starts)]
        log.info("the rate of %d bytes is taken from %d parts of %g s", info.size, _PARTS, _PART)
    fields = (line.partition(",")[0] for line in packets(options).splitlines())
    return array("d", (nan if field == "N/A" else float(field) for field in fields if field))

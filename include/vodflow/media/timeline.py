"""When tracks really begin and end, by their packets: pure.

What a container declares may be stale, and MPEG-TS and MPEG-PS declare nothing; ffprobe estimates it from the last time
stamps. That is wrong where recordings were joined and the clock jumps, and short by whatever an audio packet holds.
FFmpeg joins such parts while it decodes (``ts_discontinuity_detect`` in fftools/ffmpeg_demux.c); the same rule here
gives the same length.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf
from typing import Any

from vodflow.media.facts import timed_streams
from vodflow.media.ffprobe_fields import number, ratio_of, stream_duration

#: Seconds forwards (FFmpeg's ``dts_delta_threshold``) and backwards that make a difference a jump of the clock.
_JUMP_FORWARDS = 10.0
_JUMP_BACKWARDS = 0.1
#: Seconds by which FFmpeg's threshold is longer than the longest gap.
_MARGIN = 1.0

#: What ffprobe is asked for; its answer is what :func:`extents` reads.
PACKETS = ("-show_entries", "packet=stream_index,pts_time,dts_time,duration_time", "-of", "csv=p=0")
#: Seconds by which a declared end may differ from the packets': rounding, and packets that hold more than they say.
_ROUNDED = 0.1
#: Seconds before a track's declared end in which it must have a packet.
_SPARSE = 0.5
#: Share by which the frames of a whole file may differ from what rate and duration give.
_CONSTANT = 0.02
#: Formats that FFmpeg flags with ``AVFMT_TS_DISCONT``.
_FROM_USED = {"mpegts", "mpegtsraw", "mpeg", "ogg"}
#: FFmpeg's clock.
_MICROSECOND = 1e-6
#: Share of a frame that pictures are moved to lie on the frames of the outputs.
_NO_FRAME = Fraction(1, 10)


@dataclass
class Extent:
    """Seconds on the clock of the stream's beginning.

    :param decoded: decoding time of the last packet
    :param due: decoding time that the next packet should have
    :param gap: longest time for which a track of the file has no packet, where it is long enough to look like a jump
    """

    start: float
    end: float
    decoded: float
    due: float
    gap: float = 0.0


@dataclass
class _Clock:
    """The clock of a file whose parts may have been joined.

    :param gaps: one track may pause while others go on
    :param jump: the shortest jump forwards
    """

    gaps: bool
    offset: float = 0.0
    latest: float | None = None
    gap: float = 0.0
    jump: float = inf

    def read(self, decoded: float, index: int, found: Mapping[int, Extent]) -> float:
        """A packet's decoding time, jumps taken out."""
        decoded += self.offset
        extent = found.get(index)
        expected = extent.due if extent else self.latest
        if expected is not None and _jumps(decoded, expected, extent):
            step = decoded - expected
            # Not the packet before: of MPEG-TS the last picture before a gap comes when the gap is over.
            others = (abs(decoded - other.decoded) for place, other in found.items() if place != index)
            if self.gaps and extent and min(others, default=inf) <= _JUMP_FORWARDS < step:
                self.gap = max(self.gap, step)
                return decoded
            self.jump = min(self.jump, step) if step > 0 else self.jump
            self.offset -= step
            decoded = expected
        return decoded


def extents(
    packets: Sequence[str], tracks: Collection[int], *, joined: bool = True, gaps: bool = True
) -> dict[int, Extent]:
    """Start and end of each track, jumps of the clock taken out.

    FFmpeg tells a track that pauses from a clock that jumps by the length alone: see :func:`patience`.

    :param packets: lines ``stream_index,pts_time,dts_time,duration_time`` in the order of the file
    :param tracks: stream indexes of pictures and sound; others keep no clock
    :param joined: the clock of such files may jump
    :param gaps: a track that pauses while others go on is no jump
    """
    found: dict[int, Extent] = {}
    untimed = defaultdict[int, float](float)
    clock = _Clock(gaps)
    for line in packets:
        index, shown, decoded, lasts = _packet(line)
        if index is None or index not in tracks:
            continue
        if decoded is None:
            untimed[index] += lasts
            continue
        extent = found.get(index)
        decoded = clock.read(decoded, index, found) if joined else decoded
        shown = decoded if shown is None else shown + clock.offset
        if not lasts and extent:  # a packet that does not say lasts as long as the one before it
            lasts = max(0.0, decoded - extent.decoded)
        end, due = shown + lasts, decoded + lasts
        if extent is None:
            found[index] = Extent(shown, end, decoded, due)
        else:
            extent.start, extent.end = min(extent.start, shown), max(extent.end, end)
            extent.decoded, extent.due = decoded, due
        clock.latest = decoded
    if clock.jump <= clock.gap + _MARGIN:
        return extents(packets, tracks, joined=joined, gaps=False)
    for extent in found.values():
        extent.gap = clock.gap
    # Bare streams of pictures have no time stamps at all.
    return found or {index: Extent(0.0, total, total, total) for index, total in untimed.items() if total}


def with_extents(document: Mapping[str, Any], found: Mapping[int, Extent]) -> dict[str, Any]:
    """The answer of ffprobe with measured times of each track in place of declared ones."""
    result = copy.deepcopy(dict(document))
    for stream in result.get("streams", []):
        extent = found.get(stream.get("index"))
        if extent is not None:
            stream["start_time"], stream["duration"] = f"{extent.start:.6f}", f"{extent.end - extent.start:.6f}"
    if gap := max((extent.gap for extent in found.values()), default=0.0):
        result["format"]["longest_gap"] = gap
    return result


def patience(longest_gap: float | None) -> list[str]:
    """FFmpeg's global options by which it takes no gap of one track for a jump of the clock.

    :param longest_gap: seconds, as :func:`with_extents` notes it in the document
    """
    return ["-dts_delta_threshold", f"{longest_gap + _MARGIN:.3f}"] if longest_gap else []


def with_ends(document: Mapping[str, Any], tail: Mapping[int, Extent]) -> dict[str, Any] | None:
    """The answer of ffprobe with the tracks' real ends in place of declared ones.

    :param tail: what the last packets of the file tell
    :return: nothing where a track is not among them, although it should be: every packet has to be read
    """
    begin = min((extent.start for extent in tail.values()), default=0.0)
    measured: dict[int, Extent] = {}
    for stream in timed_streams(document):
        start, lasts = number(stream.get("start_time")) or 0.0, stream_duration(stream)
        extent = tail.get(stream["index"])
        if extent is None and (lasts is None or start + lasts > begin + _SPARSE):
            return None
        if extent is not None and (lasts is None or abs(start + lasts - extent.end) > _ROUNDED):
            measured[stream["index"]] = Extent(start, extent.end, extent.decoded, extent.due)
    return with_extents(document, measured)


def counted(document: Mapping[str, Any]) -> bool:
    """Whether the frames that the index of a file counts bear the declared durations out."""
    videos = [item for item in timed_streams(document) if item.get("codec_type") == "video"]
    rates = [_rate(item) for item in videos]
    return bool(rates) and all(rate is not None and abs(rate - 1) <= _CONSTANT for rate in rates)


def _rate(stream: Mapping[str, Any]) -> float | None:
    """Frames a second as counted, as a share of the declared rate."""
    frames, lasts, rate = number(stream.get("nb_frames")), stream_duration(stream), ratio_of(stream.get("r_frame_rate"))
    return frames / lasts / float(rate) if frames and lasts and rate else None


def length(document: Mapping[str, Any]) -> float | None:
    """Seconds from the start of the earliest to the end of the latest track; none when no track has a duration."""
    times = [(number(item.get("start_time")) or 0.0, stream_duration(item)) for item in timed_streams(document)]
    spans = [(start, start + lasts) for start, lasts in times if lasts]
    return max(end for _, end in spans) - min(start for start, _ in spans) if spans else None


def time_zero(pictures: float, sounds: Iterable[float], rate: Fraction) -> float:
    """The time stamp that becomes time 0, seconds.

    The earliest track begins there or less than a frame later: a whole number of frames before the first picture, so
    that bringing pictures to a constant rate moves them by no part of a frame against the sound.

    :param pictures: time stamp of the first picture, seconds
    :param sounds: time stamps at which the tracks of sound begin, seconds
    :param rate: frames a second of the outputs
    """
    early = Fraction(pictures - min([pictures, *sounds]))
    return pictures - float(max(0, ceil(early * rate - _NO_FRAME)) / rate)


def input_offset(container: str, start: float, used: Iterable[float], zero: float) -> float:
    """FFmpeg's ``itsoffset`` that makes a time stamp its time 0, seconds; 0 where it is that by itself.

    FFmpeg takes the start of whatever stream is first, subtitles and time codes among them; but of formats whose clock
    may jump that of the first stream that is read (``correct_input_start_times`` in fftools/ffmpeg_demux.c).

    :param container: ffprobe's format name
    :param start: the container's start, as ffprobe says it
    :param used: time stamps at which the tracks begin that are read
    :param zero: the time stamp
    """
    formats = set(container.split(","))
    shift = (min(used, default=start) if formats & _FROM_USED else start) - zero
    return shift if abs(shift) >= _MICROSECOND else 0.0


def _jumps(decoded: float, expected: float, extent: Extent | None) -> bool:
    if abs(decoded - expected) > _JUMP_FORWARDS:
        return True
    return extent is not None and decoded + _JUMP_BACKWARDS < extent.decoded


def _packet(line: str) -> tuple[int | None, float | None, float | None, float]:
    fields = [*line.strip().split(","), "", "", ""]
    index = int(fields[0]) if fields[0].isdigit() else None
    shown, decoded, lasts = (number(field) for field in fields[1:4])
    return index, shown, shown if decoded is None else decoded, lasts or 0.0

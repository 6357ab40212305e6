"""When the tracks of a stream without an index really begin and end: pure.

MPEG-TS and MPEG-PS declare no durations; ffprobe estimates them from the last time stamps. That is wrong where
recordings were joined and the clock jumps, and short by whatever an audio packet holds. FFmpeg joins such parts while
it decodes (``ts_discontinuity_detect`` in fftools/ffmpeg_demux.c); the same rule here gives the same length.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Seconds forwards (FFmpeg's ``dts_delta_threshold``) and backwards that make a difference a jump of the clock.
_JUMP_FORWARDS = 10.0
_JUMP_BACKWARDS = 0.1


@dataclass
class Extent:
    """Seconds on the clock of the stream's beginning.

    :param decoded: decoding time of the last packet
    :param due: decoding time that the next packet should have
    """

    start: float
    end: float
    decoded: float
    due: float


def extents(packets: Iterable[str], tracks: Collection[int]) -> dict[int, Extent]:
    """Start and end of each track, jumps of the clock taken out.

    :param packets: lines ``stream_index,pts_time,dts_time,duration_time`` in the order of the file
    :param tracks: stream indexes of pictures and sound; others keep no clock
    """
    found: dict[int, Extent] = {}
    offset, latest = 0.0, None
    for line in packets:
        index, shown, decoded, length = _packet(line)
        if index is None or index not in tracks or decoded is None:
            continue
        extent = found.get(index)
        decoded += offset
        expected = extent.due if extent else latest
        if expected is not None and _jumps(decoded, expected, extent):
            offset += expected - decoded
            decoded = expected
        shown = decoded if shown is None else shown + offset
        end, due = shown + length, decoded + length
        if extent is None:
            found[index] = Extent(shown, end, decoded, due)
        else:
            extent.start, extent.end = min(extent.start, shown), max(extent.end, end)
            extent.decoded, extent.due = decoded, due
        latest = decoded
    return found


def with_extents(document: Mapping[str, Any], found: Mapping[int, Extent]) -> dict[str, Any]:
    """The answer of ffprobe with measured times in place of estimated ones."""
    result = copy.deepcopy(dict(document))
    for stream in result.get("streams", []):
        extent = found.get(stream.get("index"))
        if extent is not None:
            stream["start_time"], stream["duration"] = f"{extent.start:.6f}", f"{extent.end - extent.start:.6f}"
    if found:
        start, end = min(item.start for item in found.values()), max(item.end for item in found.values())
        result["format"] = {**result.get("format", {}), "start_time": f"{start:.6f}", "duration": f"{end - start:.6f}"}
    return result


def _jumps(decoded: float, expected: float, extent: Extent | None) -> bool:
    if abs(decoded - expected) > _JUMP_FORWARDS:
        return True
    return extent is not None and decoded + _JUMP_BACKWARDS < extent.decoded


def _packet(line: str) -> tuple[int | None, float | None, float | None, float]:
    fields = [*line.strip().split(","), "", "", ""]
    index = int(fields[0]) if fields[0].isdigit() else None
    shown, decoded, length = (_number(field) for field in fields[1:4])
    return index, shown, shown if decoded is None else decoded, length or 0.0


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None

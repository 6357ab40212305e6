"""Media playlists: what they list, and how many bits a second that takes.

Pure, on text and sizes; :mod:`vodflow.packaging.finish` reads the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_TARGET = re.compile(r"^#EXT-X-TARGETDURATION:(\d+)", re.MULTILINE)
_RANGE = re.compile(r"^#EXT-X-BYTERANGE:(\d+)")


@dataclass(frozen=True)
class Segment:
    """One entry of a media playlist.

    :param duration: seconds
    :param size: bytes of its byte range, where it has one
    """

    uri: str
    duration: float
    size: int | None = None


@dataclass(frozen=True)
class Rates:
    """Bits a second, as RFC 8216 section 4.3.4.2 defines BANDWIDTH (peak) and AVERAGE-BANDWIDTH.

    :param size: bytes of all segments
    :param duration: seconds of all segments
    """

    average: int
    peak: int
    size: int
    duration: float


def parse_segments(playlist: str) -> list[Segment]:
    """The segments of a media playlist that this package's packager wrote."""
    segments: list[Segment] = []
    duration, size = 0.0, None
    for line in playlist.splitlines():
        if line.startswith("#EXTINF:"):
            duration = float(line.removeprefix("#EXTINF:").partition(",")[0])
        elif found := _RANGE.match(line):
            size = int(found[1])
        elif line and not line.startswith("#"):
            segments.append(Segment(line, duration, size))
            size = None
    return segments


def target_duration(playlist: str) -> float:
    """EXT-X-TARGETDURATION in seconds; 0 when it is not stated."""
    found = _TARGET.search(playlist)
    return float(found[1]) if found else 0.0


def rates_of(playlist: str, size: Callable[[str], int]) -> Rates:
    """Average and peak of a media playlist's segments.

    :param size: bytes of a file that it names
    """
    listed = ((item.duration, size(item.uri) if item.size is None else item.size) for item in parse_segments(playlist))
    return measure(listed, target_duration(playlist))


def measure(segments: Iterable[tuple[float, int]], target: float) -> Rates:
    """Average and peak of segments given as (seconds, bytes).

    The peak is the largest rate of any run of neighbouring segments that lasts 0.5 to 1.5 target durations: a
    short last segment does not count on its own.
    """
    listed = [(seconds, size) for seconds, size in segments if seconds > 0]
    if not listed:
        return Rates(0, 0, 0, 0.0)
    duration = sum(seconds for seconds, _ in listed)
    size = sum(size for _, size in listed)
    average = size * 8 / duration
    peak = max(_peak_from(listed, first, target) for first in range(len(listed)))
    return Rates(average=round(average), peak=round(max(peak, average)), size=size, duration=duration)


def _peak_from(listed: Sequence[tuple[float, int]], first: int, target: float) -> float:
    seconds, size, peak = 0.0, 0, 0.0
    for duration, bytes_ in listed[first:]:
        seconds += duration
        size += bytes_
        if seconds > 1.5 * target:
            break
        if seconds >= 0.5 * target:
            peak = max(peak, size * 8 / seconds)
    return peak


def move_up(text: str) -> str:
    """A playlist or MPD with its references to the shared ``cmaf/`` folder made relative to a neighbour of it.

    Shaka Packager writes paths relative to the working folder unless they lie below the playlist's own.
    """
    return re.sub(r'(^|")cmaf/', r"\1../cmaf/", text, flags=re.MULTILINE)

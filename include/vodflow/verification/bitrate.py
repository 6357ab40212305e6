"""Average and peak bit rates as RFC 8216 defines them."""

from __future__ import annotations

from collections.abc import Sequence

#: Apple's HLS authoring specification for VOD: measured rates within 10 % of the declared ones.
RATE_TOLERANCE = 0.10


def average_bitrate(sizes: Sequence[int], durations: Sequence[float]) -> float:
    """Bits a second over all segments (RFC 8216, 4.3.4.2)."""
    total = sum(durations)
    return sum(sizes) * 8 / total if total > 0 else 0.0


def peak_bitrate(sizes: Sequence[int], durations: Sequence[float], target: float) -> float:
    """Bits a second: the largest rate of any contiguous run of segments whose total duration is between 0.5 and 1.5
    times the target duration (RFC 8216, 4.3.4.2); without such a run, the whole.

    :param target: target duration, seconds
    """
    best = 0.0
    for first in range(len(sizes)):
        size, duration = 0, 0.0
        for index in range(first, len(sizes)):
            size += sizes[index]
            duration += durations[index]
            if duration > 1.5 * target:
                break
            if duration >= 0.5 * target:
                best = max(best, size * 8 / duration)
    return best or average_bitrate(sizes, durations)


def highest_bitrate(sizes: Sequence[int], durations: Sequence[float], target: float) -> float:
    """The most that a packager may declare: it may count a short segment, which :func:`peak_bitrate` leaves out."""
    single = (size * 8 / duration for size, duration in zip(sizes, durations, strict=True) if duration > 0)
    return max(peak_bitrate(sizes, durations, target), *single, 0.0)

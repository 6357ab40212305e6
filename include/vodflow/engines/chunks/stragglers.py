"""Which parts take so long that a second start is worth it: pure.

A machine may be slow, or its neighbour loud; a second attempt elsewhere then often ends first. The first to end is
kept, and the other one is stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

#: Parts that must be done before anything is said of what is usual.
_ENOUGH: Final = 5
#: Share of the done parts that a straggler is slower than, and by what factor: without one, the slowest of equal parts
#: would always be started twice.
PERCENTILE: Final = 0.95
_SLOWER: Final = 1.2


def stragglers(
    done: Sequence[float], running: Mapping[str, float], room: int, *, whole: int | None = None
) -> list[str]:
    """The running parts to start a second time, the longest-running first.

    A second start takes no room from parts that have not begun: call it when nothing else waits.

    :param done: seconds that each done part took for a second of its video
    :param running: name → seconds that each part with a single attempt has taken for a second of its video until now
    :param room: how many more parts may run
    :param whole: parts of the job, of which at least half must be done; none means that nobody knows
    """
    if len(done) < max(_ENOUGH, (whole or 0) / 2) or room <= 0:
        return []
    limit = percentile(done, PERCENTILE) * _SLOWER
    late = sorted(((seconds, name) for name, seconds in running.items() if seconds > limit), reverse=True)
    return [name for _, name in late[:room]]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all values lies, between two of them by proportion."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

"""When sources come, whose they are, and what becomes of each: the dice of the year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from benchmarks.year.columns import SECOND, Numbers
from benchmarks.year.shapes import PROFILE_SHARES, SHAPES, weights

FIRST_DAY: Final = date(2025, 1, 1)
DAYS: Final = 365
VIDEOS: Final = 1_000_000
#: Videos whose bytes are replaced later, as a share of all.
REPLACED: Final = 0.05
TENANTS: Final = 120
ENGINES: Final = ("local", "mediaconvert", "kubernetes")
HOUR: Final = 3600 * SECOND

#: What becomes of a source, and how often.
FATES: Final = ("published", "failed", "rejected", "canceled", "refused", "unreadable", "given_up")
_FATE_SHARES: Final = (0.925, 0.018, 0.004, 0.013, 0.028, 0.009, 0.003)

#: Nobody works on these days of the year; a holiday in the middle of a week and one at the end of the year.
_HOLIDAYS: Final = (0, 120, 358, 359)


@dataclass(frozen=True)
class Arrivals:
    """Sources in the order of their registration; one element a source.

    :param number: of the first of them, from 0
    :param video: its video's id, from 1
    :param new: whether it is the first of its video
    :param registered: microseconds since the epoch
    :param seconds: length
    :param again: whether a second job is made of it later
    """

    number: int
    video: Numbers
    new: Numbers
    registered: Numbers
    tenant: Numbers
    profile: Numbers
    engine: Numbers
    shape: Numbers
    seconds: Numbers
    size: Numbers
    fate: Numbers
    again: Numbers

    def __len__(self) -> int:
        return len(self.video)

    @property
    def ids(self) -> Numbers:
        """Of the sources."""
        return self.number + 1 + np.arange(len(self))

    def of(self, *fates: str) -> Numbers:
        """Which of them came to one of these ends."""
        return np.isin(self.fate, [FATES.index(fate) for fate in fates])


def begin() -> int:
    """The first moment of the year, microseconds since the epoch."""
    return int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp()) * SECOND


def tenant_of(videos: Numbers, seed: int) -> Numbers:
    """The tenant of each video, from 0: few have most of them (Zipf). A tenant keeps its videos."""
    shares = 1 / np.arange(1, TENANTS + 1) ** 1.1
    # By the id alone, so that a later version of the video finds the same tenant.
    mixed = (videos.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)) >> np.uint64(11)
    return np.searchsorted(np.cumsum(shares / shares.sum()), mixed / 2**53).clip(max=TENANTS - 1)


def arrivals(scale: float, seed: int, chunk: int = 50_000) -> Iterator[Arrivals]:
    """All sources of the year, some at a time.

    :param scale: share of the full year's rows
    """
    dice = np.random.default_rng(seed)
    videos = max(1, round(VIDEOS * scale))
    later = round(videos * REPLACED)
    new = np.ones(videos + later, dtype=bool)
    new[1 + dice.permutation(videos + later - 1)[:later]] = False
    video = np.cumsum(new)
    video[~new] = 1 + np.floor(dice.random(later) * video[~new]).astype(np.int64)
    registered = _moments(len(video), dice)
    profiles = np.random.default_rng(seed + 1).choice(len(PROFILE_SHARES), TENANTS, p=PROFILE_SHARES)
    engines = np.random.default_rng(seed + 2).choice(len(ENGINES), TENANTS, p=(0.45, 0.3, 0.25))
    for first in range(0, len(video), chunk):
        part = slice(first, first + chunk)
        yield _some(first, video[part], new[part], registered[part], (profiles, engines), seed)


def _some(
    first: int, video: Numbers, new: Numbers, registered: Numbers, usual: tuple[Numbers, Numbers], seed: int
) -> Arrivals:
    dice = np.random.default_rng((seed, first))
    count, tenant = len(video), tenant_of(video, seed)
    other = dice.random(count)
    shape = dice.choice(len(SHAPES), count, p=weights())
    seconds = np.round(np.clip(dice.lognormal(5.3, 1.15, count), 4, 4 * 3600), 3)
    bits = np.array([one.bits for one in SHAPES])[shape] * dice.lognormal(0, 0.25, count)
    return Arrivals(
        number=first,
        video=video,
        new=new,
        registered=registered,
        tenant=tenant,
        profile=np.where(other < 0.1, dice.integers(len(PROFILE_SHARES), size=count), usual[0][tenant]),
        engine=np.where(other > 0.9, dice.integers(len(ENGINES), size=count), usual[1][tenant]),
        shape=shape,
        seconds=seconds,
        size=np.maximum(1, bits * seconds / 8).astype(np.int64),
        fate=dice.choice(len(FATES), count, p=_FATE_SHARES),
        again=dice.random(count) < 0.015,
    )


def _moments(count: int, dice: np.random.Generator) -> Numbers:
    """Busy days and idle nights, fewer at weekends, more from month to month, nothing on holidays."""
    hours = np.arange(DAYS * 24)
    day, hour = hours // 24, hours % 24
    weekday = (day + FIRST_DAY.weekday()) % 7
    rhythm = 0.15 + np.exp(-(((hour - 14.5) / 4.5) ** 2))
    share = rhythm * np.where(weekday < 5, 1.0, 0.35) * (0.7 + 0.6 * day / DAYS) * ~np.isin(day, _HOLIDAYS)
    each = dice.multinomial(count, share / share.sum())
    return np.sort(begin() + np.repeat(hours, each) * HOUR + dice.integers(HOUR, size=count))

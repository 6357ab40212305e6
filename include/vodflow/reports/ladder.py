"""Bits against quality: what of a job's ladder is wasted, starving, or no better to see than the rung below.

A rung's score is VMAF's mean at the rung's own size, so scores of two sizes do not say which of the two looks better on
a screen. What they do say is how well each size is coded, and so what another would need: a picture with more pixels
takes more bits for the same score, by the rule of thumb that the planner goes by, too. Rungs are held against each
other only after their rates were brought to one size in this way; a step between two rungs is judged only where both
have one size.

The thresholds are conventions of the field, not laws of nature:

* From 95 on viewers cannot tell a video from its original, on average: Kah et al., "Fundamental relationships between
  subjective quality, user acceptance, and the VMAF metric for a quality-based bit-rate ladder design for over-the-top
  video streaming services", SPIE 11842 (2021).
* Six points are a difference that three of four viewers notice: Ozer, "Finding the Just Noticeable Difference with
  Netflix VMAF", 2017. Kah et al. are stricter: up to two points nobody notices, on average.
* Below 70 quality is less than good: 70 is between "good" and "fair", for 20 stands for "bad" and 100 for "excellent"
  (Netflix, "VMAF: The Journey Continues", 2018).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from statistics import fmean
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from vodflow.catalog.tables import facts
from vodflow.planning.ladder import PIXEL_POWER

#: VMAF from which on more bits are not seen.
TARGET: Final = 95.0
#: VMAF below which a rung has too few bits.
POOR: Final = 70.0
#: Difference in VMAF that is just noticed.
JUST_NOTICEABLE: Final = 6.0

#: Less than this share of a rate is less, and not the same number calculated in another way.
_SAME: Final = 1 - 1e-9

_KEY: Final = ("tenant", "profile", "engine", "codec", "rung")
_READ: Final = (
    *_KEY, "job_id", "rendition_id", "measured_bitrate", "size_bytes", "width", "height", "vmaf", "vmaf_p5",
)  # fmt: skip


class Rung(NamedTuple):
    """A measured rung.

    :param rate: bits a second
    :param vmaf: 0 to 100, at its own size
    :param pixels: of a picture
    """

    rate: float
    vmaf: float
    pixels: int = 1

    def at(self, pixels: int) -> Rung:
        """What the same score would take with pictures of another size."""
        return Rung(self.rate * (pixels / self.pixels) ** PIXEL_POWER, self.vmaf, pixels)


class Verdict(NamedTuple):
    """What is to be said of a rung.

    :param saved: share of its bits that would not be missed, 0 to 1
    """

    wasted: bool
    starving: bool
    too_close: bool
    saved: float


def hull(rungs: Iterable[Rung]) -> list[Rung]:
    """The upper convex hull of VMAF over the logarithm of the rate, as far as it rises: the best a rate can give."""
    points: list[Rung] = []
    for point in sorted(rungs, key=lambda rung: (rung.rate, -rung.vmaf)):
        if points and point.vmaf <= points[-1].vmaf:
            continue
        while len(points) > 1 and _slope(points[-2], points[-1]) <= _slope(points[-2], point):
            points.pop()
        points.append(point)
    return points


def _slope(first: Rung, second: Rung) -> float:
    return (second.vmaf - first.vmaf) / (math.log(second.rate) - math.log(first.rate))


def rate_for(points: Sequence[Rung], vmaf: float) -> float | None:
    """Bits a second that a hull needs for a score, interpolated in the logarithm; none where it does not get there."""
    place = bisect_left([point.vmaf for point in points], vmaf)
    if place == len(points):
        return None
    if place == 0:
        return float(points[0].rate)
    low, high = points[place - 1], points[place]
    share = (vmaf - low.vmaf) / (high.vmaf - low.vmaf)
    return math.exp(math.log(low.rate) + share * (math.log(high.rate) - math.log(low.rate)))


def judge(rungs: Sequence[Rung]) -> list[Verdict]:
    """A verdict for each rung of one job, which come in the order of their rates."""
    found: list[Verdict] = []
    below: dict[int, Rung] = {}
    for rung in rungs:
        enough = rate_for(hull(other.at(rung.pixels) for other in rungs), TARGET)
        over = rung.vmaf >= TARGET and enough is not None and enough < rung.rate * _SAME
        lower = below.get(rung.pixels)
        found.append(
            Verdict(
                wasted=over,
                starving=rung.vmaf < POOR,
                too_close=lower is not None and rung.vmaf - lower.vmaf < JUST_NOTICEABLE,
                saved=1 - (enough or 0) / rung.rate if over else 0.0,
            )
        )
        below[rung.pixels] = rung
    return found


def efficiency(conn: Connection, day: Any) -> list[dict[str, Any]]:
    """Rows of ``ladder_efficiency`` of a day, from its ``rendition_quality``."""
    table = facts.rendition_quality
    query = select(*(table.c[name] for name in _READ)).where(table.c.day == day, table.c.kind == "video")
    rows = conn.execute(query.order_by(table.c.job_id, table.c.measured_bitrate, table.c.rendition_id)).all()
    verdicts: dict[int, Verdict] = {}
    for _, ladder in groupby(rows, attrgetter("job_id")):
        measured = [row for row in ladder if row.vmaf is not None and row.measured_bitrate > 0]
        judged = judge([Rung(row.measured_bitrate, row.vmaf, row.width * row.height) for row in measured])
        verdicts |= {row.rendition_id: verdict for row, verdict in zip(measured, judged, strict=True)}

    def key(row: Any) -> tuple[str, ...]:
        return (row.tenant, row.profile, row.engine, row.codec.partition(".")[0], row.rung)

    return [
        {"day": day, **dict(zip(_KEY, names, strict=True)), **_added(list(group), verdicts)}
        for names, group in groupby(sorted(rows, key=lambda row: (*key(row), row.rendition_id)), key)
    ]


def _added(rows: Sequence[Any], verdicts: dict[int, Verdict]) -> dict[str, Any]:
    measured = [(row, verdicts[row.rendition_id]) for row in rows if row.rendition_id in verdicts]
    worst = [row.vmaf_p5 for row, _ in measured if row.vmaf_p5 is not None]
    return {
        "renditions": len(rows),
        "measured": len(measured),
        **{name: sum(getattr(verdict, name) for _, verdict in measured)
           for name in ("wasted", "starving", "too_close")},
        "size_bytes": sum(row.size_bytes for row, _ in measured),
        "saveable_bytes": sum(int(row.size_bytes * verdict.saved) for row, verdict in measured),
        "bitrate": fmean(row.measured_bitrate for row, _ in measured) if measured else None,
        "vmaf": fmean(row.vmaf for row, _ in measured) if measured else None,
        "vmaf_p5": fmean(worst) if worst else None,
    }  # fmt: skip

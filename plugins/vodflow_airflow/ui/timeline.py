"""When what happened to a job, as bars to draw. Pure; moments in, shares of the whole out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

#: Most parts that get a bar; of more, those that took longest.
MOST_PARTS: Final = 24

_TICKS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800)
_KINDS: Final = {
    "QUEUED": "wait", "PUBLISHED": "good", "FAILED": "bad", "REJECTED": "bad", "CANCELED": "bad",
    "succeeded": "good", "failed": "bad", "lost": "bad", "rejected": "bad", "canceled": "bad", "done": "good",
}  # fmt: skip
_ENDS: Final = frozenset({"PUBLISHED", "FAILED", "REJECTED", "CANCELED"})


@dataclasses.dataclass(frozen=True)
class Bar:
    """One stretch. ``left`` and ``width`` are shares of the whole, 0 to 1; ``kind`` is wait, good, bad or empty."""

    label: str
    left: float
    width: float
    seconds: float
    kind: str
    title: str


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Bars from the first moment to the last, with marks: where they stand and how many seconds after the first."""

    begin: datetime
    seconds: float
    bars: list[Bar]
    marks: list[tuple[float, int]]


def timeline(
    registered_at: datetime,
    now: datetime,
    events: Iterable[Mapping[str, Any]],
    attempts: Iterable[Mapping[str, Any]] = (),
    parts: Iterable[Mapping[str, Any]] = (),
) -> Timeline | None:
    """The bars of one job: statuses, then attempts, then parts; none before anything happened.

    :param registered_at: when the source became known; of a later job what was before it does not count
    :param events: rows of ``job_event``, oldest first
    """
    steps = list(events)
    if not steps:
        return None
    spans = [("waits for its run", registered_at, steps[0]["at"], "wait", "registered, not planned yet")]
    if (steps[0]["at"] - registered_at).total_seconds() > 86400:
        spans.clear()
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        status = step["new_status"]
        if status not in _ENDS:
            end = following["at"] if following else now
            spans.append((status.lower(), step["at"], end, _KINDS.get(status, ""), f"by {step['actor']}"))
    spans += [
        (f"attempt {row['number']}", row["started_at"], row["finished_at"] or now, _KINDS.get(row["outcome"], ""),
         f"{row['engine']} on {row['worker']}: {row['error_message'] or row['outcome'] or 'running'}")
        for row in attempts
    ]  # fmt: skip
    begun = [row for row in parts if row["started_at"]]
    begun.sort(key=lambda row: (row["ended_at"] or now) - row["started_at"], reverse=True)
    spans += [
        (row["part"], row["started_at"], row["ended_at"] or now, _KINDS.get(row["state"], ""),
         f"{row['title']} on {row['worker']}: {row['error_message'] or row['state']}")
        for row in sorted(begun[:MOST_PARTS], key=lambda row: row["started_at"])
    ]  # fmt: skip
    return _drawn(spans)


def _drawn(spans: list[tuple[str, datetime, datetime, str, str]]) -> Timeline | None:
    if not spans:
        return None
    begin = min(span[1] for span in spans)
    whole = max((max(span[2] for span in spans) - begin).total_seconds(), 0.001)
    bars = []
    for label, start, end, kind, title in spans:
        seconds = max((end - start).total_seconds(), 0.0)
        bars.append(Bar(label, (start - begin).total_seconds() / whole, seconds / whole, seconds, kind, title))
    step = next((tick for tick in _TICKS if whole / tick <= 8), _TICKS[-1])
    marks = [(at / whole, at) for at in range(0, int(whole) + 1, step)]
    return Timeline(begin, whole, bars, marks)

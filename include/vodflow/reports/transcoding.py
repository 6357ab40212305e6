"""The two tables of earlier versions, views of ``reporting.job_outcome`` today, and some days in a few numbers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Select, TableClause, column, func, select, table

from vodflow.catalog.rows import Record
from vodflow.catalog.tables import facts


@dataclasses.dataclass(frozen=True, kw_only=True)
class DailyRow(Record):
    """One row of ``report_transcoding_daily``; see the table for units."""

    day: date
    tenant: str
    profile: str
    engine: str
    videos: int
    jobs: int
    failed: int
    rejected: int
    canceled: int
    minutes_in: float
    minutes_out: float
    bytes_in: int
    bytes_out: int
    encode_speed_p50: float | None
    encode_speed_p95: float | None
    time_to_publish_p50: float | None
    time_to_publish_p95: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProblemRow(Record):
    """One row of ``report_transcoding_problem_daily``: how often one reason stopped work on a day."""

    day: date
    tenant: str
    profile: str
    engine: str
    kind: str
    reason: str
    count: int


_KEYS: Final = ("day", "tenant", "profile", "engine", "kind", "reason")
report_transcoding_daily = table(
    "report_transcoding_daily", *(column(field.name) for field in dataclasses.fields(DailyRow))
)
report_transcoding_problem_daily = table(
    "report_transcoding_problem_daily", *(column(field.name) for field in dataclasses.fields(ProblemRow))
)

#: Numbers of days that add up.
_SUMS: Final = ("jobs", "failed", "rejected", "canceled", "minutes_in", "minutes_out", "bytes_in", "bytes_out")


def read_days(conn: Connection, first: date, last: date) -> list[DailyRow]:
    """Rows of the days from ``first`` to ``last``, both included, in the order of the key."""
    return [DailyRow.of(row) for row in conn.execute(_between(report_transcoding_daily, first, last))]


def read_problems(conn: Connection, first: date, last: date) -> list[ProblemRow]:
    """Reasons of the days from ``first`` to ``last``, both included, in the order of the key."""
    return [ProblemRow.of(row) for row in conn.execute(_between(report_transcoding_problem_daily, first, last))]


def _between(table: TableClause, first: date, last: date) -> Select[Any]:
    day, *names = (table.c[name] for name in _KEYS if name in table.c)
    return select(table).where(day.between(first, last)).order_by(day, *(name.collate("C") for name in names))


@dataclasses.dataclass(frozen=True)
class Summary:
    """Some days in a few numbers.

    :param encode_speed: media seconds encoded a wall second: median of all published jobs
    :param videos: different ones: one that was published on two days or in two profiles counts once
    :param time_to_publish: seconds from request to publication: likewise
    :param problems: number of each reason, most frequent first, as ``failed: transient``, ``rejected: truncated``
        or ``unreadable: archived``
    """

    first: date
    last: date
    videos: int
    jobs: int
    failed: int
    rejected: int
    canceled: int
    minutes_in: float
    minutes_out: float
    bytes_in: int
    bytes_out: int
    encode_speed: float | None
    time_to_publish: float | None
    problems: dict[str, int]


def summary(conn: Connection, first: date, last: date) -> Summary:
    """Add up the days from ``first`` to ``last``, both included, as the report tables have them."""
    rows = read_days(conn, first, last)
    reasons = Counter[str]()
    for problem in read_problems(conn, first, last):
        reasons[f"{problem.kind}: {problem.reason}"] += problem.count
    ends = facts.job_outcome.c
    published = select(
        func.count(ends.video_id.distinct()).label("videos"),
        func.percentile_cont(0.5).within_group(ends.speed).label("encode_speed"),
        func.percentile_cont(0.5).within_group(ends.total_seconds).label("time_to_publish"),
    ).where(ends.day.between(first, last), ends.status == "published")
    return Summary(
        first=first,
        last=last,
        **conn.execute(published).mappings().one(),
        **{name: sum(getattr(row, name) for row in rows) for name in _SUMS},
        problems=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )

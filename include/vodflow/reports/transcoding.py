"""``report_transcoding_daily``: recomputed a day at a time from jobs and sources, wholly in the database.

The end of a job belongs to its UTC day, a source rejected before it had a job to the day of its rejection, one that
could not be read to the day on which that was found out last, whether or not it can be read again.
Each day is one transaction that replaces all its rows, so that a second run changes nothing and a run that breaks
off leaves every day either old or new.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, TableClause, column, delete, func, select, table, text

from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN
from vodflow.catalog.failed_runs import NO_TENANT
from vodflow.catalog.rows import Record
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import facts, job, job_event
from vodflow.settings import Settings, get_settings

#: What stands in the column ``engine`` for sources that were rejected before a job existed.
NO_ENGINE = "none"


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


# One row for each end of work on the day. Jobs are taken from their events, which never change: a failure that was
# retried later still counts on its day. A source refused before it had a job, and a
# run that failed before, have no event; they count by themselves.
# The order of float sums is fixed, so that a second run gives the same bits.
_RECOMPUTE = text(
    """
    INSERT INTO reporting.job_outcome (day, outcome, at, status, tenant, profile, engine, source_id, video_id, job_id,
           error_class, error_code, attempts, stalls, media_seconds, output_seconds, bytes_in, bytes_out, speed,
           total_seconds)
    WITH tracks AS MATERIALIZED (
        SELECT job_event.job_id, sum(rendition.size_bytes)::bigint AS bytes,
               sum(rendition.duration ORDER BY rendition.id) FILTER (WHERE rendition.kind = 'video') AS seconds
          FROM job_event
          JOIN rendition ON rendition.job_id = job_event.job_id
         WHERE job_event.new_status = 'PUBLISHED' AND job_event.at >= :begin AND job_event.at < :end
         GROUP BY job_event.job_id
    )
    SELECT :day, 'event-' || job_event.id, job_event.at, lower(job_event.new_status), tenant.slug, job.profile,
           job.engine, source.id, job.video_id, job.id, job_event.detail ->> 'error_class',
           job_event.detail ->> 'error_code', 0, 0, (source.media_info ->> 'duration')::float8, tracks.seconds,
           source.size_bytes, tracks.bytes, job.speed,
           CASE job_event.new_status WHEN 'PUBLISHED' THEN extract(epoch FROM job_event.at - CASE
               WHEN EXISTS (SELECT FROM job AS earlier WHERE earlier.source_id = source.id AND earlier.id < job.id)
               THEN job.created_at ELSE source.registered_at END)::float8 END
      FROM job_event
      JOIN job ON job.id = job_event.job_id
      JOIN source ON source.id = job.source_id
      JOIN video ON video.id = job.video_id
      JOIN tenant ON tenant.id = video.tenant_id
 LEFT JOIN tracks ON tracks.job_id = job.id
     WHERE job_event.new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')
       AND job_event.at >= :begin AND job_event.at < :end
    UNION ALL
    SELECT :day, 'source-' || source.id, source.rejected_at, 'rejected', tenant.slug,
           coalesce(source.profile, :default_profile), :no_engine, source.id, source.video_id, NULL, NULL,
           source.rejection_reason, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL
      FROM source
      JOIN video ON video.id = source.video_id
      JOIN tenant ON tenant.id = video.tenant_id
     WHERE source.status = 'REJECTED' AND source.rejected_at >= :begin AND source.rejected_at < :end
       AND NOT EXISTS (SELECT FROM job WHERE job.source_id = source.id AND job.status = 'REJECTED')
    UNION ALL
    SELECT :day, 'letter-' || dead_letter.id, dead_letter.first_seen_at, 'failed', coalesce(tenant.slug, :no_tenant),
           coalesce(payload ->> 'profile', source.profile, :default_profile), :no_engine, source.id, source.video_id,
           NULL, NULL, dead_letter.code, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL
      FROM dead_letter
 LEFT JOIN source ON source.id = dead_letter.source_id
 LEFT JOIN video ON video.id = source.video_id
 LEFT JOIN tenant ON tenant.id = video.tenant_id
     WHERE origin = :failed_run AND first_seen_at >= :begin AND first_seen_at < :end
    UNION ALL
    SELECT :day, 'unreadable-' || source.id, source.unreadable_at, 'unreadable', tenant.slug,
           coalesce(source.profile, :default_profile), :no_engine, source.id, source.video_id, NULL, NULL,
           source.unreadable_reason, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL
      FROM source
      JOIN video ON video.id = source.video_id
      JOIN tenant ON tenant.id = video.tenant_id
     WHERE source.unreadable_at >= :begin AND source.unreadable_at < :end
    """
)


def recompute_day(day: date, settings: Settings | None = None) -> int:
    """Replace the day's rows in one transaction; returns how many rows of ``report_transcoding_daily`` it has."""
    used = settings or get_settings()
    begin, end = day_bounds(day)
    values = {
        "day": day,
        "begin": begin,
        "end": end,
        "default_profile": used.default_profile,
        "no_engine": NO_ENGINE,
        "no_tenant": NO_TENANT,
        "failed_run": FAILED_RUN,
    }
    with transaction(f"report_transcoding:{day}", used) as conn:
        # One recomputation of a day at a time; the second one finds the first one's rows and replaces them.
        conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"report_transcoding:{day}", 0))))
        conn.execute(delete(facts.job_outcome).where(facts.job_outcome.c.day == day))
        conn.execute(_RECOMPUTE, values)
        return len(read_days(conn, day, day))


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

    :param encode_speed: media seconds encoded a wall second: median of the groups' medians, weighted by jobs
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
    return Summary(
        first=first,
        last=last,
        videos=_published_videos(conn, first, last),
        **{name: sum(getattr(row, name) for row in rows) for name in _SUMS},
        encode_speed=_weighted_median([(row.encode_speed_p50, row.jobs) for row in rows]),
        time_to_publish=_weighted_median([(row.time_to_publish_p50, row.jobs) for row in rows]),
        problems=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _published_videos(conn: Connection, first: date, last: date) -> int:
    begin, end = day_bounds(first)[0], day_bounds(last)[1]
    query = (
        select(func.count(job.c.video_id.distinct()))
        .join(job_event, job_event.c.job_id == job.c.id)
        .where(job_event.c.new_status == JobStatus.PUBLISHED, job_event.c.at >= begin, job_event.c.at < end)
    )
    return int(conn.scalar(query) or 0)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a UTC day, and that of the next."""
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


def _weighted_median(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = sorted((value, weight) for value, weight in values if value is not None and weight)
    half = sum(weight for _, weight in known) / 2
    for value, weight in known:
        half -= weight
        if half <= 0:
            return value
    return None

"""Every job, every source that has none yet, and every run that failed without either, newest first, page by page."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, literal, select

from vodflow.catalog import failed_runs as failed
from vodflow.catalog.failed_runs import failed_runs
from vodflow.catalog.rows import within
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.tables import dead_letter, job, source, tenant
from vodflow.catalog.work_rows import WorkRow, job_query, source_code, source_query

#: Statuses that a source without a job can have.
_WITHOUT_JOB: Final = frozenset(SourceStatus)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkFilter:
    """Which work is wanted; none means all.

    :param statuses: job statuses; source statuses for sources without a job
    :param code: why it failed or was refused: ``error_code``
    :param since: made (the job) or registered (the source) at or after that moment
    :param until: and before this one
    :param prefix: how the source's key begins
    """

    statuses: frozenset[str] | None = None
    tenant: str | None = None
    engine: str | None = None
    profile: str | None = None
    code: str | None = None
    bucket: str | None = None
    prefix: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a page ended: the last job, source without a job, and failed run that were given out."""

    job_id: int | None = None
    source_id: int | None = None
    letter_id: int | None = None


def list_work(
    conn: Connection,
    wanted: WorkFilter,
    limit: int,
    after: Position = Position(),
    *,
    oldest_first: bool = False,
) -> tuple[list[WorkRow], Position | None]:
    """A page, newest first unless asked otherwise, and where the next one begins; none when this is the last.

    Jobs, sources without one and failed runs are lists, each in the order of its primary key; a page merges them.
    """
    jobs = _jobs(conn, wanted, _Stretch(job.c.id, limit + 1, after.job_id, oldest_first))
    bare = _sources(conn, wanted, _Stretch(source.c.id, limit + 1, after.source_id, oldest_first))
    runs = _failed(conn, wanted, _Stretch(dead_letter.c.id, limit + 1, after.letter_id, oldest_first))
    page = _merge(jobs, bare, runs, oldest_first=oldest_first)[:limit]
    if len(jobs) + len(bare) + len(runs) <= limit:
        return page, None
    last = max if oldest_first else min
    last_job = last((row.job_id for row in page if row.job_id is not None), default=after.job_id)
    without = (row.source_id for row in page if row.job_id is None and row.source_id is not None)
    letters = (row.letter_id for row in page if row.letter_id is not None)
    last_letter = last(letters, default=after.letter_id)
    return page, Position(last_job, last(without, default=after.source_id), last_letter)


@dataclasses.dataclass(frozen=True)
class _Stretch:
    """What of a list a page may need: so many rows behind the one with this id, in the order of the ids."""

    key: ColumnElement[int]
    limit: int
    after: int | None
    oldest_first: bool

    def of(self, query: Select[Any]) -> Select[Any]:
        query = query.order_by(self.key if self.oldest_first else self.key.desc()).limit(self.limit)
        if self.after is None:
            return query
        return query.where(self.key > self.after if self.oldest_first else self.key < self.after)

    def whole(self, ids: Select[Any], query: Select[Any]) -> Select[Any]:
        """The rows of a page that is chosen first, by ids alone.

        What is shown of each is found for these and no others, and an index of one table gives their order, whatever
        the planner thinks of the rows that a tenant has.
        """
        order = self.key if self.oldest_first else self.key.desc()
        return query.where(self.key.in_(self.of(ids).scalar_subquery())).order_by(order)


def _merge(*lists: list[WorkRow], oldest_first: bool) -> list[WorkRow]:
    """By time, but no list overtakes its own order: a page's end would lose a row otherwise."""
    merged, heads = [], [list(rows) for rows in lists]
    while heads := [rows for rows in heads if rows]:
        following = min if oldest_first else max
        merged.append(following(heads, key=lambda rows: rows[0].created_at).pop(0))
    return merged


def _jobs(conn: Connection, wanted: WorkFilter, stretch: _Stretch) -> list[WorkRow]:
    statuses = None if wanted.statuses is None else sorted(wanted.statuses & frozenset(JobStatus))
    if statuses == []:
        return []
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (statuses, job.c.status.in_(statuses or ())),
        (wanted.engine, job.c.engine == wanted.engine),
        (wanted.code, job.c.error_code == wanted.code),
    ]
    ids = select(job.c.id)
    if wanted.bucket or wanted.prefix:
        ids = ids.join(source, source.c.id == job.c.source_id)
    place = (source.c.bucket, source.c.key)
    common = _common(wanted, _owned(job, wanted), job.c.created_at, job.c.profile, *place)
    ids = ids.where(*common, *_asked(conditions))
    return [WorkRow.of(row) for row in conn.execute(stretch.whole(ids, job_query()))]


def _sources(conn: Connection, wanted: WorkFilter, stretch: _Stretch) -> list[WorkRow]:
    statuses = None if wanted.statuses is None else sorted(wanted.statuses & _WITHOUT_JOB)
    if statuses == [] or wanted.engine is not None:
        return []
    without = ~select(literal(1)).where(job.c.source_id == source.c.id).exists()
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (statuses, source.c.status.in_(statuses or ())),
        (wanted.code, source_code() == wanted.code),
    ]
    place = (source.c.bucket, source.c.key)
    common = _common(wanted, _owned(source, wanted), source.c.registered_at, source.c.profile, *place)
    ids = select(source.c.id).where(without, *common, *_asked(conditions))
    return [WorkRow.of(row) for row in conn.execute(stretch.whole(ids, source_query()))]


def _failed(conn: Connection, wanted: WorkFilter, stretch: _Stretch) -> list[WorkRow]:
    if wanted.statuses is not None and JobStatus.FAILED not in wanted.statuses:
        return []
    owner, place = failed.OWNER, (failed.BUCKET, failed.KEY)
    common = _common(wanted, owner == wanted.tenant, dead_letter.c.first_seen_at, failed.PROFILE, *place)
    query = stretch.of(failed_runs(WorkRow)).where(*common)
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.engine, wanted.engine == failed.ENGINE),
        (wanted.code, dead_letter.c.code == wanted.code),
    ]
    return [WorkRow.of(row) for row in conn.execute(query.where(*_asked(conditions)))]


def _common(
    wanted: WorkFilter, owned: ColumnElement[bool], made: Any, profile: Any, bucket: Any, key: Any
) -> list[ColumnElement[bool]]:
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.tenant, owned),
        (wanted.profile, profile == wanted.profile),
        (wanted.bucket, bucket == wanted.bucket),
        (wanted.prefix or None, key.startswith(wanted.prefix or "", autoescape=True)),
    ]
    return _asked(conditions) + within(made, wanted.since, wanted.until)


def _owned(table: Table, wanted: WorkFilter) -> ColumnElement[bool]:
    """Whether a row is of the tenant that is wanted; an index begins with that."""
    return table.c.tenant_id == select(tenant.c.id).where(tenant.c.slug == wanted.tenant).scalar_subquery()


def _asked(conditions: Sequence[tuple[object, ColumnElement[bool]]]) -> list[ColumnElement[bool]]:
    return [condition for asked, condition in conditions if asked is not None]

"""One piece of work, or some, by what is known of it: a job, a source, a run, an object."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from vodflow.catalog.failed_runs import failed_runs
from vodflow.catalog.tables import dead_letter, job, source
from vodflow.catalog.work_rows import WorkRow, job_query, source_query


def find_work(conn: Connection, *conditions: ColumnElement[bool]) -> WorkRow | None:
    """The newest job that fulfils the conditions on ``job`` and ``source``."""
    row = conn.execute(job_query().where(*conditions).order_by(job.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else WorkRow.of(row)


def source_work(conn: Connection, source_id: int) -> WorkRow | None:
    """The newest job of a source, or the source itself while it has none; none when there is no such source."""
    return find_work(conn, job.c.source_id == source_id) or bare_source(conn, source_id)


def work_of_jobs(conn: Connection, job_ids: Collection[int]) -> dict[int, WorkRow]:
    """These jobs by their ids; what there is not is left out."""
    found = (WorkRow.of(row) for row in conn.execute(job_query().where(job.c.id.in_(job_ids))))
    return {row.job_id: row for row in found if row.job_id is not None}


def work_of_runs(conn: Connection, runs: Mapping[str, int | None]) -> dict[str, WorkRow]:
    """What runs have come to, by their ids: the job each has made; else that it failed; else its source as it is.

    As :func:`source_work` the first run of a source tells of the source's newest job, whoever made it.

    :param runs: the source of each; none where it failed before it had found one
    """
    first = {one: run for run, one in runs.items() if one is not None and run == f"source-{one}"}
    newest = job_query().where(job.c.source_id.in_(first)).ext(distinct_on(job.c.source_id))
    made = job_query().where(job.c.run_id.in_(runs.keys() - set(first.values()))).ext(distinct_on(job.c.run_id))
    gone = failed_runs(WorkRow).where(dead_letter.c.identity.in_(runs))
    bare = source_query().where(source.c.id.in_({one for one in runs.values() if one is not None}))
    sources = {row.source_id: WorkRow.of(row) for row in conn.execute(bare)}
    of_source = ((run, sources[one]) for run, one in runs.items() if one in sources)
    known = set(first.values())
    found = {run: row if run in known else dataclasses.replace(row, run_id=run) for run, row in of_source}
    for query in (gone, made.order_by(job.c.run_id, job.c.id.desc())):
        found |= {row.run_id: WorkRow.of(row) for row in conn.execute(query)}
    newest = newest.order_by(job.c.source_id, job.c.id.desc())
    return found | {first[row.source_id]: WorkRow.of(row) for row in conn.execute(newest)}


def bare_source(conn: Connection, source_id: int, run_id: str | None = None) -> WorkRow | None:
    """A source as one without a job; none without such a source.

    :param run_id: the run that works on it and has not planned yet; none means its own
    """
    row = conn.execute(source_query().where(source.c.id == source_id)).one_or_none()
    found = None if row is None else WorkRow.of(row)
    return dataclasses.replace(found, run_id=run_id) if found and run_id else found


def failed_run(conn: Connection, run_id: str) -> WorkRow | None:
    """A run that failed without making a job; none where there is no such one, or its source tells of it."""
    row = conn.execute(failed_runs(WorkRow).where(dead_letter.c.identity == run_id)).one_or_none()
    return None if row is None else WorkRow.of(row)


def source_of_run(conn: Connection, run_id: str) -> int | None:
    """The source for which a run was started first."""
    return conn.scalar(select(source.c.id).where(source.c.run_id == run_id).limit(1))


def newest_source_id(conn: Connection, bucket: str, key: str) -> int | None:
    """The source that was registered last under this key."""
    query = select(source.c.id).where(source.c.bucket == bucket, source.c.key == key)
    return conn.scalar(query.order_by(source.c.id.desc()).limit(1))

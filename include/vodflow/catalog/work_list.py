"""Every job, every source that has none yet, and every run that failed without either, newest first, page by page."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, Table, and_, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from vodflow.catalog import failed_runs as failed
from vodflow.catalog import prices
from vodflow.catalog.dead_letters import FAILED_RUN
from vodflow.catalog.failed_runs import failed_runs
from vodflow.catalog.rows import Record, within
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.tables import artifact, dead_letter, job, job_event, publication, rendition, source, tenant, video

#: Statuses that a source without a job can have.
_WITHOUT_JOB: Final = frozenset(SourceStatus)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkRow(Record):
    """One job with its source, or a source that has no job; then what belongs to a job is none.

    :param source_id: none of a run that failed without making a job, which then is all there is
    :param letter_id: of that run's dead letter
    :param status: of the job; of the source while it has none
    :param public: whether this job is what the video shows now
    """

    job_id: int | None
    source_id: int | None
    letter_id: int | None
    video_id: int | None
    tenant: str
    bucket: str
    key: str
    version: str
    size_bytes: int
    status: str
    profile: str | None
    engine: str | None
    priority: int | None
    revision: int | None
    run_id: str | None
    external_id: str | None
    stage: str | None
    progress: float | None
    speed: float | None
    eta_seconds: float | None
    error_class: str | None
    error_code: str | None
    error_message: str | None
    retryable: bool | None
    outputs: list[str] | None
    qualities: list[str] | None
    warnings: list[str] | None
    estimated_cost: float | None
    actual_cost: float | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    output_bucket: str | None
    output_prefix: str | None
    manifest_uri: str | None
    public: bool


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


def find_work(conn: Connection, *conditions: ColumnElement[bool]) -> WorkRow | None:
    """The newest job that fulfils the conditions on ``job`` and ``source``."""
    row = conn.execute(_job_query().where(*conditions).order_by(job.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else WorkRow.of(row)


def source_work(conn: Connection, source_id: int) -> WorkRow | None:
    """The newest job of a source, or the source itself while it has none; none when there is no such source."""
    return find_work(conn, job.c.source_id == source_id) or bare_source(conn, source_id)


def work_of_jobs(conn: Connection, job_ids: Collection[int]) -> dict[int, WorkRow]:
    """These jobs by their ids; what there is not is left out."""
    found = (WorkRow.of(row) for row in conn.execute(_job_query().where(job.c.id.in_(job_ids))))
    return {row.job_id: row for row in found if row.job_id is not None}


def work_of_runs(conn: Connection, runs: Mapping[str, int | None]) -> dict[str, WorkRow]:
    """What runs have come to, by their ids: the job each has made; else that it failed; else its source as it is.

    As :func:`source_work` the first run of a source tells of the source's newest job, whoever made it.

    :param runs: the source of each; none where it failed before it had found one
    """
    first = {one: run for run, one in runs.items() if one is not None and run == f"source-{one}"}
    newest = _job_query().where(job.c.source_id.in_(first)).ext(distinct_on(job.c.source_id))
    made = _job_query().where(job.c.run_id.in_(runs.keys() - set(first.values()))).ext(distinct_on(job.c.run_id))
    gone = failed_runs(WorkRow).where(dead_letter.c.identity.in_(runs))
    bare = _source_query().where(source.c.id.in_({one for one in runs.values() if one is not None}))
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
    row = conn.execute(_source_query().where(source.c.id == source_id)).one_or_none()
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


def history(conn: Connection, job_id: int) -> list[dict[str, Any]]:
    """Every change of a job's status, oldest first; of a cancellation who asked for it, and why."""
    told = [job_event.c.detail[name].astext.label(name) for name in ("canceled_by", "reason")]
    columns = (job_event.c.at, job_event.c.actor, job_event.c.old_status, job_event.c.new_status, *told)
    return _dicts(conn, select(*columns).where(job_event.c.job_id == job_id).order_by(job_event.c.id))


def published_tracks(conn: Connection, job_id: int) -> list[dict[str, Any]]:
    """The published renditions of a job, highest first: rates in bits a second, durations in seconds."""
    names = ("name", "kind", "codec", "width", "height", "frame_rate", "measured_bitrate", "size_bytes", "duration")
    query = select(*(rendition.c[name] for name in names)).where(rendition.c.job_id == job_id)
    return _dicts(conn, query.order_by(rendition.c.kind.desc(), rendition.c.height.desc(), rendition.c.name))


def published_artifacts(conn: Connection, job_id: int) -> list[dict[str, Any]]:
    """The published objects of a job that people or players address."""
    columns = (artifact.c.kind, artifact.c.uri, artifact.c.size_bytes)
    return _dicts(conn, select(*columns).where(artifact.c.job_id == job_id).order_by(artifact.c.kind, artifact.c.uri))


def _dicts(conn: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(query).mappings()]


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
    return [WorkRow.of(row) for row in conn.execute(stretch.whole(ids, _job_query()))]


def _sources(conn: Connection, wanted: WorkFilter, stretch: _Stretch) -> list[WorkRow]:
    statuses = None if wanted.statuses is None else sorted(wanted.statuses & _WITHOUT_JOB)
    if statuses == [] or wanted.engine is not None:
        return []
    without = ~select(literal(1)).where(job.c.source_id == source.c.id).exists()
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (statuses, source.c.status.in_(statuses or ())),
        (wanted.code, _source_code() == wanted.code),
    ]
    place = (source.c.bucket, source.c.key)
    common = _common(wanted, _owned(source, wanted), source.c.registered_at, source.c.profile, *place)
    ids = select(source.c.id).where(without, *common, *_asked(conditions))
    return [WorkRow.of(row) for row in conn.execute(stretch.whole(ids, _source_query()))]


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


def _select(*tables: Table, **given: ColumnElement[Any]) -> Select[Any]:
    """Work by its columns in these tables, or as given; always with its source."""
    about = {name: source.c[name] for name in ("bucket", "key", "version", "size_bytes")}
    ids = {"source_id": source.c.id, "video_id": video.c.id}
    columns = WorkRow.columns(*tables, tenant=tenant.c.slug, **ids, **about, **given)
    query = select(*columns).select_from(tables[0])
    if tables[0] is job:
        query = query.join(source, source.c.id == job.c.source_id)
    return query.join(video, video.c.id == source.c.video_id).join(tenant, tenant.c.id == video.c.tenant_id)


def _job_query() -> Select[Any]:
    return _select(
        job,
        publication,
        job_id=job.c.id,
        outputs=job.c.plan["packaging"]["outputs"],
        qualities=func.jsonb_path_query_array(job.c.plan, "$.renditions[*].name", type_=JSONB),
        warnings=func.jsonb_path_query_array(job.c.plan, "$.warnings[*].message", type_=JSONB),
        output_bucket=job.c.bucket,
        output_prefix=job.c.prefix,
        public=publication.c.job_id.is_not(None),
        estimated_cost=prices.estimated_cost(),
        actual_cost=prices.actual_cost(),
    ).outerjoin(publication, and_(publication.c.job_id == job.c.id))


def _failed_run(column: str) -> ScalarSelect[Any]:
    """Why the last run of a source failed before it had a job; none while nobody knows of a failure."""
    about = (dead_letter.c.source_id == source.c.id, dead_letter.c.origin == FAILED_RUN)
    found = select(dead_letter.c[column]).where(*about, dead_letter.c.resolved_at.is_(None))
    return found.order_by(dead_letter.c.id.desc()).limit(1).scalar_subquery()


def _source_code() -> ColumnElement[Any]:
    rejection = func.coalesce(source.c.rejection_reason, _failed_run("code"))
    return case((source.c.status == SourceStatus.UNREADABLE, source.c.unreadable_reason), else_=rejection)


def _source_query() -> Select[Any]:
    unreadable = source.c.status == SourceStatus.UNREADABLE
    detail = func.coalesce(source.c.rejection_detail, _failed_run("message"))
    return _select(
        source,
        engine=null(),
        error_code=_source_code(),
        error_message=case((unreadable, source.c.unreadable_detail), else_=detail),
        created_at=source.c.registered_at,
        finished_at=case((unreadable, source.c.unreadable_at), else_=source.c.rejected_at),
        public=literal(value=False),
    )

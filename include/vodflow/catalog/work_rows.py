"""Work as others see it: a job with its source, or a source that has no job."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Table, and_, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog import prices
from vodflow.catalog.dead_letters import FAILED_RUN
from vodflow.catalog.rows import Record
from vodflow.catalog.states import SourceStatus
from vodflow.catalog.tables import dead_letter, job, publication, source, tenant, video


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


def _select(*tables: Table, **given: ColumnElement[Any]) -> Select[Any]:
    """Work by its columns in these tables, or as given; always with its source."""
    about = {name: source.c[name] for name in ("bucket", "key", "version", "size_bytes")}
    ids = {"source_id": source.c.id, "video_id": video.c.id}
    columns = WorkRow.columns(*tables, tenant=tenant.c.slug, **ids, **about, **given)
    query = select(*columns).select_from(tables[0])
    if tables[0] is job:
        query = query.join(source, source.c.id == job.c.source_id)
    return query.join(video, video.c.id == source.c.video_id).join(tenant, tenant.c.id == video.c.tenant_id)


def job_query() -> Select[Any]:
    """Jobs as work; a row for each."""
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


def source_code() -> ColumnElement[Any]:
    """Why a source has no job: what was found wrong with it, or with its last run."""
    rejection = func.coalesce(source.c.rejection_reason, _failed_run("code"))
    return case((source.c.status == SourceStatus.UNREADABLE, source.c.unreadable_reason), else_=rejection)


def source_query() -> Select[Any]:
    """Sources as work that has no job; a row for each."""
    unreadable = source.c.status == SourceStatus.UNREADABLE
    detail = func.coalesce(source.c.rejection_detail, _failed_run("message"))
    return _select(
        source,
        engine=null(),
        error_code=source_code(),
        error_message=case((unreadable, source.c.unreadable_detail), else_=detail),
        created_at=source.c.registered_at,
        finished_at=case((unreadable, source.c.unreadable_at), else_=source.c.rejected_at),
        public=literal(value=False),
    )

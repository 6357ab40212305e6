"""Runs that failed before they had a job, where no row of a source without a job tells of them: one query."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, func, literal, or_, select

from vodflow.catalog.dead_letters import FAILED_RUN
from vodflow.catalog.rows import Record
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import dead_letter, job, source, tenant, video
from vodflow.errors import ErrorClass

#: Whose runs are that failed before they had found a source.
NO_TENANT: Final = "default"

_ASKED: Final = dead_letter.c.payload
_URI: Final = func.coalesce(_ASKED["source_uri"].astext, "")

OWNER: Final = func.coalesce(tenant.c.slug, NO_TENANT)
BUCKET: Final = func.coalesce(source.c.bucket, func.split_part(_URI, "/", 3))
KEY: Final = func.coalesce(source.c.key, func.regexp_replace(_URI, "^s3://[^/]*/?", ""))
PROFILE: Final = _ASKED["profile"].astext
ENGINE: Final = _ASKED["engine"].astext


def failed_runs(row: type[Record]) -> Select[Any]:
    """As rows of work; ``letter_id`` orders them. A source without a job tells of its failed run itself."""
    has_job = select(literal(1)).where(job.c.source_id == dead_letter.c.source_id).exists()
    made_job = select(literal(1)).where(job.c.run_id == dead_letter.c.identity).exists()
    columns = row.columns(
        letter_id=dead_letter.c.id,
        video_id=video.c.id,
        tenant=OWNER,
        bucket=BUCKET,
        key=KEY,
        version=func.coalesce(source.c.version, ""),
        size_bytes=func.coalesce(source.c.size_bytes, 0),
        status=literal(JobStatus.FAILED.value),
        profile=PROFILE,
        engine=ENGINE,
        run_id=dead_letter.c.identity,
        error_class=literal(ErrorClass.PERMANENT.value),
        error_code=dead_letter.c.code,
        error_message=dead_letter.c.message,
        retryable=literal(value=False),
        created_at=dead_letter.c.first_seen_at,
        finished_at=dead_letter.c.last_seen_at,
        public=literal(value=False),
    )
    return (
        select(*columns)
        .select_from(dead_letter)
        .outerjoin(source, source.c.id == dead_letter.c.source_id)
        .outerjoin(video, video.c.id == source.c.video_id)
        .outerjoin(tenant, tenant.c.id == video.c.tenant_id)
        .where(
            dead_letter.c.origin == FAILED_RUN,
            dead_letter.c.resolved_at.is_(None),
            or_(dead_letter.c.source_id.is_(None), has_job),
            ~made_job,
        )
    )

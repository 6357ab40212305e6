"""Runs that failed before they had a job, where no row of a source without a job tells of them: one query."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, func, literal, null, or_, select

from vodflow.catalog.dead_letters import FAILED_RUN
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

_MISSING: Final = (
    "job_id", "source_id", "priority", "revision", "external_id", "stage", "progress", "speed", "eta_seconds",
    "outputs", "qualities", "warnings", "estimated_cost", "actual_cost", "queued_at", "started_at", "output_bucket",
    "output_prefix", "manifest_uri",
)  # fmt: skip


def failed_runs() -> Select[Any]:
    """Columns as those of a job; ``letter_id`` orders them. A source without a job tells of its failed run itself."""
    has_job = select(literal(1)).where(job.c.source_id == dead_letter.c.source_id).exists()
    made_job = select(literal(1)).where(job.c.run_id == dead_letter.c.identity).exists()
    return (
        select(
            dead_letter.c.id.label("letter_id"),
            *(null().label(name) for name in _MISSING),
            OWNER.label("tenant"),
            BUCKET.label("bucket"),
            KEY.label("key"),
            func.coalesce(source.c.version, "").label("version"),
            func.coalesce(source.c.size_bytes, 0).label("size_bytes"),
            literal(JobStatus.FAILED.value).label("status"),
            PROFILE.label("profile"),
            ENGINE.label("engine"),
            dead_letter.c.identity.label("run_id"),
            literal(ErrorClass.PERMANENT.value).label("error_class"),
            dead_letter.c.code.label("error_code"),
            dead_letter.c.message.label("error_message"),
            literal(value=False).label("retryable"),
            dead_letter.c.first_seen_at.label("created_at"),
            dead_letter.c.last_seen_at.label("finished_at"),
            literal(value=False).label("public"),
        )
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

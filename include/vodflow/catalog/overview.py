"""What people look at: each source with its latest job and what is public of it, in one query."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from vodflow.catalog.rows import Record
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.tables import job, publication, rendition, source, tenant, video


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverviewRow(Record):
    """One source as a line of a table. Sizes in bytes, rates in bits a second, times in seconds, percent 0 to 100.

    :param verdict: the status of the latest job, or of the source while it has none
    :param reason: why it was rejected or failed
    :param rungs: names of the published video renditions, highest first
    :param bitrate: measured, of all video renditions together
    :param encode_speed: media seconds encoded a wall second
    :param time_to_publish: seconds to the publication, from the source's registration, or from the opening of a later
        job for it
    :param manifest_uri: where the video's public manifest is, when this job is the public one
    """

    source_id: int
    tenant: str
    bucket: str
    key: str
    version: str
    size_bytes: int
    source_status: str
    registered_at: datetime
    job_id: int | None
    profile: str | None
    engine: str | None
    priority: int | None
    verdict: str
    reason: str | None
    stage: str | None
    progress: float | None
    speed: float | None
    eta_seconds: float | None
    rungs: list[str]
    bitrate: int | None
    output_bytes: int | None
    encode_speed: float | None
    finished_at: datetime | None
    time_to_publish: float | None
    output_bucket: str | None
    output_prefix: str | None
    manifest_uri: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.verdict in {
            JobStatus.PUBLISHED, JobStatus.REJECTED, JobStatus.FAILED, JobStatus.CANCELED, SourceStatus.UNREADABLE,
        }  # fmt: skip


def overview(
    conn: Connection,
    *,
    tenant_slug: str | None = None,
    verdicts: Iterable[str] | None = None,
    source_ids: Sequence[int] | None = None,
    bucket: str | None = None,
    keys: Sequence[str] | None = None,
    limit: int = 100,
    before_id: int | None = None,
) -> list[OverviewRow]:
    """Sources with their latest job and publication, newest first.

    :param verdicts: only these job (or, without a job, source) statuses
    :param source_ids: only these sources
    :param bucket: only sources of this bucket
    :param keys: only sources with one of these keys
    :param before_id: only sources with a smaller id: the last one of the page before
    """
    query = _query().order_by(source.c.id.desc()).limit(limit)
    conditions: list[tuple[Any, ColumnElement[bool]]] = [
        (tenant_slug, tenant.c.slug == tenant_slug),
        (verdicts, _VERDICT.in_([str(verdict) for verdict in verdicts or ()])),
        (source_ids, source.c.id.in_(source_ids or ())),
        (bucket, source.c.bucket == bucket),
        (keys, source.c.key.in_(keys or ())),
        (before_id, source.c.id < (before_id or 0)),
    ]
    query = query.where(*(condition for asked, condition in conditions if asked is not None))
    return [OverviewRow.of(row) for row in conn.execute(query)]


_LATEST = select(job).where(job.c.source_id == source.c.id).order_by(job.c.id.desc()).limit(1).lateral("latest")
_UNREADABLE = and_(
    source.c.status == SourceStatus.UNREADABLE, func.coalesce(_LATEST.c.status, JobStatus.FAILED) == JobStatus.FAILED
)
_VERDICT = case(
    (source.c.status == SourceStatus.REJECTED, SourceStatus.REJECTED.value),
    # A job that failed for it says less.
    (_UNREADABLE, SourceStatus.UNREADABLE.value),
    else_=func.coalesce(_LATEST.c.status, source.c.status),
)
_TRACKS = (
    select(
        func.coalesce(
            func.array_agg(aggregate_order_by(rendition.c.name, rendition.c.height.desc(), rendition.c.name)).filter(
                rendition.c.kind == "video"
            ),
            literal_column("'{}'::text[]"),
        ).label("rungs"),
        cast(func.sum(rendition.c.measured_bitrate).filter(rendition.c.kind == "video"), BigInteger).label("bitrate"),
        cast(func.sum(rendition.c.size_bytes), BigInteger).label("output_bytes"),
    )
    .where(rendition.c.job_id == _LATEST.c.id)
    .lateral("tracks")
)


def _query() -> Select[Any]:
    earlier = job.alias()
    again = select(earlier.c.id).where(earlier.c.source_id == source.c.id, earlier.c.id < _LATEST.c.id).exists()
    requested_at = case((again, _LATEST.c.created_at), else_=source.c.registered_at)
    published = _LATEST.c.status == JobStatus.PUBLISHED
    to_publish = func.extract("epoch", _LATEST.c.finished_at - requested_at)
    unreadable = case((_UNREADABLE, source.c.unreadable_reason + ": " + source.c.unreadable_detail))
    rejection = source.c.rejection_reason + func.coalesce(": " + source.c.rejection_detail, "")
    columns = OverviewRow.columns(
        source,
        _LATEST,
        _TRACKS,
        publication,
        source_id=source.c.id,
        tenant=tenant.c.slug,
        source_status=source.c.status,
        job_id=_LATEST.c.id,
        profile=func.coalesce(_LATEST.c.profile, source.c.profile),
        engine=_LATEST.c.engine,
        verdict=_VERDICT,
        reason=func.coalesce(rejection, unreadable, _LATEST.c.error_message),
        encode_speed=_LATEST.c.speed,
        time_to_publish=case((published, cast(to_publish, Double))),
        output_bucket=_LATEST.c.bucket,
        output_prefix=_LATEST.c.prefix,
    )
    return (
        select(*columns)
        .join(video, video.c.id == source.c.video_id)
        .join(tenant, tenant.c.id == video.c.tenant_id)
        .outerjoin(_LATEST, true())
        .outerjoin(_TRACKS, true())
        .outerjoin(publication, and_(publication.c.job_id == _LATEST.c.id, published))
    )

"""What playback asks the catalog: what is public of a video, who is enrolled, what was revoked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.courses import open_now
from vodflow.catalog.rows import Record
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tables import (
    artifact,
    course,
    course_video,
    enrolment,
    job,
    playback_revocation,
    publication,
    publication_event,
    tenant,
    video,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublicVideo(Record):
    """What is public of a video now.

    :param now: by the database's clock
    """

    video_id: int
    tenant: str
    tenant_status: TenantStatus
    job_id: int
    bucket: str
    prefix: str
    now: datetime


def public_video(conn: Connection, video_id: int) -> PublicVideo | None:
    """What is public of a video; none where nothing is, or the video is not the acting tenant's."""
    columns = PublicVideo.columns(
        job, publication, video_id=video.c.id, tenant=tenant.c.slug, tenant_status=tenant.c.status,
        job_id=job.c.id, now=func.clock_timestamp(),
    )  # fmt: skip
    query = (
        select(*columns)
        .select_from(video)
        .join(tenant, tenant.c.id == video.c.tenant_id)
        .join(publication, publication.c.video_id == video.c.id)
        .join(job, job.c.id == publication.c.job_id)
        .where(video.c.id == video_id, job.c.outputs_deleted_at.is_(None))
        .with_for_update(read=True, of=publication)
    )
    found = conn.execute(query).one_or_none()
    return None if found is None else PublicVideo.of(found)


def outputs(conn: Connection, job_id: int) -> list[str]:
    """Paths of what people and players address of a published job, below its prefix, in order."""
    return list(conn.scalars(select(artifact.c.name).where(artifact.c.job_id == job_id).order_by(artifact.c.name)))


def courses_of_video(conn: Connection, video_id: int, user_id: str) -> dict[str, bool]:
    """The courses that have a video, by code, and whether this person may watch its videos now.

    Who ends or changes an enrolment meanwhile waits for this transaction, or this for theirs.
    """
    held = select(enrolment.c.user_id).join(course_video, course_video.c.course_id == enrolment.c.course_id)
    held = held.where(course_video.c.video_id == video_id, enrolment.c.user_id == user_id)
    conn.execute(held.with_for_update(read=True, of=enrolment))
    query = (
        select(course.c.code, and_(enrolment.c.user_id.is_not(None), open_now()).label("may"))
        .select_from(course_video)
        .join(course, course.c.id == course_video.c.course_id)
        .outerjoin(enrolment, and_(enrolment.c.course_id == course.c.id, enrolment.c.user_id == user_id))
        .where(course_video.c.video_id == video_id)
        .order_by(course.c.code)
    )
    return {row.code: bool(row.may) for row in conn.execute(query)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Revocation(Record):
    """Tokens that are void; see the table.

    :param tenant: its slug
    """

    id: int
    tenant: str
    video_id: int | None
    user_id: str | None
    issued_before: datetime
    expires_at: datetime
    created_by: str
    created_at: datetime


def revoke(
    conn: Connection, tenant_id: int, seconds: int, by: str, *, video_id: int | None = None,
    people: Sequence[str | None] = (None,),
) -> list[Revocation]:  # fmt: skip
    """Take back the tokens that were issued until now.

    :param video_id: of this video; none means all of the tenant
    :param people: of these; none means everybody
    :param seconds: after which the last of them has run out by itself
    """
    if not people:
        return []
    now = func.clock_timestamp()
    same = {
        "tenant_id": tenant_id, "video_id": video_id, "issued_before": now,
        "expires_at": now + timedelta(seconds=seconds), "created_by": by,
    }  # fmt: skip
    values = [{**same, "user_id": person} for person in people]
    made = list(conn.scalars(insert(playback_revocation).values(values).returning(playback_revocation.c.id)))
    return revocations(conn, len(made), ids=made)


def revocations(
    conn: Connection, limit: int, after: int | None = None, ids: Sequence[int] | None = None
) -> list[Revocation]:
    """Revocations that still matter, newest first.

    :param after: only those with a smaller id: the last one of the page before
    """
    table = playback_revocation
    query = select(*Revocation.columns(table, tenant=tenant.c.slug)).join(tenant, tenant.c.id == table.c.tenant_id)
    query = query.where(table.c.expires_at > func.now())
    if after is not None:
        query = query.where(table.c.id < after)
    if ids is not None:
        query = query.where(table.c.id.in_(ids))
    return [Revocation.of(row) for row in conn.execute(query.order_by(table.c.id.desc()).limit(limit))]


def withdraw(conn: Connection, revocation_id: int) -> bool:
    """Let the tokens hold again; whether there was such a revocation. Those that ran out go with it."""
    table = playback_revocation
    conn.execute(delete(table).where(table.c.expires_at <= func.now()))
    return conn.execute(delete(table).where(table.c.id == revocation_id)).rowcount > 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Void(Record):
    """Tokens of a tenant that are void when they were issued until ``issued_before``."""

    tenant: str
    video_id: int | None
    user_id: str | None
    issued_before: datetime


def void_tokens(conn: Connection, seconds: int) -> list[Void]:
    """All that voids tokens: revocations, and videos that were taken down.

    :param seconds: how long tokens hold at most: what was taken down earlier matters to none
    """
    revoked = (
        select(
            tenant.c.slug.label("tenant"), playback_revocation.c.video_id, playback_revocation.c.user_id,
            playback_revocation.c.issued_before,
        )
        .join(tenant, tenant.c.id == playback_revocation.c.tenant_id)
        .where(playback_revocation.c.expires_at > func.now())
    )  # fmt: skip
    taken_down = (
        select(tenant.c.slug, video.c.id, null(), publication_event.c.at)
        .select_from(publication_event)
        .join(video, video.c.id == publication_event.c.video_id)
        .join(tenant, tenant.c.id == video.c.tenant_id)
        .where(publication_event.c.new_job_id.is_(None))
        .where(publication_event.c.at > func.now() - literal(timedelta(seconds=seconds)))
    )
    return [Void.of(row) for row in conn.execute(union_all(revoked, taken_down))]


def closed_tenants(conn: Connection) -> list[str]:
    """Slugs of tenants that are not active."""
    return list(conn.scalars(select(tenant.c.slug).where(tenant.c.status != TenantStatus.ACTIVE)))


def tenant_of_video(conn: Connection, video_id: int) -> int | None:
    """Id of the tenant that a video belongs to; none where it is not the acting tenant's."""
    found: int | None = conn.scalar(select(video.c.tenant_id).where(video.c.id == video_id))
    return found


def tenant_id(conn: Connection, slug: str) -> int | None:
    """Id of a tenant; none where there is none, or it is not the acting one."""
    found: int | None = conn.scalar(select(tenant.c.id).where(tenant.c.slug == slug))
    return found

"""Publish: what makes a verified job the public one of its video, all in the caller's one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog import jobs, outbox
from vodflow.catalog.rows import JobRow, NewArtifact, NewRendition
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import artifact, job, publication, rendition, source, video
from vodflow.contract import layout
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import CatalogError

#: Jobs that were published and whose outputs were not deleted.
_KEPT = (job.c.status == JobStatus.PUBLISHED, job.c.outputs_deleted_at.is_(None))


@dataclasses.dataclass(frozen=True)
class Publication:
    """What is public of a video.

    :param current: whether the job just published is the public one; false when a newer version of the source,
        or a newer job of the same version, is public already
    """

    video_id: int
    job_id: int
    manifest_uri: str
    published_at: datetime
    current: bool


def publish(
    conn: Connection,
    job_id: int,
    renditions: Sequence[NewRendition],
    artifacts: Sequence[NewArtifact],
    manifest_uri: str,
) -> Publication:
    """Make a VERIFYING job PUBLISHED, write its renditions and artifacts, and flip the video's publication to it.

    Publishing a job again changes nothing and returns the same. Bytes that the key has no longer never replace the
    publication of later ones: their job becomes PUBLISHED, its outputs stay reachable, the video's public job stays.

    :raises IllegalTransition: when the job is not VERIFYING or PUBLISHED
    :raises CatalogError: when there is no such job, or a rendition or artifact breaks a rule of its table
    """
    video_id = _lock_video(conn, job_id)
    row = jobs.get_job(conn, job_id)
    if conn.scalar(select(job.c.outputs_deleted_at).where(job.c.id == job_id)):
        raise CatalogError(f"The outputs of job {job_id} were deleted: it cannot be public again.", job_id=job_id)
    new = row.status != JobStatus.PUBLISHED
    if new:
        row = jobs.set_status(conn, job_id, JobStatus.PUBLISHED)
        base = f"s3://{row.bucket}/{row.prefix}"
        _write(conn, rendition, job_id, [item.model_dump() for item in renditions])
        named = [{**item.model_dump(mode="json"), "uri": f"{base}/{item.name}"} for item in artifacts]
        _write(conn, artifact, job_id, named)
    _flip(conn, row, manifest_uri)
    public = get_publication(conn, video_id, job_id)
    if new:
        outbox.job_published(conn, row, manifest_uri, current=public.current)
    return public


def mark_outputs_deleted(conn: Connection, job_id: int) -> JobRow:
    """Note that a job's outputs are being removed from S3, so that it cannot become public again; safe to run twice.

    :raises CatalogError: there is no such job; it is not published, or public; or an open job is made with its tracks
    """
    video_id = _lock_video(conn, job_id)
    row = jobs.locked_job(conn, job_id)
    if row.status != JobStatus.PUBLISHED:
        raise CatalogError(
            f"Job {job_id} is {row.status}: only outputs that were published once can be deleted.", job_id=job_id
        )
    if conn.scalar(select(publication.c.job_id).where(publication.c.video_id == video_id)) == job_id:
        raise CatalogError(f"Job {job_id} is what its video shows now: its outputs stay.", job_id=job_id)
    taken = job.c.plan["strategy"]["reused"].contains([{"bucket": row.bucket, "prefix": row.prefix}])
    user = conn.scalar(
        select(job.c.id)
        .where(job.c.source_id == row.source_id, job.c.id != job_id, taken)
        .where(job.c.status.not_in([JobStatus.PUBLISHED, JobStatus.REJECTED]))
        .limit(1)
    )
    if user is not None:
        raise CatalogError(
            f"Job {user} is made with tracks of job {job_id}: delete its outputs when that one is published.",
            job_id=job_id,
        )
    moment = func.coalesce(job.c.outputs_deleted_at, func.clock_timestamp())
    conn.execute(update(job).where(job.c.id == job_id).values(outputs_deleted_at=moment))
    return row


def _lock_video(conn: Connection, job_id: int) -> int:
    """One publisher of a video at a time; the lock is held to the end of the caller's transaction.

    It is one that lets others write rows that refer to the video (FOR NO KEY UPDATE).
    """
    video_id = conn.scalar(select(job.c.video_id).where(job.c.id == job_id))
    if video_id is None:
        raise CatalogError(f"There is no job {job_id} in the catalog.", job_id=job_id)
    conn.execute(select(video.c.id).where(video.c.id == video_id).with_for_update(key_share=True))
    return int(video_id)


def kept(conn: Connection, source_id: int, plan: TranscodePlan) -> TranscodePlan:
    """A plan, or its next revision where its outputs were made and deleted since: they are made anew, elsewhere."""
    gone = set(
        conn.scalars(select(job.c.plan_hash).where(job.c.source_id == source_id, job.c.outputs_deleted_at.is_not(None)))
    )
    while gone and plan.hash in gone:
        plan = plan.model_copy(update={"revision": plan.revision + 1})
    return plan


def deletions(conn: Connection, source_id: int) -> int:
    """How many jobs of a source had their outputs deleted."""
    gone = (job.c.source_id == source_id, job.c.outputs_deleted_at.is_not(None))
    return int(conn.execute(select(func.count()).where(*gone)).scalar_one())


def get_publication(conn: Connection, video_id: int, job_id: int | None = None) -> Publication:
    """What is public of a video; ``current`` compares it with ``job_id`` (none: it is).

    :raises CatalogError: when nothing is
    """
    found = conn.execute(select(publication).where(publication.c.video_id == video_id)).one_or_none()
    if found is None:
        raise CatalogError(f"Nothing of video {video_id} is published.")
    return Publication(
        video_id=video_id,
        job_id=found.job_id,
        manifest_uri=found.manifest_uri,
        published_at=found.published_at,
        current=job_id is None or found.job_id == job_id,
    )


def show_again(conn: Connection, source_id: int) -> None:
    """Make the newest published job of a source the public one of its video: the key has the source's bytes again.

    The caller has locked the video. Nothing is made anew: the outputs and their ``manifest.json`` are still there.
    """
    query = select(job.c.id).where(job.c.source_id == source_id, *_KEPT)
    row = jobs.get_job(conn, conn.execute(query.order_by(job.c.id.desc()).limit(1)).scalar_one())
    manifest_uri = f"s3://{row.bucket}/{row.prefix}/{layout.MANIFEST}"
    if _flip(conn, row, manifest_uri, again=""):
        moment = get_publication(conn, row.video_id).published_at
        outbox.job_published(conn, row, manifest_uri, current=True, again=moment)


def take_again(conn: Connection, run_id: str) -> list[int]:
    """Jobs that became public once more and that no other run has told of; this run tells of them now."""
    mine = publication.c.again_told_by.in_(["", run_id])
    told = update(publication).where(mine).values(again_told_by=run_id).returning(publication.c.job_id)
    return sorted(conn.scalars(told))


def _flip(conn: Connection, row: JobRow, manifest_uri: str, *, again: str | None = None) -> bool:
    public = conn.execute(
        select(publication.c.job_id, source.c.current_since, source.c.id.label("source_id"))
        .join(job, job.c.id == publication.c.job_id)
        .join(source, source.c.id == job.c.source_id)
        .where(publication.c.video_id == row.video_id)
    ).one_or_none()
    if public is None:
        conn.execute(insert(publication).values(video_id=row.video_id, job_id=row.id, manifest_uri=manifest_uri))
        return True
    since = conn.execute(select(source.c.current_since).where(source.c.id == row.source_id)).scalar_one()
    # S3 orders versions by time; within one second, or one source, the later id is the newer.
    newer = (since, row.source_id, row.id) > (public.current_since, public.source_id, public.job_id)
    if newer:
        conn.execute(
            update(publication)
            .where(publication.c.video_id == row.video_id)
            .values(job_id=row.id, manifest_uri=manifest_uri, published_at=func.now(), again_told_by=again)
        )
    return newer


def _write(conn: Connection, table: Table, job_id: int, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        conn.execute(insert(table), [{"job_id": job_id, **values} for values in rows])


def latest_of_source(conn: Connection, source_id: int) -> JobRow | None:
    """The latest published job of the very same bytes whose outputs are there; none where there is none."""
    found = conn.scalar(select(job.c.id).where(job.c.source_id == source_id, *_KEPT).order_by(job.c.id.desc()).limit(1))
    return None if found is None else jobs.get_job(conn, found)

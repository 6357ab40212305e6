"""What a video's metadata item should say, read from the catalog with a version of its own."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from vodflow.catalog import metadata_syncs
from vodflow.catalog.jobs import get_job
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.catalog.sources import get_source
from vodflow.catalog.tables import artifact, job, publication, rendition, source
from vodflow.errors import CatalogError


@dataclasses.dataclass(frozen=True)
class PublicOutputs:
    """What is public of a video.

    :param renditions: rows of ``rendition``
    :param artifacts: rows of ``artifact``: name, kind and uri
    """

    job_id: int
    manifest_uri: str
    published_at: datetime
    bucket: str
    prefix: str
    renditions: tuple[RowMapping, ...]
    artifacts: tuple[RowMapping, ...]


@dataclasses.dataclass(frozen=True)
class VideoState:
    """A video as its item shows it.

    :param version: above that of every state of this video that was read before
    :param source: the newest version of its bytes, or the one that the job is for
    :param job: the latest job; none while the newest source has none
    :param attempts: updates of the item that failed since the last success
    """

    video_id: int
    version: int
    attempts: int
    source: SourceRow
    job: JobRow | None
    published: PublicOutputs | None


def read(conn: Connection, video_id: int, *, lease: timedelta) -> VideoState:
    """The state for an item, with a version of its own. Use one transaction a call, and commit before sending.

    :param lease: how long nobody else need care for this video
    :raises CatalogError: when there is no such video, or it has no source
    """
    version, attempts = metadata_syncs.take_version(conn, video_id, lease=lease)
    newest = conn.scalar(select(func.max(source.c.id)).where(source.c.video_id == video_id))
    if newest is None:
        raise CatalogError(f"Video {video_id} has no source in the catalog.")
    found = get_source(conn, newest)
    job_id = conn.scalar(select(func.max(job.c.id)).where(job.c.video_id == video_id))
    latest = None if job_id is None else get_job(conn, job_id)
    if latest is not None and latest.source_id != found.id:
        if latest.queued_at < found.registered_at:
            latest = None
        else:
            found = get_source(conn, latest.source_id)
    return VideoState(video_id, version, attempts, found, latest, _published(conn, video_id))


def _published(conn: Connection, video_id: int) -> PublicOutputs | None:
    query = (
        select(publication, job.c.bucket, job.c.prefix)
        .join(job, job.c.id == publication.c.job_id)
        .where(publication.c.video_id == video_id)
    )
    found: Any = conn.execute(query).one_or_none()
    if found is None:
        return None
    tables = [
        tuple(conn.execute(select(table).where(table.c.job_id == found.job_id).order_by(table.c.id)).mappings())
        for table in (rendition, artifact)
    ]
    return PublicOutputs(
        found.job_id, found.manifest_uri, found.published_at, found.bucket, found.prefix, tables[0], tables[1]
    )

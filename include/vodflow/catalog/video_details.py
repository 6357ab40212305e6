"""All that is known of one video: its bytes, its jobs, and what happened to one of them."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from vodflow.catalog import holds, prices
from vodflow.catalog.tables import (
    artifact,
    job,
    job_attempt,
    job_event,
    job_measurement,
    job_part,
    publication,
    publication_event,
    rendition,
    rendition_measurement,
    source,
)
from vodflow.catalog.video_list import VideoLine, line_of

#: Most jobs, versions and publications of one video that are told of; the newest.
MOST: Final = 100

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class VideoDetails:
    """One video, and one of its jobs.

    :param job: the one that was asked for, else the newest; none while there is none
    :param jobs: every job of the video, newest first
    :param public_job_id: whose outputs are public
    :param renditions: published tracks, each with what was measured of it (then ``measured_at`` is set)
    :param waits: what stops its run just now
    """

    line: VideoLine
    source: Row
    sources: list[Row]
    jobs: list[Row]
    publications: list[Row]
    public_job_id: int | None
    job: Row | None
    events: list[Row]
    attempts: list[Row]
    parts: list[Row]
    renditions: list[Row]
    artifacts: list[Row]
    measurement: Row | None
    waits: list[Row]


def video_details(conn: Connection, video_id: int, job_id: int | None = None) -> VideoDetails | None:
    """A video with a job of its own; none where there is no such video, or the job is another video's."""
    line = line_of(conn, video_id)
    if line is None:
        return None
    shown = job_id or line.job_id
    costs = (prices.actual_cost().label("cost"), prices.estimated_cost().label("foreseen_cost"))
    wanted = select(job, *costs).where(job.c.id == shown, job.c.video_id == video_id)
    found = None if shown is None else _one(conn, wanted)
    if job_id is not None and found is None:
        return None
    sources = _newest(conn, source, source.c.video_id == video_id)
    about = found["source_id"] if found else line.source_id
    return VideoDetails(
        line=line,
        source=_source(conn, about),
        sources=sources,
        jobs=_newest(conn, job, job.c.video_id == video_id, leave_out=("plan", "result", "verification")),
        publications=_newest(conn, publication_event, publication_event.c.video_id == video_id),
        public_job_id=conn.scalar(select(publication.c.job_id).where(publication.c.video_id == video_id)),
        job=found,
        **_of_job(conn, found["id"] if found else 0),
        waits=[dataclasses.asdict(hold) for hold in holds.holds(conn, line.run_id)] if line.run_id else [],
    )


def _of_job(conn: Connection, job_id: int) -> dict[str, Any]:
    tracks = (
        select(rendition, *(column for column in rendition_measurement.c if column.name != "recorded_xid"))
        .outerjoin(rendition_measurement, rendition_measurement.c.rendition_id == rendition.c.id)
        .where(rendition.c.job_id == job_id)
        .order_by(rendition.c.kind.desc(), rendition.c.height.desc(), rendition.c.name)
    )
    pieces = select(job_part).where(job_part.c.job_id == job_id).order_by(job_part.c.id)
    objects = select(artifact).where(artifact.c.job_id == job_id).order_by(artifact.c.kind, artifact.c.name)
    return {
        "events": _all(conn, select(job_event).where(job_event.c.job_id == job_id).order_by(job_event.c.id)),
        "attempts": _all(conn, select(job_attempt).where(job_attempt.c.job_id == job_id).order_by(job_attempt.c.id)),
        "parts": _all(conn, pieces),
        "renditions": _all(conn, tracks),
        "artifacts": _all(conn, objects),
        "measurement": _one(conn, select(job_measurement).where(job_measurement.c.job_id == job_id)),
    }


def _source(conn: Connection, source_id: int) -> Row:
    return dict(conn.execute(select(source).where(source.c.id == source_id)).mappings().one())


def _newest(conn: Connection, table: Table, whose: ColumnElement[bool], leave_out: tuple[str, ...] = ()) -> list[Row]:
    columns = (column for column in table.c if column.name not in leave_out)
    return _all(conn, select(*columns).where(whose).order_by(table.c.id.desc()).limit(MOST))


def _all(conn: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in conn.execute(query).mappings()]


def _one(conn: Connection, query: Select[Any]) -> Row | None:
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)

"""What there is to tell of one job beside its row: its history, and what it published."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from vodflow.catalog.tables import artifact, job_event, rendition


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

"""Measurements of quality: which published jobs wait for one, and what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Double, Integer, and_, cast, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from vodflow.catalog.rows import Record
from vodflow.catalog.states import FINISHED, JobStatus, MeasurementState, SourceStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import (
    job,
    job_measurement,
    publication,
    publication_event,
    rendition,
    rendition_measurement,
    source,
)
from vodflow.contract.engine_names import EngineName
from vodflow.errors import VodflowError

#: How often the measurement of a job is begun before it is given up.
ATTEMPTS: Final = 3
#: Time after a failure before it is tried again.
_PAUSE: Final = timedelta(hours=1)
#: Rows of one look; there is always another one.
_LOOK: Final = 1000
#: A row that changes is a new fact to reports.
_NOW_RECORDED: Final = {"measured_at": func.now(), "recorded_xid": text("(pg_current_xact_id())::text::bigint")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Due(Record):
    """A public job that was not measured.

    :param duration: seconds of its source
    :param state: what earlier attempts have left; none before the first one
    """

    job_id: int
    duration: float
    state: MeasurementState | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasurementRow(Record):
    """One measurement; columns as :data:`vodflow.catalog.tables.job_measurement` says."""

    job_id: int
    state: MeasurementState
    attempts: int
    every: int | None
    seconds: float | None
    cpu_seconds: float | None
    wall_seconds: float | None
    tool: str | None
    black_seconds: float | None
    frozen_seconds: float | None
    luma_clipped: float | None
    stretches: list[dict[str, Any]] | None
    error_code: str | None
    error_message: str | None
    measured_at: datetime


def due(conn: Connection, *, days: float, limit: int = _LOOK) -> list[Due]:
    """Public jobs that wait for their measurement, those tried least first.

    :param days: for which a publication is found
    """
    state, attempts = job_measurement.c.state, func.coalesce(job_measurement.c.attempts, 0)
    waits = or_(
        state.is_(None),
        state == MeasurementState.PARTIAL,
        and_(state == MeasurementState.FAILED, job_measurement.c.measured_at < func.now() - _PAUSE),
    )
    recent = select(publication_event.c.new_job_id).where(publication_event.c.at > func.now() - timedelta(days=days))
    duration = cast(job.c.plan["media"]["duration"].astext, Double)
    query = (
        select(*Due.columns(job_measurement, job_id=job.c.id, duration=duration))
        .join(publication, publication.c.job_id == job.c.id)
        .outerjoin(job_measurement, job_measurement.c.job_id == job.c.id)
        .where(job.c.id.in_(recent), job.c.outputs_deleted_at.is_(None), waits, attempts < ATTEMPTS)
        .order_by(attempts, job.c.id)
        .limit(limit)
    )
    return [Due.of(row) for row in conn.execute(query)]


def encodes_wait(conn: Connection, engines: Collection[EngineName], lease: float) -> bool:
    """Whether a video is on its way that has, or may get, one of these engines.

    :param lease: seconds without a sign of life after which nobody is believed to work on it
    """
    fresh = func.clock_timestamp() - timedelta(seconds=lease)
    seen = func.greatest(job.c.queued_at, job.c.submitted_at, job.c.started_at, job.c.encoded_at, job.c.heartbeat_at)
    # As the index of open jobs says it.
    open_states = [str(status) for status in sorted(set(JobStatus) - FINISHED)]
    working = exists().where(job.c.status.in_(open_states), job.c.engine.in_(engines), seen > fresh)
    noticed = func.greatest(source.c.registered_at, source.c.dispatched_at)
    coming = exists().where(source.c.status.in_([SourceStatus.DISCOVERED, SourceStatus.DISPATCHED]), noticed > fresh)
    return bool(conn.scalar(select(or_(working, coming))))


def skip(conn: Connection, job_ids: Sequence[int]) -> None:
    """Note that these are not among the share that is measured."""
    if job_ids:
        rows = [{"job_id": job_id, "state": MeasurementState.SKIPPED} for job_id in job_ids]
        conn.execute(insert(job_measurement).values(rows).on_conflict_do_nothing())


def begin(
    conn: Connection, job_id: int, *, run_id: str | None, every: int, seconds: float, anew: bool = False
) -> set[str]:
    """Note that a measurement begins or goes on.

    :param every: one of so many frames is compared
    :param seconds: of the video that are looked at
    :param anew: forget what was measured before, as happens where it was done in another way
    :return: names of the renditions that are measured already
    """
    done = (job_measurement.c.every, job_measurement.c.seconds)
    before = conn.execute(select(*done).where(job_measurement.c.job_id == job_id).with_for_update()).one_or_none()
    otherwise = before is not None and before.every is not None and tuple(before) != (every, seconds)
    values: dict[str, Any] = {
        "state": MeasurementState.PARTIAL, "run_id": clean(run_id), "every": every, "seconds": seconds,
        "error_code": None, "error_message": None,
    }  # fmt: skip
    if anew or otherwise:
        mine = select(rendition.c.id).where(rendition.c.job_id == job_id)
        conn.execute(delete(rendition_measurement).where(rendition_measurement.c.rendition_id.in_(mine)))
        gone = ("cpu_seconds", "wall_seconds", "black_seconds", "frozen_seconds", "luma_clipped", "stretches")
        values |= dict.fromkeys(gone)
    attempts = 1 if anew or otherwise else job_measurement.c.attempts + 1
    statement = insert(job_measurement).values(job_id=job_id, attempts=1, **values)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["job_id"], set_=values | {"attempts": attempts} | _NOW_RECORDED)
    )
    names = select(rendition.c.name).join(rendition_measurement, rendition_measurement.c.rendition_id == rendition.c.id)
    return set(conn.scalars(names.where(rendition.c.job_id == job_id)))


def add(
    conn: Connection,
    job_id: int,
    name: str,
    figures: Mapping[str, Any],
    *,
    cpu_seconds: float,
    wall_seconds: float,
    stretches: Sequence[Mapping[str, Any]] = (),
    **found: Any,
) -> None:
    """Keep what was measured of one rendition, and what it has cost.

    :param figures: columns of ``rendition_measurement``
    :param found: columns of ``job_measurement`` that came to light with it
    """
    of_it = select(rendition.c.id).where(rendition.c.job_id == job_id, rendition.c.name == name)
    values = insert(rendition_measurement).values(rendition_id=of_it.scalar_subquery(), **figures)
    conn.execute(values.on_conflict_do_update(index_elements=["rendition_id"], set_={**figures, **_NOW_RECORDED}))
    known = func.coalesce(job_measurement.c.stretches, cast([], JSONB))
    _update(
        conn, job_id,
        cpu_seconds=func.coalesce(job_measurement.c.cpu_seconds, 0) + cpu_seconds,
        wall_seconds=func.coalesce(job_measurement.c.wall_seconds, 0) + wall_seconds,
        stretches=known.op("||")(cast([dict(stretch) for stretch in stretches], JSONB)),
        **found,
    )  # fmt: skip


def step_aside(conn: Connection, job_id: int) -> None:
    """Note that a measurement stopped without fault: it does not count as an attempt."""
    _update(conn, job_id, attempts=func.greatest(job_measurement.c.attempts - 1, cast(0, Integer)))


def finish(conn: Connection, job_id: int) -> None:
    """Note that all renditions are measured."""
    _update(conn, job_id, state=MeasurementState.MEASURED)


def fail(conn: Connection, job_id: int, error: VodflowError) -> None:
    """Note why a measurement failed; what it has found so far stays."""
    code = error.code or type(error).__name__
    message = clean_message(str(error)) or type(error).__name__
    _update(conn, job_id, state=MeasurementState.FAILED, error_code=clean(code), error_message=message)


def get_measurement(conn: Connection, job_id: int) -> MeasurementRow | None:
    """The measurement of a job; none where nobody has begun it."""
    found = conn.execute(select(job_measurement).where(job_measurement.c.job_id == job_id)).one_or_none()
    return None if found is None else MeasurementRow.of(found)


def get_renditions(conn: Connection, job_id: int) -> list[dict[str, Any]]:
    """Each rendition of a job with its figures, none of which may be there; the largest first."""
    figures = [column for column in rendition_measurement.c if column.name not in {"rendition_id", "recorded_xid"}]
    named = (rendition.c.name, rendition.c.kind, rendition.c.width, rendition.c.height, rendition.c.measured_bitrate)
    query = (
        select(*named, *figures)
        .outerjoin(rendition_measurement, rendition_measurement.c.rendition_id == rendition.c.id)
        .where(rendition.c.job_id == job_id)
        .order_by(rendition.c.kind.desc(), rendition.c.height.desc(), rendition.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _update(conn: Connection, job_id: int, **values: Any) -> None:
    conn.execute(update(job_measurement).where(job_measurement.c.job_id == job_id).values(**values, **_NOW_RECORDED))

"""The parts of divided jobs: which are made, by whom, and what they cost.

What is in S3 decides whether a part must be made (:mod:`vodflow.engines.chunks.stored`); these rows tell people, and
the rule that starts stragglers a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.states import PartState
from vodflow.catalog.storable import clean_message
from vodflow.catalog.tables import job_part
from vodflow.contract.parts import Part, PartRecord, part_digest
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import CatalogError, VodflowError


@dataclass(frozen=True)
class PartRow:
    """One part of a job.

    :param seconds: wall seconds of its last attempt, until now where it runs
    """

    part: str
    title: str
    digest: str
    state: PartState
    attempt: int
    worker: str | None
    size_bytes: int | None
    cpu_seconds: float | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None


def begin_part(conn: Connection, job_id: int, plan: TranscodePlan, part: Part, worker: str) -> int:
    """Note that somebody makes a part; which attempt that is, from 1.

    A part that is begun while it runs has two attempts, of which the later one counts: the first to end is kept, see
    :func:`end_part`.

    :param worker: who works: a host, a pod
    """
    values = {
        "title": part.title,
        "digest": part_digest(plan, part),
        "state": PartState.RUNNING.value,
        "worker": worker,
        "started_at": func.clock_timestamp(),
        "ended_at": None,
        "size_bytes": None,
        "checksum": None,
        "cpu_seconds": None,
        "error_code": None,
        "error_message": None,
    }
    row = insert(job_part).values(job_id=job_id, part=part.name, attempt=1, **values)
    statement = row.on_conflict_do_update(
        index_elements=["job_id", "part"], set_={**values, "attempt": job_part.c.attempt + 1}
    )
    return int(conn.execute(statement.returning(job_part.c.attempt)).scalar_one())


def end_part(conn: Connection, job_id: int, record: PartRecord) -> bool:
    """Note that a part is made; whether that is new. Of two attempts the first to end is kept.

    :raises CatalogError: nobody has begun it
    """
    changed = conn.execute(
        update(job_part)
        .where(job_part.c.job_id == job_id, job_part.c.part == record.part, job_part.c.state != PartState.DONE.value)
        .values(
            state=PartState.DONE.value,
            digest=record.digest,
            size_bytes=record.size,
            checksum=record.checksum,
            cpu_seconds=record.cpu_seconds,
            ended_at=func.clock_timestamp(),
            error_code=None,
            error_message=None,
        )
    ).rowcount
    if not changed and not any(row.part == record.part for row in parts_of(conn, job_id)):
        raise CatalogError(f"job {job_id} has no part {record.part} that was begun")
    return bool(changed)


def fail_part(conn: Connection, job_id: int, name: str, attempt: int, error: BaseException) -> None:
    """Note that an attempt has failed, unless a later one runs or another one has made the part."""
    code = error.code if isinstance(error, VodflowError) else None
    conn.execute(
        update(job_part)
        .where(
            job_part.c.job_id == job_id,
            job_part.c.part == name,
            job_part.c.attempt == attempt,
            job_part.c.state == PartState.RUNNING.value,
        )
        .values(
            state=PartState.FAILED.value,
            ended_at=func.clock_timestamp(),
            error_code=clean_message(code or type(error).__name__),
            error_message=clean_message(str(error) or type(error).__name__),
        )
    )


def parts_of(conn: Connection, job_id: int) -> list[PartRow]:
    """The parts that were begun, by name."""
    end = func.coalesce(job_part.c.ended_at, func.clock_timestamp())
    seconds = func.extract("epoch", end - job_part.c.started_at).label("seconds")
    columns = [job_part.c[name] for name in PartRow.__dataclass_fields__ if name != "seconds"]
    rows = conn.execute(select(*columns, seconds).where(job_part.c.job_id == job_id).order_by(job_part.c.part))
    return [
        PartRow(**{**row, "state": PartState(row["state"]), "seconds": float(row["seconds"] or 0.0)})
        for row in rows.mappings()
    ]

"""The parts of divided jobs: which are made, by whom, and what they cost.

What is in S3 decides whether a part must be made (:mod:`vodflow.engines.chunks.stored`); these rows tell people, and
the rule that starts stragglers a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.states import FINISHED, PartState
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import job, job_part
from vodflow.contract.engine_names import EngineName
from vodflow.contract.parts import Part, PartRecord, part_digest
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import CatalogError, VodflowError

#: Code of an attempt that nobody ended: its process was lost, and another one began.
LOST: Final = "lost"
#: Code of the slower one of two attempts at the same part.
OVERTAKEN: Final = "overtaken"


@dataclass(frozen=True)
class PartRow:
    """One part of a job.

    :param worker: who works or has made it: a host, a pod; none before there is one
    :param failures: attempts that have made nothing: ``attempt``, ``worker``, ``code``, ``message``, and what else is
        known
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
    failures: list[dict[str, Any]]
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None

    @property
    def live(self) -> tuple[int, ...]:
        """The attempts that work, as far as is known; two where a late one was started a second time."""
        return _live(self.attempt, self.failures) if self.state == PartState.RUNNING else ()


def begin_part(
    conn: Connection,
    job_id: int,
    plan: TranscodePlan,
    part: Part,
    worker: str | None,
    *,
    beside: bool = False,
    seconds: float = 0.0,
) -> int:
    """Note that somebody makes a part; which attempt that is, from 1.

    :param worker: who works: a host, a pod; none where that is known later, see :func:`assign_part`
    :param beside: earlier attempts go on, and the first to end is kept (:func:`end_part`); else they are lost
    :param seconds: how long ago that was
    """
    first = insert(job_part).values(job_id=job_id, part=part.name, title=part.title, digest=part_digest(plan, part))
    conn.execute(first.on_conflict_do_nothing())
    row = _locked(conn, job_id, part.name)
    failures = list(row.failures)
    if row.state == PartState.RUNNING and not beside:
        failures += [
            {"attempt": number, "worker": row.worker, "code": LOST, "message": "Another attempt was begun."}
            for number in row.live
        ]
    _change(
        conn,
        job_id,
        part.name,
        title=part.title,
        digest=part_digest(plan, part),
        state=PartState.RUNNING.value,
        attempt=row.attempt + 1,
        worker=worker,
        failures=failures,
        started_at=func.clock_timestamp() - timedelta(seconds=seconds),
        ended_at=None,
        size_bytes=None,
        checksum=None,
        cpu_seconds=None,
        error_code=None,
        error_message=None,
    )
    return row.attempt + 1


def assign_part(conn: Connection, job_id: int, name: str, attempt: int, worker: str) -> None:
    """Note who works at an attempt, once that is known."""
    row = _locked(conn, job_id, name)
    if row.state == PartState.RUNNING and row.attempt == attempt:
        _change(conn, job_id, name, worker=worker)


def end_part(
    conn: Connection, job_id: int, record: PartRecord, *, attempt: int | None = None, worker: str | None = None
) -> bool:
    """Note that a part is made; whether that is new. Of two attempts the first to end is kept.

    :param attempt: the one that has made it; others are overtaken
    :param worker: who has made it; none means who is noted
    :raises CatalogError: nobody has begun it
    """
    row = _locked(conn, job_id, record.part)
    if row.state == PartState.DONE:
        return False
    message = f"Attempt {attempt} was done first."
    overtaken = [
        {"attempt": number, "code": OVERTAKEN, "message": message}
        for number in row.live
        if attempt is not None and number != attempt
    ]
    _change(
        conn,
        job_id,
        record.part,
        state=PartState.DONE.value,
        digest=record.digest,
        worker=worker or row.worker,
        failures=[*row.failures, *overtaken],
        size_bytes=record.size,
        checksum=record.checksum,
        cpu_seconds=record.cpu_seconds,
        ended_at=func.clock_timestamp(),
        error_code=None,
        error_message=None,
    )
    return True


def fail_part(
    conn: Connection, job_id: int, name: str, attempt: int, error: BaseException, **facts: str | None
) -> None:
    """Note that an attempt has failed; the part with it, unless another one works at it or has made it.

    :param facts: what the next attempt shall know: the ``worker``, its ``node``
    """
    row = _locked(conn, job_id, name)
    if attempt not in row.live:
        return
    code = clean_message((isinstance(error, VodflowError) and error.code) or type(error).__name__)
    message = clean_message(str(error) or type(error).__name__)
    known = {"worker": row.worker, **facts}
    failures = [*row.failures, clean({"attempt": attempt, "code": code, "message": message, **known})]
    failed = {} if _live(row.attempt, failures) else {
        "state": PartState.FAILED.value,
        "ended_at": func.clock_timestamp(),
        "error_code": code,
        "error_message": message,
    }  # fmt: skip
    _change(conn, job_id, name, failures=failures, **failed)


def find_part_row(conn: Connection, job_id: int, name: str) -> PartRow | None:
    """A part of a job; none where nobody has begun it."""
    return next((row for row in parts_of(conn, job_id) if row.part == name), None)


def live_parts(conn: Connection, engine: EngineName) -> int:
    """How many parts an engine's workers make now, of all jobs."""
    mine = (job_part.c.state == PartState.RUNNING.value) & (job.c.engine == engine) & job.c.status.not_in(FINISHED)
    query = select(func.count()).select_from(job_part.join(job, job.c.id == job_part.c.job_id)).where(mine)
    return int(conn.execute(query).scalar_one())


def _live(attempt: int, failures: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    over = {failure["attempt"] for failure in failures}
    return tuple(number for number in range(1, attempt + 1) if number not in over)


def _locked(conn: Connection, job_id: int, name: str) -> PartRow:
    """:raises CatalogError: nobody has begun it."""
    mine = (job_part.c.job_id == job_id) & (job_part.c.part == name)
    conn.execute(select(job_part.c.id).where(mine).with_for_update())
    if (row := find_part_row(conn, job_id, name)) is None:
        raise CatalogError(f"job {job_id} has no part {name} that was begun")
    return row


def _change(conn: Connection, job_id: int, name: str, **values: Any) -> None:
    conn.execute(update(job_part).where(job_part.c.job_id == job_id, job_part.c.part == name).values(**values))


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

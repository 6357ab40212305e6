"""Attempts: each time an engine was started for a job, and how that ended.

Driven by :mod:`vodflow.catalog.jobs`, and for engines that are services by :mod:`vodflow.catalog.submissions`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from vodflow.catalog.storable import clean_message
from vodflow.catalog.tables import job_attempt
from vodflow.contract.engine_names import EngineName
from vodflow.errors import ErrorClass, VodflowError


def start_attempt(
    conn: Connection, job_id: int, worker: str, run_id: str | None = None, *, engine: EngineName | str, **values: Any
) -> int:
    """Begin an attempt and return its id. An unfinished earlier one was lost in a crash and is closed as ``lost``.

    :param worker: who works, for the record: a host, a pod
    :param values: further columns of ``job_attempt``
    """
    close_attempts(conn, job_id, "lost")
    number = select(func.coalesce(func.max(job_attempt.c.number), 0) + 1).where(job_attempt.c.job_id == job_id)
    statement = insert(job_attempt).values(
        job_id=job_id,
        number=number.scalar_subquery(),
        run_id=run_id,
        engine=EngineName(engine),
        worker=worker,
        started_at=func.clock_timestamp(),
        **values,
    )
    return int(conn.execute(statement.returning(job_attempt.c.id)).scalar_one())


def is_running(conn: Connection, attempt_id: int) -> bool:
    """Whether an attempt is still the job's: not ended, and not lost to a later one."""
    return bool(conn.scalar(select(job_attempt.c.finished_at.is_(None)).where(job_attempt.c.id == attempt_id)))


def close_attempts(conn: Connection, job_id: int, outcome: str, **error: Any) -> None:
    """End the job's running attempt, if there is one, with the job itself.

    :param error: for a failure ``error_class``, ``error_code`` and ``error_message``
    """
    conn.execute(
        update(job_attempt)
        .where(job_attempt.c.job_id == job_id, job_attempt.c.finished_at.is_(None))
        .values(outcome=outcome, finished_at=func.clock_timestamp(), **error)
    )


def error_values(error: BaseException, *, retryable: bool) -> dict[str, Any]:
    """An error as the columns ``error_class``, ``error_code`` and ``error_message``.

    :param retryable: decides the class of errors that are not ours
    """
    ours = error if isinstance(error, VodflowError) else None
    unknown = ErrorClass.TRANSIENT if retryable else ErrorClass.PERMANENT
    return {
        "error_class": ours.error_class if ours else unknown,
        "error_code": clean_message((ours and ours.code) or type(error).__name__),
        "error_message": clean_message(str(error) or type(error).__name__),
    }

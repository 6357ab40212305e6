"""Holds: steps of runs that wait for a cause which they share, and spend no try on it.

A row is one step of one run. The rows of one step, on one machine where the cause is that machine's, are a hold. It
begins with the first that meets the cause, lets one of them try now and then, and is over when one gets through.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog import jobs, outages
from vodflow.catalog.database import acting_tenant
from vodflow.catalog.rows import JobRow, Record
from vodflow.catalog.states import FINISHED
from vodflow.catalog.storable import clean_message
from vodflow.catalog.tables import hold, job
from vodflow.errors import SharedCause, VodflowError

#: Causes that each step can see for itself at once, without trying: nobody needs to try for the others.
_SEEN_AT_ONCE: Final = (SharedCause.DISK, SharedCause.CATALOG)
#: Seconds without a look after which a row is nobody's any more: its run was stopped, or Airflow was.
_FORGOTTEN: Final = 900.0
#: Seconds between the first two looks, and the part of a hold's age that later ones wait.
_FIRST_PAUSE: Final = 5.0
_GROWTH: Final = 0.25


@dataclasses.dataclass(frozen=True)
class Waiter:
    """Who may have to wait.

    :param step: id of the task
    :param machine: where it runs
    :param longest_pause: seconds between two looks, at most
    """

    run_id: str
    step: str
    machine: str
    longest_pause: float


@dataclasses.dataclass(frozen=True)
class Admission:
    """Whether a step may begin.

    :param wait: seconds until it may ask again; none when it may begin
    :param held: there is a hold, or one that was given up: how the step ends has to be told
    :param message: what it waits for
    """

    wait: float | None = None
    held: bool = False
    message: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HoldRow(Record):
    """A hold as people see it.

    :param scope: the machine whose trouble it is; empty when it is everybody's
    :param waiting: runs that wait; ``given_up`` those that failed, and go on when the cause is over
    :param since: of the run that has waited longest
    """

    step: str
    cause: str
    scope: str
    message: str
    since: datetime
    waiting: int
    given_up: int

    @property
    def sentence(self) -> str:
        """What is held, for a person."""
        where = f" of {self.scope}" if self.scope else ""
        failed = f" ({self.given_up} have failed meanwhile)" if self.given_up else ""
        return (
            f"{self.waiting + self.given_up} runs{failed} wait at {self.step} for {self.cause}{where} since "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC: {self.message}"
        )


def pause(age: float, longest: float) -> float:
    """Seconds from one look at a cause to the next, longer the older it is."""
    return min(longest, max(_FIRST_PAUSE, age * _GROWTH))


def admit(conn: Connection, waiter: Waiter) -> Admission:
    """Let a step begin, unless others wait at the same step: then it waits as well, or is the one that tries."""
    query = select(hold).where(_near(waiter))
    # Its own row may be of another machine, where it waited before.
    if not conn.execute(select(hold.c.run_id).where(or_(_near(waiter), _own(waiter))).limit(1)).first():
        return Admission()
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"vodflow.hold.{waiter.step}", 0))))
    now: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    conn.execute(delete(hold).where(_own(waiter), ~_waits()))  # it goes on, by itself or by a person's hand
    fresh = hold.c.seen_at > now - timedelta(seconds=_FORGOTTEN)
    rows = conn.execute(query.where(_waits(), hold.c.cause.not_in(_SEEN_AT_ONCE), fresh).order_by(hold.c.since)).all()
    if not rows:
        return Admission(held=True)
    first = rows[0]
    rank = next((place for place, row in enumerate(rows) if row.run_id == waiter.run_id), len(rows))
    between = pause((now - first.since).total_seconds(), waiter.longest_pause)
    tried = max((row.tried_at for row in rows if row.tried_at), default=now - timedelta(seconds=between))
    left = between - (now - tried).total_seconds()
    _keep(conn, waiter, first, now, tried=left <= 0)
    if left <= 0:
        return Admission(held=True)
    # The next to try comes at its time; the others come after it, one after the other.
    return Admission(left + between * rank / len(rows), held=True, message=first.message)


def meet(conn: Connection, waiter: Waiter, error: VodflowError, limit: float) -> float | None:
    """Note that a step has met a shared cause.

    :param limit: seconds after which a run waits no longer
    :return: seconds until it may ask again; none when it is given up, and every job of its run has failed
    """
    cause = error.shared_cause or SharedCause.MACHINE
    now: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    scope = waiter.machine if cause.local else ""
    said = {"code": clean_message(error.code or type(error).__name__), "message": clean_message(str(error))}
    met = {"cause": cause, "scope": scope, **said, "seen_at": now, "tried_at": now}
    statement = insert(hold).values(run_id=waiter.run_id, step=waiter.step, since=now, **met)
    since: datetime = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "step"],
            set_=met,
        ).returning(hold.c.since)
    ).scalar_one()
    outages.begin(conn, cause, scope, step=waiter.step, **said)
    outages.end(conn, _somebodys())
    if (now - since).total_seconds() >= limit:
        conn.execute(update(hold).where(_own(waiter)).values(given_up_at=now))
        return None
    oldest = conn.scalar(select(func.min(hold.c.since)).where(_near(waiter), _waits(), hold.c.cause == cause))
    return pause((now - (oldest or since)).total_seconds(), waiter.longest_pause)


def passed(conn: Connection, waiter: Waiter) -> list[str]:
    """A step got through: nobody waits for its causes any longer. The runs that were given up: start them again."""
    conn.execute(
        delete(hold).where(or_(_own(waiter), and_(_near(waiter), _waits(), hold.c.cause.not_in(_SEEN_AT_ONCE))))
    )
    outages.end(conn, _somebodys())
    query = select(hold.c.run_id).where(_near(waiter), ~_waits()).order_by(hold.c.since)
    return list(conn.execute(query).scalars())


def leave(conn: Connection, waiter: Waiter) -> None:
    """A step waits no more: it ended for a reason of its own."""
    conn.execute(delete(hold).where(_own(waiter)))
    outages.end(conn, _somebodys())


def started_again(conn: Connection, run_id: str) -> bool:
    """A run that was given up goes on; false where it went on before. Others who ask wait for this transaction."""
    went_on = conn.execute(delete(hold).where(hold.c.run_id == run_id, ~_waits())).rowcount > 0
    outages.end(conn, _somebodys())
    return went_on


def next_to_try(conn: Connection) -> list[str]:
    """For each hold in which every run was given up, so that nobody tries any more, the one that failed first."""
    outages.end(conn, _somebodys())  # whoever waited may have been stopped
    others = hold.alias()
    somebody = select(others.c.run_id).where(
        others.c.step == hold.c.step, others.c.scope == hold.c.scope, others.c.given_up_at.is_(None)
    )
    query = select(hold).where(~_waits(), ~somebody.exists()).order_by(hold.c.given_up_at.desc())
    first = {(row.step, row.scope): str(row.run_id) for row in conn.execute(query)}  # the last one written stays
    return list(first.values())


def open_jobs(conn: Connection, run_id: str) -> list[JobRow]:
    """The jobs of a run that are not over, locked: they fail when their run is given up."""
    query = select(job.c.id).where(job.c.run_id == run_id, job.c.status.not_in(FINISHED)).order_by(job.c.id)
    return [jobs.locked_job(conn, job_id) for job_id in conn.execute(query).scalars().all()]


def holds(conn: Connection, run_id: str | None = None) -> list[HoldRow]:
    """What is held, longest first. A tenant is told the cause alone: machines, and what others met, are not its own.

    :param run_id: only what this run waits for
    """
    whole = acting_tenant() is None
    query = (
        select(
            hold.c.step,
            hold.c.cause,
            (hold.c.scope if whole else literal("")).label("scope"),
            func.max(hold.c.message if whole else hold.c.cause).label("message"),
            func.min(hold.c.since).label("since"),
            func.count().filter(_waits()).label("waiting"),
            func.count().filter(~_waits()).label("given_up"),
        )
        .where(_somebodys())
        .group_by(hold.c.step, hold.c.cause, hold.c.scope)
        .order_by(func.min(hold.c.since))
    )
    return [HoldRow.of(row) for row in conn.execute(query if run_id is None else query.where(hold.c.run_id == run_id))]


def _somebodys() -> ColumnElement[bool]:
    return or_(~_waits(), hold.c.seen_at > func.now() - timedelta(seconds=_FORGOTTEN))


def _keep(conn: Connection, waiter: Waiter, like: Any, now: datetime, *, tried: bool) -> None:
    """The waiter's own row, with what the hold is about."""
    seen = {"seen_at": now, **({"tried_at": now} if tried else {})}
    about = {name: getattr(like, name) for name in ("cause", "scope", "code", "message")}
    statement = insert(hold).values(run_id=waiter.run_id, step=waiter.step, since=now, **about, **seen)
    conn.execute(statement.on_conflict_do_update(index_elements=["run_id", "step"], set_=seen))


def _near(waiter: Waiter) -> ColumnElement[bool]:
    return and_(hold.c.step == waiter.step, hold.c.scope.in_(["", waiter.machine]))


def _own(waiter: Waiter) -> ColumnElement[bool]:
    return and_(hold.c.run_id == waiter.run_id, hold.c.step == waiter.step)


def _waits() -> ColumnElement[bool]:
    return hold.c.given_up_at.is_(None)

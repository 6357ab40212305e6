"""Jobs that an engine elsewhere carries out: intended first, then submitted, then known by the engine's own id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select, text, update

from vodflow.catalog import attempts, tenants
from vodflow.catalog.jobs import locked_job, refuse_if_alive, set_status
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import ACTIVE, JobStatus
from vodflow.catalog.storable import clean
from vodflow.catalog.tables import job, job_attempt, tenant, video
from vodflow.contract.engine_names import EngineName
from vodflow.errors import CatalogError

#: Statuses in which the job of an engine may be picked up as it is.
_UNDER_WAY = frozenset({JobStatus.SUBMITTED, JobStatus.PROGRESSING})


@dataclass(frozen=True)
class Quote:
    """What an attempt is expected to cost, and how the engine is asked.

    :param tier: pricing tier; none with ``minutes`` and ``cost`` when it cannot be estimated
    :param cost: US dollars
    :param minutes: normalised minutes
    :param request: kept for people and for whoever collects the outputs; no keys
    """

    tier: str | None
    minutes: Decimal | None
    cost: Decimal | None
    request: dict[str, Any]


@dataclass(frozen=True)
class Spending:
    """What was estimated for attempts so far.

    :param tenant_today: US dollars of the tenant's attempts of this day (UTC)
    :param minutes_this_month: normalised minutes of this month (UTC), by pricing tier
    """

    tenant_today: Decimal
    minutes_this_month: dict[str, Decimal]


def last_attempt(conn: Connection, job_id: int, engine: EngineName) -> AttemptRow | None:
    """The job's last attempt, when this engine made it."""
    query = select(job_attempt).where(job_attempt.c.job_id == job_id).order_by(job_attempt.c.number.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return AttemptRow.of(row) if row is not None and row.engine == engine else None


def next_number(conn: Connection, job_id: int) -> int:
    """The number that the job's next attempt will have."""
    query = select(func.coalesce(func.max(job_attempt.c.number), 0) + 1).where(job_attempt.c.job_id == job_id)
    return int(conn.execute(query).scalar_one())


def intend(
    conn: Connection,
    job_id: int,
    quote: Callable[[JobRow, int, Spending], Quote],
    *,
    engine: EngineName,
    worker: str,
    run_id: str | None,
) -> AttemptRow:
    """SUBMITTED, with a new attempt that has no id of the engine's yet: what must be there before the engine is asked.

    :param quote: of the job, the attempt's number, and what was spent so far; raises to refuse. Attempts of one tenant
        are quoted one after the other, so that together they keep a budget
    :raises JobBusy: when another run works on the job just now (retryable)
    :raises TenantBusy: when as many of its tenant's jobs are at work as it may have (retryable)
    :raises IllegalTransition: when the job is over for good
    """
    row = locked_job(conn, job_id)
    used = run_id or row.run_id
    refuse_if_alive(conn, row, used)
    tenants.require_room(conn, row)
    number = next_number(conn, job_id)
    offer = quote(row, number, _spending(conn, row))
    if row.status != JobStatus.QUEUED:
        set_status(conn, job_id, JobStatus.QUEUED)
    attempts.start_attempt(
        conn,
        job_id,
        worker,
        used,
        engine=engine,
        tier=offer.tier,
        normalized_minutes=offer.minutes,
        estimated_cost=offer.cost,
        request=clean(offer.request),
    )
    set_status(conn, job_id, JobStatus.SUBMITTED, engine=engine, run_id=used, estimated_cost=offer.cost)
    return _required(last_attempt(conn, job_id, engine), job_id)


def resume(conn: Connection, attempt: AttemptRow, run_id: str | None) -> AttemptRow:
    """Go on with an attempt that an earlier try left, whatever became of the job's row meanwhile.

    :raises JobBusy: when another run works on the job just now (retryable)
    :raises CatalogError: when the job was begun anew since
    """
    row = locked_job(conn, attempt.job_id)
    used = run_id or row.run_id
    refuse_if_alive(conn, row, used)
    last = _required(last_attempt(conn, row.id, attempt.engine), row.id)
    if last.id != attempt.id:
        raise CatalogError(f"Job {row.id} was begun anew since; run this task again.", job_id=row.id)
    conn.execute(
        update(job_attempt)
        .where(job_attempt.c.id == attempt.id)
        .values(outcome=None, finished_at=None, error_class=None, error_code=None, error_message=None, run_id=used)
    )
    if row.status not in _UNDER_WAY:
        if row.status != JobStatus.QUEUED:
            set_status(conn, row.id, JobStatus.QUEUED)
        set_status(conn, row.id, JobStatus.SUBMITTED, estimated_cost=last.estimated_cost)
    again = {"engine": attempt.engine, "run_id": used, "external_id": last.external_id}
    conn.execute(update(job).where(job.c.id == row.id).values(**again))
    return _required(last_attempt(conn, row.id, attempt.engine), row.id)


def assign(conn: Connection, attempt: AttemptRow, external_id: str) -> None:
    """Keep the engine's own id of the job, once it is known.

    :raises CatalogError: when the attempt has another one already
    """
    locked_job(conn, attempt.job_id)
    known = func.coalesce(job_attempt.c.external_id, external_id)
    changed = conn.execute(
        update(job_attempt)
        .where(job_attempt.c.id == attempt.id, known == external_id)
        .values(external_id=external_id)
        .returning(job_attempt.c.outcome)
    ).one_or_none()
    if changed is None:
        raise CatalogError(
            f"Attempt {attempt.number} of job {attempt.job_id} has another job of the engine's than {external_id}.",
            job_id=attempt.job_id,
        )
    if changed.outcome is None:
        conn.execute(
            update(job)
            .where(job.c.id == attempt.job_id, job.c.status.in_(ACTIVE), job.c.engine == attempt.engine)
            .values(external_id=external_id)
        )


def note(conn: Connection, attempt: AttemptRow, **facts: Any) -> None:
    """Keep more with how an attempt was asked: what the next one shall know of it."""
    kept = {**(attempt.request or {}), **facts}
    conn.execute(update(job_attempt).where(job_attempt.c.id == attempt.id).values(request=clean(kept)))


def find_attempt(conn: Connection, job_id: int, number: int, plan_hash: str, engine: EngineName) -> AttemptRow | None:
    """The attempt that a job elsewhere says it belongs to; none when it is of another installation."""
    query = (
        select(job_attempt)
        .join(job, job.c.id == job_attempt.c.job_id)
        .where(
            job_attempt.c.job_id == job_id,
            job_attempt.c.number == number,
            job_attempt.c.engine == engine,
            job.c.plan_hash == plan_hash,
        )
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else AttemptRow.of(row)


def touch(conn: Connection, engine: EngineName, external_ids: Sequence[str]) -> None:
    """Note a sign of life of jobs that the engine still has."""
    conn.execute(
        update(job)
        .where(job.c.engine == engine, job.c.external_id.in_(external_ids), job.c.status.in_(ACTIVE))
        .values(heartbeat_at=func.clock_timestamp())
    )


def spending(conn: Connection, tenant_slug: str) -> Spending:
    """What was estimated for attempts that reached their engine or may still reach it."""
    now = func.timezone("UTC", func.clock_timestamp())
    reached = (job_attempt.c.external_id.is_not(None)) | (job_attempt.c.outcome.is_(None))
    today = (
        select(func.coalesce(func.sum(job_attempt.c.estimated_cost), 0))
        .select_from(
            job_attempt.join(job, job.c.id == job_attempt.c.job_id)
            .join(video, video.c.id == job.c.video_id)
            .join(tenant, tenant.c.id == video.c.tenant_id)
        )
        .where(
            tenant.c.slug == tenant_slug,
            job_attempt.c.started_at >= func.timezone("UTC", func.date_trunc("day", now)),
            job_attempt.c.estimated_cost.is_not(None),
            reached,
        )
    )
    month = (
        select(job_attempt.c.tier, func.sum(job_attempt.c.normalized_minutes))
        .where(
            job_attempt.c.started_at >= func.timezone("UTC", func.date_trunc("month", now)),
            job_attempt.c.estimated_cost.is_not(None),
            reached,
        )
        .group_by(job_attempt.c.tier)
    )
    minutes = {str(tier): Decimal(amount or 0) for tier, amount in conn.execute(month)}
    return Spending(Decimal(conn.execute(today).scalar_one()), minutes)


def _spending(conn: Connection, row: JobRow) -> Spending:
    slug = row.tenant
    # Until the end of the transaction: two jobs of a tenant must not both take the last of its budget.
    key = func.hashtextextended(cast(f"vodflow.budget.{slug}", Text), text("0"))
    conn.execute(select(func.pg_advisory_xact_lock(key)))
    return spending(conn, slug)


def _required(attempt: AttemptRow | None, job_id: int) -> AttemptRow:
    if attempt is None:
        raise CatalogError(f"Job {job_id} has no attempt of this engine.", job_id=job_id)
    return attempt

"""Jobs: one plan for one source. Every change of status goes through the database's state machine."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog import attempts, outbox, sources, tenants
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import ACTIVE, FINISHED, JobStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import job, source
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult
from vodflow.contract.strategy import Strategy
from vodflow.errors import (
    CatalogError,
    EngineCanceled,
    InputRejected,
    JobBusy,
    NotInCatalog,
    RejectionReason,
    SourceUnreadable,
    VodflowError,
)
from vodflow.settings import get_settings

_COLUMNS = (
    job,
    job.c.plan.label("plan_document"),
    job.c.result.label("result_document"),
    job.c.verification.label("verification_document"),
)


def open_job(
    conn: Connection,
    source_id: int,
    plan: TranscodePlan,
    *,
    engine: EngineName | str,
    priority: int,
    run_id: str | None,
    bucket: str,
    prefix: str,
    estimated_cpu_seconds: float | None = None,
) -> JobRow:
    """The job of this source and plan: made now, or the existing one.

    A job whose engine is done (VERIFYING with a result, PUBLISHED) or that is REJECTED is returned as it is. A FAILED
    or CANCELED one goes back to QUEUED, and so does one left over by a crash: by an earlier try of the same run, or
    by another run that gave no sign of life for ``VODFLOW_JOB_LEASE`` seconds. Bucket and prefix of an existing job
    stay.

    :param priority: 0 to 100, higher first
    :param run_id: run of ``transcode_video`` that will work on it
    :param prefix: key prefix of the outputs
    :param estimated_cpu_seconds: what an engine of our own is expected to take; that of an existing job stays
    :raises JobBusy: when another run works on it just now (retryable)
    :raises TenantSuspended: when its tenant is being deleted
    :raises CatalogError: when there is no such source, or another job has this prefix
    """
    video_id = conn.scalar(select(source.c.video_id).where(source.c.id == source_id))
    if video_id is None:
        raise CatalogError(f"There is no source {source_id} in the catalog.")
    tenants.require_staying(conn, source_id)
    wanted = {"engine": EngineName(engine), "priority": priority, "run_id": run_id}
    conn.execute(
        insert(job)
        .values(
            source_id=source_id,
            video_id=video_id,
            plan_hash=plan.hash,
            plan=plan.model_dump(mode="json"),
            profile=plan.profile,
            revision=plan.revision,
            bucket=bucket,
            prefix=prefix,
            estimated_cpu_seconds=estimated_cpu_seconds,
            **wanted,
        )
        # Whichever unique index notices first that another run has just made the same job.
        .on_conflict_do_nothing()
    )
    found = (job.c.source_id == source_id) & (job.c.plan_hash == plan.hash)
    made = conn.execute(select(*_COLUMNS).where(found).with_for_update()).one_or_none()
    if made is None:
        raise CatalogError(f"Another job writes to s3://{bucket}/{prefix}; outputs of two jobs would mix there.")
    row = JobRow.of(made)
    done = row.status == JobStatus.VERIFYING and row.result_document is not None
    if done or row.status in {JobStatus.PUBLISHED, JobStatus.REJECTED}:
        return row
    refuse_if_alive(conn, row, run_id)
    return set_status(conn, row.id, JobStatus.QUEUED, **wanted)


def begin(conn: Connection, job_id: int, *, engine: EngineName | str, worker: str, run_id: str | None = None) -> int:
    """PROGRESSING, with a new attempt, whose id is returned. What an earlier worker left half done is begun again.

    :param run_id: run of ``transcode_video`` that works; none means the one that opened the job
    :param worker: who works, for the attempt's record: a host, a pod
    :raises JobBusy: when another run works on it just now (retryable)
    :raises TenantBusy: when as many of its tenant's jobs are at work as it may have (retryable)
    :raises IllegalTransition: when the job is PUBLISHED or REJECTED
    """
    row = locked_job(conn, job_id)
    used = run_id or row.run_id
    refuse_if_alive(conn, row, used)
    tenants.require_room(conn, row)
    if row.status not in {JobStatus.QUEUED, JobStatus.SUBMITTED}:
        set_status(conn, job_id, JobStatus.QUEUED)
    attempt = attempts.start_attempt(conn, job_id, worker, used, engine=engine)
    set_status(conn, job_id, JobStatus.PROGRESSING, engine=EngineName(engine), run_id=used)
    return attempt


def get_job(conn: Connection, job_id: int) -> JobRow:
    """A job by id.

    :raises CatalogError: when there is none
    """
    row = conn.execute(select(*_COLUMNS).where(job.c.id == job_id)).one_or_none()
    if row is None:
        raise _unknown(job_id)
    return JobRow.of(row)


def set_status(conn: Connection, job_id: int, status: JobStatus | str, **fields: Any) -> JobRow:
    """Change a job's status, and other columns with it; the same status again is no change.

    The database sets the status's own timestamp, clears what belongs to an earlier try when a job is queued again,
    and writes one ``job_event`` row.

    :param fields: further columns of ``job``, for example ``external_id`` or ``estimated_cost``
    :raises IllegalTransition: for a change outside the state machine (by :func:`.database.transaction`)
    :raises CatalogError: when there is no such job
    """
    row = _update(conn, job_id, status=JobStatus(status), **fields)
    outbox.job_changed(conn, row)
    return row


def record_progress(
    conn: Connection, job_id: int, stage: str, percent: float, speed: float | None = None, eta: float | None = None
) -> None:
    """Note how far a job is; cheap (a heap-only update) and never going back. Ignored once the job is over.

    :param percent: 0 to 100 of the whole job; values outside are cut off
    :param speed: media seconds encoded a wall second
    :param eta: seconds
    """
    conn.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status.not_in(FINISHED))
        .values(
            stage=str(stage),
            progress=func.greatest(job.c.progress, min(max(percent, 0.0), 100.0)),
            speed=speed,
            eta_seconds=None if eta is None else max(eta, 0.0),
            heartbeat_at=func.clock_timestamp(),
        )
    )


def store_result(conn: Connection, job_id: int, result: EngineResult, *, cost: Decimal | None = None) -> JobRow:
    """VERIFYING: the engine is done. Keeps what it made and how long it took; ends the attempt.

    :param cost: of this attempt, US dollars, added to what earlier ones cost; none where nobody is paid
    """
    paid = {} if cost is None else {"actual_cost": func.coalesce(job.c.actual_cost, 0) + cost}
    attempts.close_attempts(conn, job_id, "succeeded")
    return set_status(
        conn,
        job_id,
        JobStatus.VERIFYING,
        result=clean(result.model_dump(mode="json")),
        encode_seconds=result.encode_seconds,
        cpu_seconds=result.cpu_seconds,
        worker_seconds=result.wall_seconds,
        speed=result.speed,
        **paid,
    )


def store_verification(conn: Connection, job_id: int, verification: BaseModel) -> JobRow:
    """Keep what the verifier measured (:class:`vodflow.verification.result.Verification`) until it is published."""
    document = clean(verification.model_dump(mode="json"))
    return _update(conn, job_id, verification=document, verified_at=func.clock_timestamp())


def fail_job(conn: Connection, job_id: int, error: BaseException, *, retryable: bool | None = None) -> JobRow:
    """FAILED, with class, code and message of the error. A job that is over already stays as it is.

    :param retryable: overrides the error's own opinion
    """
    row = locked_job(conn, job_id)
    if row.status in FINISHED:
        return row
    again = retryable if retryable is not None else bool(getattr(error, "retryable", False))
    values = attempts.error_values(error, retryable=again)
    attempts.close_attempts(conn, job_id, "failed", **values)
    return set_status(conn, job_id, JobStatus.FAILED, retryable=again, **values)


def replan(conn: Connection, job_id: int, plan: TranscodePlan, strategy: Strategy) -> JobRow:
    """Have the next try carry a job's plan out in another way; what it makes is the same."""
    changed = plan.model_copy(update={"strategy": strategy})
    return _update(conn, job_id, plan=changed.model_dump(mode="json"))


def reject_job(conn: Connection, job_id: int, reason: RejectionReason | str, detail: str) -> JobRow:
    """REJECTED, and its source with it: the input is at fault. A job that is over already stays as it is."""
    row = locked_job(conn, job_id)
    if row.status in FINISHED:
        return row
    named = RejectionReason(reason)
    attempts.close_attempts(conn, job_id, "rejected")
    row = set_status(conn, job_id, JobStatus.REJECTED, error_code=named.value, error_message=clean_message(detail))
    sources.reject_source(conn, row.source_id, named, detail, job=row)
    return row


def end_job(conn: Connection, job_id: int, error: BaseException) -> JobRow:
    """The end that an error means: REJECTED, CANCELED or FAILED. A job that is over already stays as it is.

    A source that cannot be read as things stand is noted as such, too: it goes on when somebody sees it again.
    What stops every video alike is no end: a worker's job waits in the queue again, a service's goes on.
    """
    match error:
        case InputRejected():
            return reject_job(conn, job_id, error.reason, error.detail)
        case EngineCanceled() | KeyboardInterrupt() | SystemExit():
            return cancel_job(conn, job_id)
        case SourceUnreadable():
            row = fail_job(conn, job_id, error)
            sources.mark_unreadable(conn, row.source_id, error.reason, error.detail, job=row)
            return row
        case VodflowError() if error.shared_cause is not None:
            return _put_back(conn, job_id, error)
        case _:
            return fail_job(conn, job_id, error)


def _put_back(conn: Connection, job_id: int, error: VodflowError) -> JobRow:
    row = locked_job(conn, job_id)
    if row.status != JobStatus.PROGRESSING or row.external_id is not None:
        return row
    attempts.close_attempts(conn, job_id, "failed", **attempts.error_values(error, retryable=True))
    return set_status(conn, job_id, JobStatus.QUEUED)


def ask_to_cancel(conn: Connection, job_id: int, *, by: str, reason: str | None = None) -> None:
    """Note who wants a job cancelled, and why. Its event says so, whoever records the end; being queued again forgets
    it.

    :param by: a command, a person
    """
    asked = {"by": clean_message(by)} | ({"reason": clean_message(reason)} if reason else {})
    _update(conn, job_id, cancel_request=asked)


def cancel_job(conn: Connection, job_id: int) -> JobRow:
    """CANCELED. A job that is over already stays as it is."""
    row = locked_job(conn, job_id)
    if row.status in FINISHED:
        return row
    attempts.close_attempts(conn, job_id, "canceled")
    return set_status(conn, job_id, JobStatus.CANCELED)


def set_priority(conn: Connection, job_id: int, priority: int) -> JobRow:
    """Another place in the queues, for what has not begun; an encode that runs goes on as it is.

    :param priority: 0 to 100, higher first
    :raises CatalogError: the job is over, or there is none
    """
    row = locked_job(conn, job_id)
    if row.status in FINISHED:
        raise CatalogError(f"Job {job_id} is {row.status}: its priority changes nothing any more.", job_id=job_id)
    _update(conn, job_id, priority=priority)
    return dataclasses.replace(row, priority=priority)


def revision_for(conn: Connection, source_id: int, profile: str, *, run_id: str, force: bool) -> int:
    """The plan revision of a run: 0, or with ``force`` one that no earlier run has used for source and profile.

    A later try of the same forced run gets the same revision again, and so finds its own job.
    """
    if not force:
        return 0
    jobs = select(job.c.revision).where(job.c.source_id == source_id, job.c.profile == profile)
    own = conn.scalar(jobs.where(job.c.run_id == run_id).order_by(job.c.id.desc()).limit(1))
    if own is not None:
        return int(own)
    highest = conn.scalar(jobs.order_by(job.c.revision.desc()).limit(1))
    return 0 if highest is None else int(highest) + 1


def refuse_if_alive(conn: Connection, row: JobRow, run_id: str | None) -> None:
    """Refuse to touch a job that another run works on.

    :raises JobBusy: when it gave a sign of life within ``VODFLOW_JOB_LEASE`` seconds
    """
    if row.status not in ACTIVE or row.run_id == run_id:
        return
    seen = max(moment for moment in (row.heartbeat_at, row.started_at, row.submitted_at, row.queued_at) if moment)
    now: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    lease = timedelta(seconds=get_settings().job_lease)
    if now - seen < lease:
        raise JobBusy(
            f"Job {row.id} is {row.status} in run {row.run_id}, last sign of life {(now - seen).total_seconds():.0f} s "
            f"ago. Wait for it, or until {lease.total_seconds():.0f} s of silence have passed.",
            job_id=row.id,
        )


def locked_job(conn: Connection, job_id: int) -> JobRow:
    """A job whose row is locked until the end of the transaction.

    :raises CatalogError: when there is none
    """
    row = conn.execute(select(*_COLUMNS).where(job.c.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise _unknown(job_id)
    return JobRow.of(row)


def _update(conn: Connection, job_id: int, **values: Any) -> JobRow:
    row = conn.execute(update(job).where(job.c.id == job_id).values(**values).returning(*_COLUMNS)).one_or_none()
    if row is None:
        raise _unknown(job_id)
    return JobRow.of(row)


def _unknown(job_id: int) -> NotInCatalog:
    return NotInCatalog(f"There is no job {job_id} in the catalog.", job_id=job_id)

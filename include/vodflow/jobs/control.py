"""Change the course of jobs: cancel them, try them again."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath

from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import FINISHED, JobStatus, SourceStatus
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import CatalogError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.job import Job
from vodflow.jobs.queries import DAG_ID, JobRef, get
from vodflow.outcomes.announce import announce
from vodflow.pipeline.object_request import run_conf
from vodflow.pipeline.planning import plan_source, profile_of
from vodflow.pipeline.request import TranscodeRequest
from vodflow.planning.ladder import nominal_height
from vodflow.planning.profiles import Profile
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Seconds for which a cancelled engine may take to record its end before that is done for it.
CANCEL_PATIENCE = 30.0

#: Seconds after which a task's process has heard that its run was marked failed: Airflow's heartbeat (5 s) and more.
SETTLE = 8.0

#: Statuses in which an engine has something to stop.
_AT_WORK = frozenset({JobStatus.SUBMITTED, JobStatus.PROGRESSING})

#: States of a run that was marked failed here and then cleared.
_STARTED_OVER = frozenset({"queued", "running"})

_ACTOR = "vodflow.jobs"


def cancel(
    ref: JobRef,
    *,
    reason: str | None = None,
    by: str = _ACTOR,
    patience: float = CANCEL_PATIENCE,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
) -> Job:
    """Stop a job and whatever its engine does for it. Idempotent; a job that is over stays as it is.

    The run is marked failed in Airflow, which ends its tasks; the task that carries the job out stops its engine and
    records the end. A job that waits is cancelled at once.

    :param reason: why, for the job's history and the reports
    :param by: who asks, for the same
    :param patience: seconds to wait for the engine's own record; then the catalog is set right for it
    :raises CatalogError: there is no such job
    :raises ConfigurationError: the settings name no Airflow
    :raises AirflowError: Airflow does not answer; nothing is changed
    :raises EngineError: the engine, which had to be asked from here, does not answer (retryable)
    """
    used = settings or get_settings()
    job = get(ref, settings=used)
    if job.status in FINISHED and job.status not in {JobStatus.FAILED, JobStatus.CANCELED}:
        return job
    client = airflow or AirflowClient.of(used)
    try:
        return _cancel(ref, job, client, patience, used, partial(_note, by=by, reason=reason, settings=used))
    finally:
        if airflow is None:
            client.close()


def _cancel(
    ref: JobRef, job: Job, airflow: AirflowClient, patience: float, settings: Settings, note: Callable[[Job], object]
) -> Job:
    note(job)
    noted = job.queued_at
    run = airflow.run(DAG_ID, job.run_id) if job.run_id else None
    active = run is not None and not run.over
    # A process that runs now may still open or begin the job, until its supervisor hears of the run's end.
    busy = run is not None and active and airflow.has_running_tasks(DAG_ID, run.run_id)
    alive = run is not None and active and airflow.fail_run(DAG_ID, run.run_id)
    begin, at_work = time.monotonic(), False
    settled = begin + min(SETTLE if busy else 0.0, patience)
    while True:
        job = get(ref, airflow=airflow, settings=settings)
        now = time.monotonic()
        if alive and job.run_state in _STARTED_OVER:
            return job  # somebody tries it again already, and means that one
        if job.queued_at != noted:  # it was opened, or queued again, meanwhile
            note(job)
            noted = job.queued_at
        if job.id is not None and job.status in _AT_WORK and alive and now < begin + patience:
            at_work = True  # its engine records its own end
        elif job.id is not None and job.status not in FINISHED:
            _set_canceled(job.id, job.engine, settings)
            continue
        elif at_work or now >= settled:
            return job
        time.sleep(0.3)


def _note(job: Job, *, by: str, reason: str | None, settings: Settings) -> None:
    if job.id is not None and job.status not in FINISHED:
        with transaction(_ACTOR, settings) as connection:
            jobs.ask_to_cancel(connection, job.id, by=by, reason=reason)


def _set_canceled(job_id: int, engine: str | None, settings: Settings) -> None:
    # The job of a service, or a pod, may go on, and cost, though nobody waits for it.
    if engine == EngineName.MEDIACONVERT:
        from vodflow.engines.mediaconvert import steps as mediaconvert  # noqa: PLC0415 - slow to import

        mediaconvert.cancel_job(job_id, actor=_ACTOR)
        return
    if engine == EngineName.KUBERNETES:
        from vodflow.engines.kubernetes import steps as kubernetes  # noqa: PLC0415 - slow to import

        kubernetes.cancel_job(job_id, actor=_ACTOR)
        return
    with transaction(_ACTOR, settings) as connection:
        row = jobs.cancel_job(connection, job_id)
    announce(source_id=row.source_id, video_id=row.video_id, job_id=job_id)


def retry(ref: JobRef, *, airflow: AirflowClient | None = None, settings: Settings | None = None) -> Job:
    """Try a failed or cancelled job again: its run starts over, and finds what is done already.

    A job that waits or is being worked on stays as it is.

    :raises CatalogError: there is no such job, or it is published or rejected: ``create(…, force=True)`` makes it anew
    :raises ConfigurationError: the settings name no Airflow
    :raises AirflowError: Airflow does not start it; calling again is safe
    """
    used = settings or get_settings()
    client = airflow or AirflowClient.of(used)
    try:
        job = get(ref, airflow=client, settings=used)
        if job.status in {JobStatus.PUBLISHED, JobStatus.REJECTED, SourceStatus.REJECTED}:
            raise CatalogError(
                f"Job {job.ref} is {job.status}: there is nothing to try again. Make it anew with force "
                f"(vodflow jobs create {shlex.quote(job.source)} --force).",
                job_id=job.id,
            )
        return restart(job, client, used) if job.over else job
    finally:
        if airflow is None:
            client.close()


def restart(job: Job, airflow: AirflowClient, settings: Settings) -> Job:
    """Start a job's run over, or a run of the same id where Airflow has none any more."""
    run_id = job.run_id or f"source-{job.source_id}"
    run = airflow.run(DAG_ID, run_id)
    if run is None or not airflow.clear_run(DAG_ID, run_id):
        airflow.ensure_run(DAG_ID, run_id, _conf_of(job, settings), note=PurePosixPath(job.source).name)
    if job.id is not None:
        _queue_again(job.id, job, settings)
    return get(job.id if job.id is not None else run_id, airflow=airflow, settings=settings)


def _queue_again(job_id: int, seen: Job, settings: Settings) -> None:
    """QUEUED, so that nobody takes the old end for the new one; unless the run has come that far itself."""
    with transaction(_ACTOR, settings) as connection:
        row = jobs.locked_job(connection, job_id)
        if row.status in {JobStatus.FAILED, JobStatus.CANCELED} and row.queued_at == seen.queued_at:
            jobs.set_status(connection, job_id, JobStatus.QUEUED)


def _conf_of(job: Job, settings: Settings) -> dict[str, object]:
    """A conf that leads to the same plan again."""
    if job.id is None:
        return {"source_id": job.source_id} if job.source_id is not None else {"source_uri": job.source or None}
    with transaction(_ACTOR, settings) as connection:
        row = jobs.get_job(connection, job.id)
        source = sources.get_source(connection, row.source_id)
    for qualities in (None, _rungs(row.plan, profile_of(source, _ask(row), settings))):
        request = _ask(row, qualities)
        profile = profile_of(source, request, settings)
        made = plan_source(source, row.plan.media, request, profile, revision=row.revision, settings=settings)
        if made.hash == row.plan_hash:
            return run_conf(request)
    raise CatalogError(
        f"The run of job {job.id} is gone, and profile {row.profile} now gives another plan. Ask for the source anew "
        f"(vodflow jobs create {shlex.quote(job.source)}).",
        job_id=job.id,
    )


def _ask(row: JobRow, qualities: tuple[str, ...] | None = None) -> TranscodeRequest:
    return TranscodeRequest(
        source_id=row.source_id,
        profile=row.profile,
        outputs=row.plan.packaging.outputs,
        qualities=qualities,
        engine=row.engine,
        priority=row.priority,
        force=row.revision > 0,
    )


def _rungs(plan: TranscodePlan, profile: Profile) -> tuple[str, ...]:
    """The rungs from which the plan's renditions came; one of the source's own size came from the next above."""
    names = [rung.name for rung in profile.rungs]
    found = [item.name for item in plan.renditions if item.name in names]
    if len(found) < len(plan.renditions):
        box = nominal_height(plan.renditions[0].width, plan.renditions[0].height)
        found += [rung.name for rung in reversed(profile.rungs) if rung.height > box][:1]
    return tuple(found) or tuple(names[-1:])

"""Second step, for the local engine: carry the plan out, and record whatever comes of it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection

from vodflow.catalog import attempts, jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus, PartState
from vodflow.contract.engine_names import EngineName
from vodflow.contract.parts import PartRecord, find_part
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Progress
from vodflow.contract.summaries import plan_summary, progress_summary, result_summary
from vodflow.engines.chunks.reused import check_reused
from vodflow.engines.local.worker_process import run_worker
from vodflow.engines.local.workspace import check_space, work_folder
from vodflow.errors import ConfigurationError, EngineError, VodflowError
from vodflow.keys import content_keys
from vodflow.outcomes.announce import ProgressFeed, announce
from vodflow.settings import get_settings
from vodflow.storage.readability import cause_of
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)

#: Seconds between two progress rows of one job.
PROGRESS_INTERVAL = 1.0

#: Seconds between two lines about progress in the log of one stage.
LOG_INTERVAL = 5.0


def transcode_local(
    job_id: int, *, run_id: str | None = None, host: str | None = None, cancel: threading.Event | None = None
) -> bool:
    """Carry a job's plan out with FFmpeg on this machine, in a process group of its own.

    :param run_id: the run that asks, for the attempt's record
    :param host: where it runs, for the attempt's record
    :param cancel: set it to stop the engine; everything it started is gone within two seconds
    :return: whether the job is this engine's; nothing is done when it is not
    :raises InputRejected: the source turned out to be damaged; recorded
    :raises SourceUnreadable: it is gone, archived or refused; recorded, and goes on when it can be read again
    :raises EngineError: recorded in the job with its class; ``retryable`` says whether another try can help
    """
    actor = f"transcode:{run_id or host}"
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
    working_for(job.tenant)
    if job.status in {JobStatus.VERIFYING, JobStatus.PUBLISHED}:
        log.info("Job %d: the engine has finished already", job_id)
        return True
    if job.engine != EngineName.LOCAL:
        return False
    job = check_reused(job, actor)
    with transaction(actor) as connection:
        if job.status == JobStatus.QUEUED:
            _check_room(job.plan)
        worker = host or socket.gethostname()
        attempt = jobs.begin(connection, job_id, engine=EngineName.LOCAL, worker=worker, run_id=run_id)
    log.info("Job %d: %s", job_id, plan_summary(job.plan))
    try:
        recorder = ProgressRecorder(job_id, actor, ProgressFeed(job.video_id))
        result = run_worker(
            job.plan,
            job.bucket,
            job.prefix,
            recorder,
            cancel,
            on_part=lambda made: note_part(job, actor, worker, made),
            keys=content_keys(job.plan, job.prefix),
        )
    except BaseException as error:
        failure = cause_of(error, job.plan.source) if isinstance(error, VodflowError) else error
        record(actor, lambda connection: _record_failure(connection, job_id, attempt, failure))
        announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
        if failure is not error:
            raise failure from error
        raise
    record(actor, lambda connection: _record_result(connection, job_id, attempt, result))
    log.info("Made %s", result_summary(result))
    return True


def _check_room(plan: TranscodePlan) -> None:
    """An attempt for which there is no room now is none, however often it is looked for.

    :raises DiskSpaceError: there is too little
    """
    settings = get_settings()
    with suppress(ConfigurationError):  # the attempt meets it, and records it
        check_space(plan, work_folder(settings), settings.disk_reserve)


def note_part(job: JobRow, actor: str, worker: str, made: PartRecord) -> None:
    """Write down who has made a part, unless that is known; a catalog that is away does not stop an encode."""
    try:
        with transaction(actor) as connection:
            rows = part_rows.parts_of(connection, job.id)
            if not any((row.part, row.digest, row.state) == (made.part, made.digest, PartState.DONE) for row in rows):
                part_rows.begin_part(
                    connection, job.id, job.plan, find_part(job.plan, made.part), worker, seconds=made.wall_seconds
                )
                part_rows.end_part(connection, job.id, made)
    except VodflowError as error:
        log.warning("job %d: %s not recorded: %s", job.id, made.part, error)


def _record_result(connection: Connection, job_id: int, attempt: int, result: EngineResult) -> None:
    if not attempts.is_running(connection, attempt):
        raise EngineError(
            f"Job {job_id} was taken over by a later attempt; this result is not needed.",
            job_id=job_id,
            code="taken_over",
            retryable=False,
        )
    jobs.store_result(connection, job_id, result)


def _record_failure(connection: Connection, job_id: int, attempt: int, error: BaseException) -> None:
    if not attempts.is_running(connection, attempt):
        # A process that was taken for dead, stopped for a while for example, has no say in what came after it.
        log.warning("job %d: a later attempt has taken over; not recorded: %s", job_id, error)
        return
    jobs.end_job(connection, job_id, error)


class ProgressRecorder:
    """Writes progress to the catalog now and then; a catalog that is away does not stop an encode.

    :param feed: called after each progress that was written
    :param interval: seconds between two rows of one stage
    """

    def __init__(
        self, job_id: int, actor: str, feed: Callable[[], None] = lambda: None, interval: float = PROGRESS_INTERVAL
    ) -> None:
        self._interval = interval
        self._job_id = job_id
        self._actor = actor
        self._feed = feed
        self._stage: str | None = None
        self._due = self._log_due = 0.0

    def __call__(self, progress: Progress) -> None:
        """Record this progress if its stage is new or the last one is old enough."""
        now = time.monotonic()
        if progress.stage == self._stage and now < self._due:
            return
        if progress.stage != self._stage or now >= self._log_due:
            self._log_due = now + LOG_INTERVAL
            log.info("%s", progress_summary(progress))
        self._stage, self._due = progress.stage, now + self._interval
        try:
            with transaction(self._actor) as connection:
                jobs.record_progress(
                    connection, self._job_id, progress.stage, progress.percent, progress.speed, progress.eta
                )
        except VodflowError as error:
            log.warning("job %d: progress not recorded: %s", self._job_id, error)
        else:
            self._feed()

"""A divided job's steps as tasks call them: make one part, and join them all. Recorded in the catalog."""

from __future__ import annotations

import logging
import socket
import threading

from sqlalchemy import Connection

from vodflow.catalog import attempts, jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import JobRow
from vodflow.catalog.source_faults import raise_for_source
from vodflow.catalog.states import JobStatus, PartState
from vodflow.contract.parts import Part, PartRecord, find_part, parts
from vodflow.contract.result import Progress, Stage
from vodflow.contract.summaries import in_bytes, progress_summary, result_summary
from vodflow.engines.chunks.reused import check_reused
from vodflow.engines.chunks.stored import missing_parts
from vodflow.engines.local.worker_process import run_join, run_part
from vodflow.errors import CatalogError, EngineError, VodflowError
from vodflow.keys import content_keys
from vodflow.outcomes.announce import announce
from vodflow.storage.readability import cause_of
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)

#: A job in one of these needs no parts any more.
_ENCODED = frozenset({JobStatus.VERIFYING, JobStatus.PUBLISHED})
#: Who works, for the record of the attempt; each part has a worker of its own.
PARTS = "parts"


def parts_to_make(job_id: int) -> list[dict[str, str]]:
    """The parts of a job that are missing, as tasks get them: ``name`` for programs, ``title`` for people.

    :raises EngineError: when S3 does not answer (retryable)
    """
    job = _job(job_id, "parts")
    if job.status in _ENCODED:
        return []
    job = check_reused(job, "parts")
    return [{"name": part.name, "title": part.title} for part in missing_parts(job.plan, job.bucket, job.prefix)]


def make_part(
    job_id: int,
    name: str,
    *,
    run_id: str,
    last_try: bool = True,
    host: str | None = None,
    cancel: threading.Event | None = None,
) -> None:
    """Make one part of a job in a worker process, unless it is made.

    :param name: of the part
    :param last_try: nobody tries again: the job fails with the part
    :param host: where it runs, for the record
    :param cancel: set it to stop the worker
    :raises InputRejected: the source turned out to be damaged; recorded
    :raises EngineError: recorded with the part; ``retryable`` says whether another try can help
    """
    actor = f"part:{run_id}"
    with transaction(actor) as connection:
        found = open_part(connection, job_id, name, run_id)
        if found is None:
            return
        job, part, _ = found
        attempt = part_rows.begin_part(connection, job_id, job.plan, part, host or socket.gethostname())
    log.info("Job %d: %s, attempt %d", job_id, part.title, attempt)
    try:
        made = run_part(job.plan, name, job.bucket, job.prefix, _say, cancel)
    except BaseException as error:
        failure = cause_of(error, job.plan.source) if isinstance(error, VodflowError) else error
        final = last_try or not isinstance(failure, VodflowError) or not failure.retryable
        record(actor, lambda connection: part_rows.fail_part(connection, job.id, name, attempt, failure))
        if final:
            end_with_part(actor, job, failure)
        if failure is not error:
            raise failure from error
        raise
    keep_part(actor, job, part, made)


def open_part(
    connection: Connection, job_id: int, name: str, run_id: str
) -> tuple[JobRow, Part, part_rows.PartRow | None] | None:
    """A part that somebody is about to make, with what is known of it; none where nobody needs it any more.

    Begins the job, where this is the first part of a run or after an engine's end, or the one that has ended it. A part
    beside one that has ended the job does not: nobody would end it again.

    :raises CatalogError: the plan has no such part
    """
    job = jobs.locked_job(connection, job_id)  # several parts begin at once, and one of them begins the job
    working_for(job.tenant)
    part, row = required_part(job, name), part_rows.find_part_row(connection, job_id, name)
    if job.status in _ENCODED:
        log.info("Job %d: the engine has finished already", job_id)
        return None
    waits = job.status in {JobStatus.QUEUED, JobStatus.SUBMITTED}
    ended_it = job.status != JobStatus.PROGRESSING and row is not None and row.state == PartState.FAILED
    was_encoded = job.result_document is not None  # and refused, or cancelled, after that
    if waits or ended_it or was_encoded or job.run_id != run_id:
        jobs.begin(connection, job_id, engine=job.engine, worker=PARTS, run_id=run_id)
    return job, part, row


def keep_part(
    actor: str, job: JobRow, part: Part, made: PartRecord, *, attempt: int | None = None, worker: str | None = None
) -> None:
    """Record that a part is made.

    :param attempt: the one that has made it, where there may be others
    :param worker: who has made it, where that is not who began last
    """

    def write(connection: Connection) -> None:
        if not part_rows.end_part(connection, job.id, made, attempt=attempt, worker=worker):
            log.info("Another attempt has made %s before", made.part)
        names = {one.name for one in parts(job.plan)}  # earlier tries may have had others
        rows = [row for row in part_rows.parts_of(connection, job.id) if row.part in names]
        done = sum(row.state == PartState.DONE for row in rows)
        jobs.record_progress(connection, job.id, Stage.ENCODE, 90.0 * done / len(names))

    record(actor, write)
    log.info("Made %s: %s, %.1f CPU s", part.title, in_bytes(made.size), made.cpu_seconds)


def end_with_part(actor: str, job: JobRow, error: BaseException) -> None:
    """End the job with a part that nobody tries again."""

    def write(connection: Connection) -> None:
        if jobs.get_job(connection, job.id).status == JobStatus.PROGRESSING:
            jobs.end_job(connection, job.id, error)

    record(actor, write)
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job.id)


def _say(progress: Progress) -> None:
    log.debug("%s", progress_summary(progress))


def join_parts(job_id: int, *, run_id: str, cancel: threading.Event | None = None) -> bool:
    """Join a job's parts, making first what is missing, and record the outcome; False where that was done before.

    :raises InputRejected, SourceUnreadable: the source was found at fault, by a part that others did not wait for
    :raises EngineError: recorded in the job; ``retryable`` says whether another try can help
    """
    actor = f"join:{run_id}"
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
        working_for(job.tenant)
        if job.status in _ENCODED:
            log.info("Job %d: the engine has finished already", job_id)
            return False
        raise_for_source(job)
        attempt = jobs.begin(connection, job_id, engine=job.engine, worker=socket.gethostname(), run_id=run_id)
    try:
        # A part may have been found damaged as it was joined, or be removed: the tasks that make parts have ended.
        for part in missing_parts(job.plan, job.bucket, job.prefix):
            make_part(job_id, part.name, run_id=run_id, last_try=False, cancel=cancel)
        result = run_join(job.plan, job.bucket, job.prefix, None, cancel, content_keys(job.plan, job.prefix))
    except BaseException as error:
        failure = error
        record(actor, lambda connection: jobs.end_job(connection, job_id, failure))
        announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
        raise
    with transaction(actor) as connection:
        if not attempts.is_running(connection, attempt):
            raise EngineError(
                f"Job {job_id} was taken over by a later attempt; this result is not needed.",
                job_id=job_id,
                code="taken_over",
                retryable=False,
            )
        jobs.store_result(connection, job_id, result)
    log.info("Made %s", result_summary(result))
    return True


def _job(job_id: int, actor: str) -> JobRow:
    with transaction(actor) as connection:
        return jobs.get_job(connection, job_id)


def required_part(job: JobRow, name: str) -> Part:
    """The part of a job's plan.

    :raises CatalogError: it has none of that name
    """
    try:
        return find_part(job.plan, name)
    except KeyError as error:
        raise CatalogError(f"job {job.id} has no part {name!r}; clear the run and let it prepare again") from error

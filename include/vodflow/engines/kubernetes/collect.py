"""After the pod: hear what its worker said, keep the result or the reason, leave no pod."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from vodflow.catalog import attempts, jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract.result import EngineResult
from vodflow.contract.summaries import result_summary
from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.pod import pod_name
from vodflow.engines.kubernetes.pod_logs import keep_log
from vodflow.engines.kubernetes.submit import ENGINE, INTERRUPTED
from vodflow.engines.kubernetes.verdict import StillRunning, idle_grace, is_pending, made_nothing
from vodflow.engines.kubernetes.work_files import WorkFiles
from vodflow.errors import CatalogError, EngineError, VodflowError
from vodflow.outcomes.announce import announce
from vodflow.storage.readability import cause_of
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)


def collect_job(
    job_id: int, *, run_id: str | None = None, given_up: VodflowError | None = None, cluster: Cluster | None = None
) -> None:
    """Record how a job's pod ended, and remove it; again and again the same.

    :param run_id: the run that asks, for the records
    :param given_up: why nobody waits any longer, when the pod may not be over; recorded unless it is
    :raises InputRejected: the source turned out to be damaged; recorded
    :raises EngineError: the pod failed, was lost, or works still; recorded with its class
    :raises ConfigurationError: the pod can never start; recorded
    """
    actor = f"collect:{run_id or 'library'}"
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
        attempt = submissions.last_attempt(connection, job_id, ENGINE)
    working_for(job.tenant)
    if job.status == JobStatus.PUBLISHED:
        return
    used = cluster or Cluster.of()
    if job.status == JobStatus.VERIFYING and job.result is not None:
        if attempt is not None:
            _leave_nothing(used, job, attempt)
        return
    if attempt is None or attempt.external_id is None or attempt.outcome is not None:
        raise CatalogError(f"Job {job_id} has no pod to collect; clear its task and run it again.")
    _Collector(job, attempt, used, actor).run(given_up)


def interrupt_job(job_id: int, *, actor: str = "interrupt") -> None:
    """Note that collecting was stopped from outside; the next try goes on with what the pod has made."""
    error = EngineError(
        f"Job {job_id} was stopped while its result was collected; another try goes on from there.",
        job_id=job_id,
        code=INTERRUPTED,
    )
    record(actor, lambda connection: _interrupt(connection, job_id, error))


def _interrupt(connection: Connection, job_id: int, error: EngineError) -> None:
    if jobs.get_job(connection, job_id).status not in {JobStatus.SUBMITTED, JobStatus.PROGRESSING}:
        return
    attempt = submissions.last_attempt(connection, job_id, ENGINE)
    if attempt is not None:
        submissions.note(connection, attempt, code=INTERRUPTED)
    jobs.fail_job(connection, job_id, error)


class _Collector:
    def __init__(self, job: JobRow, attempt: AttemptRow, cluster: Cluster, actor: str) -> None:
        self.job = job
        self.attempt = attempt
        self.cluster = cluster
        self.actor = actor
        self.name = pod_name(job.plan, job.id, attempt.number)
        self.pod: dict[str, Any] | None = None

    def run(self, given_up: VodflowError | None) -> None:
        try:
            result = self._result()
        except StillRunning as error:
            if given_up is None:
                raise
            self._fail(given_up, error)
        except VodflowError as error:
            self._fail(error, error)
        else:
            record(self.actor, lambda connection: self._store(connection, result))
            log.info("job %d: pod %s made %s", self.job.id, self.name, result_summary(result))
            self._leave_nothing()

    def _result(self) -> EngineResult:
        """What the worker made.

        :raises VodflowError: when it made nothing, or is not over
        """
        self.pod = self.cluster.read(self.name)
        said = WorkFiles(self.job, self.attempt).report()
        if isinstance(said, EngineResult):
            return said
        more_memory = float((self.attempt.request or {}).get("memory_factor", 1.0)) > 1
        raise made_nothing(self.cluster, self.name, self.pod, said, more_memory=more_memory)

    def _leave_nothing(self) -> None:
        if self.pod is not None and not is_pending(self.pod):
            keep_log(self.cluster, self.name)
        _leave_nothing(self.cluster, self.job, self.attempt, grace=idle_grace(self.pod))

    def _store(self, connection: Connection, result: EngineResult) -> None:
        row = jobs.locked_job(connection, self.job.id)
        if row.status == JobStatus.VERIFYING and row.result == result:
            return  # stored by a try whose answer was lost
        if not attempts.is_running(connection, self.attempt.id):
            raise CatalogError(
                f"Job {self.job.id} was ended or begun anew while its result was collected; it is not taken.",
                job_id=self.job.id,
            )
        if row.status == JobStatus.SUBMITTED:  # nobody watched when it began
            jobs.set_status(connection, self.job.id, JobStatus.PROGRESSING)
        jobs.store_result(connection, self.job.id, result)

    def _fail(self, error: VodflowError, cause: VodflowError) -> None:
        failure = cause_of(error, self.job.plan.source)
        node = ((self.pod or {}).get("spec") or {}).get("nodeName")

        def write(connection: Connection) -> None:
            if failure.shared_cause is None:
                submissions.note(connection, self.attempt, code=failure.code, node=node)
            jobs.end_job(connection, self.job.id, failure)

        record(self.actor, write)
        announce(source_id=self.job.source_id, video_id=self.job.video_id, job_id=self.job.id)
        # Whoever asked must hear why it failed, not that something is left.
        with suppress(VodflowError):
            self._leave_nothing()
        raise failure from (failure.__cause__ or cause.__cause__)


def _leave_nothing(cluster: Cluster, job: JobRow, attempt: AttemptRow, grace: int | None = None) -> None:
    name = pod_name(job.plan, job.id, attempt.number)
    if cluster.delete(name, grace=grace):
        cluster.wait_until_gone(name=name)
    WorkFiles(job, attempt).remove()

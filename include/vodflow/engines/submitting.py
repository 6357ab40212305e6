"""Handing a job to an engine elsewhere, once: what the engines that work outside this process have in common."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from vodflow.catalog import jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.locks import try_lock
from vodflow.catalog.recording import record
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract.engine_names import EngineName
from vodflow.errors import JobBusy, TenantBusy, VodflowError
from vodflow.outcomes.announce import announce
from vodflow.settings import Settings, get_settings
from vodflow.storage.readability import cause_of
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submission:
    """Where a job stands after it was submitted, or found submitted.

    :param external_id: the engine's id of it; none when the engine's work was done before
    :param ended: nothing is to be waited for
    :param missing: name of a part that must be made before all can be joined; then nothing was submitted
    """

    job_id: int
    external_id: str | None
    ended: bool
    missing: str | None = None


class Submitter(ABC):
    """Hands one job to its engine, or finds that handed over which an earlier try has begun.

    :param run_id: the run that asks, for the attempt's record
    """

    engine: ClassVar[EngineName]

    def __init__(self, job_id: int, run_id: str | None) -> None:
        self.job_id = job_id
        self.run_id = run_id
        self.settings: Settings = get_settings()
        self.actor = f"submit:{run_id or 'library'}"

    def check(self, job: JobRow) -> None:  # noqa: B027 - most have nothing to check
        """Nothing, unless the job has ended for a reason that is recorded already.

        :raises VodflowError: that reason; it is not recorded again
        """

    @abstractmethod
    def submit(self, job: JobRow, last: AttemptRow | None) -> Submission:
        """Go on with the last attempt, or make a new one.

        :raises VodflowError: it cannot be; recorded by who calls
        """

    def run(self) -> Submission:
        """Submit the job, and record why where that cannot be done.

        :raises JobBusy: another process submits this job just now (retryable)
        :raises VodflowError: as :meth:`check` and :meth:`submit` say
        """
        with try_lock(f"vodflow.submit.{self.job_id}") as mine:
            if not mine:
                raise JobBusy(f"Job {self.job_id} is being submitted by another process.", job_id=self.job_id)
            return self._run()

    def _run(self) -> Submission:
        with transaction(self.actor) as connection:
            job = jobs.get_job(connection, self.job_id)
            last = submissions.last_attempt(connection, self.job_id, self.engine)
        working_for(job.tenant)
        if job.status in {JobStatus.VERIFYING, JobStatus.PUBLISHED}:
            log.info("job %d: the engine has finished already", self.job_id)
            return Submission(self.job_id, None, ended=True)
        self.check(job)
        try:
            return self.submit(job, last)
        except (JobBusy, TenantBusy):
            raise
        except VodflowError as error:
            failure = cause_of(error, job.plan.source)
            # Whoever asked must hear of the first error, not that it could not be noted.
            with suppress(VodflowError):
                record(self.actor, lambda connection: jobs.end_job(connection, self.job_id, failure))
            announce(source_id=job.source_id, video_id=job.video_id, job_id=job.id)
            raise failure from failure.__cause__

    def resumed(self, attempt: AttemptRow) -> AttemptRow:
        """The attempt, for this run to go on with."""
        with transaction(self.actor) as connection:
            return submissions.resume(connection, attempt, self.run_id)

    def assign(self, attempt: AttemptRow, external_id: str) -> None:
        """Note the engine's id of an attempt."""
        record(self.actor, lambda connection: submissions.assign(connection, attempt, external_id))

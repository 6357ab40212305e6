"""Wait for jobs to be over."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from vodflow.errors import SourceNotFound, VodflowError, WaitTimeout
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.job import Job
from vodflow.jobs.queries import JobRef, get
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri, resolve_source

log = logging.getLogger(__name__)

#: Seconds between two looks at the catalog while a caller waits, and between two questions to Airflow.
POLL = 1.0
RUN_POLL = 3.0

#: Seconds that ``manifest.json`` may follow the catalog's word that a video is published.
_MANIFEST_PATIENCE = 15.0


def wait(
    ref: JobRef,
    *,
    timeout: float | None = None,
    on_progress: Callable[[Job], None] | None = None,
    poll: float = POLL,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
) -> Job:
    """Wait until a job is over, and return it, whatever came of it; see :meth:`Job.raise_for_status`.

    A job that failed and will be tried again by its run is not over. A catalog or an Airflow that is away for a while
    is waited for.

    :param timeout: seconds; none means for ever
    :param on_progress: called with the job at the beginning and after each change
    :param poll: seconds between two looks
    :param airflow: asked for the run's state; none means the settings' one, where they name one
    :raises WaitTimeout: it is not over in time; it goes on
    :raises CatalogError: there is no such job
    """
    (job,) = wait_all([ref], timeout=timeout, on_progress=on_progress, poll=poll, airflow=airflow, settings=settings)
    if not job.over:
        raise WaitTimeout(
            f"Job {job.ref} is not over after {timeout:.0f} s; its status is {job.status}. It goes on.", job_id=job.id
        )
    return job


def wait_all(
    refs: Iterable[JobRef],
    *,
    timeout: float | None = None,
    on_progress: Callable[[Job], None] | None = None,
    poll: float = POLL,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
) -> list[Job]:
    """:func:`wait` for several jobs at once; those that are not over in time are returned as they are.

    :raises CatalogError: there is no such job
    """
    used = settings or get_settings()
    own = airflow is None and used.airflow_url is not None
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    with AirflowClient.of(used) if own else nullcontext(airflow) as client:
        waiting = [_Waiting(ref, client, used, on_progress) for ref in refs]
        while True:
            over = [one.is_over() for one in waiting]
            left = deadline - time.monotonic()
            if all(over) or left <= 0:
                return [one.result() for one in waiting]
            time.sleep(min(poll, left))


class _Waiting:
    def __init__(
        self,
        ref: JobRef,
        airflow: AirflowClient | None,
        settings: Settings,
        on_progress: Callable[[Job], None] | None,
    ) -> None:
        self._ref, self._airflow, self._settings, self._on_progress = ref, airflow, settings, on_progress
        self._asked = 0.0
        self._run_state: str | None = None
        self._last: Job | None = None
        self._ended = False

    def is_over(self) -> bool:
        """Look once more, unless it was over at the last look."""
        if self._ended:
            return True
        now = self._look(self._last)
        if now is None:
            return False
        changed, self._last = now != self._last, now
        if changed and self._on_progress is not None:
            self._on_progress(now)
        self._ended = now.over
        return self._ended

    def result(self) -> Job:
        """The job as it was seen last.

        :raises WaitTimeout: the catalog has not answered once
        """
        if self._last is None:
            raise WaitTimeout(f"The catalog says nothing of job {self._ref}; it does not answer.")
        return self._with_manifest(self._last) if self._ended else self._last

    def _look(self, last: Job | None) -> Job | None:
        """The job now; the last one seen while the catalog is away."""
        # What moves needs no question to Airflow; its end does, and a run that never made a job.
        ask = self._airflow is not None and time.monotonic() - self._asked >= RUN_POLL
        try:
            found = get(self._ref, airflow=self._airflow if ask else None, settings=self._settings)
        except VodflowError as error:
            if not error.retryable:
                raise
            log.info("Still waiting: %s", error)
            return last
        if ask:
            self._asked, self._run_state = time.monotonic(), found.run_state
            return found
        unsure = self._airflow is not None and found.over and not found.with_run("running").over
        # An end that Airflow has not confirmed since is no end yet: its run may try again.
        return found.with_run("running" if unsure else self._run_state)

    def _with_manifest(self, job: Job) -> Job:
        """``manifest.json`` is written right after the catalog has changed: a reader must find it."""
        deadline = time.monotonic() + _MANIFEST_PATIENCE
        while job.public and job.manifest is not None and time.monotonic() < deadline:
            try:
                resolve_source(*parse_s3_uri(job.manifest), settings=self._settings)
            except SourceNotFound:
                time.sleep(0.2)
            except VodflowError:
                break  # who may not read the media bucket cannot look
            else:
                break
        return job

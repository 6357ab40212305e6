"""Waiting for jobs: one look at the catalog a second for all who wait, however many they are and for whatever jobs.

A thread looks while somebody waits; whoever waits holds no connection and no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import Request

from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.api.problems import Problem
from vodflow.catalog.database import transaction
from vodflow.catalog.states import JobStatus
from vodflow.catalog.work_lookup import work_of_jobs, work_of_runs
from vodflow.errors import NotInCatalog, SourceNotFound, VodflowError
from vodflow.jobs import Job, get
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings
from vodflow.storage.objects import parse_s3_uri, resolve_source

log = logging.getLogger(__name__)

#: Seconds between two looks at the catalog.
POLL: Final = 1.0

#: Watchers of one process at a time, and those of one tenant.
MOST: Final = 2000
MOST_OF_ONE: Final = 500

#: Jobs of which Airflow is asked in one look, and seconds between two questions about the same one.
_ASKED_AT_ONCE: Final = 20
_ASK_AGAIN: Final = 5.0

#: Seconds that ``manifest.json`` may follow the catalog's word that a video is published.
_MANIFEST_PATIENCE: Final = 15.0

_ACTOR: Final = "vodflow.api"

#: Whose run may go on, or have ended without a word in the catalog.
_UNSURE: Final = frozenset({JobStatus.FAILED, JobStatus.CANCELED})


class _Watched:
    """One job that somebody waits for, as it was seen last."""

    def __init__(self, job: Job, airflow: Callable[[], AirflowClient]) -> None:
        self.job = job
        self.airflow = airflow
        self.watchers: set[Watcher] = set()
        self.gone = False
        self.asked = 0.0
        self.alone = False  # there is no Airflow that may be asked
        self.over_since: float | None = None


class Watcher:
    """Somebody who waits for a job; made by :meth:`JobWatch.add`, and to be closed."""

    def __init__(self, watch: JobWatch, watched: _Watched, told: Job, tenant: str | None = None) -> None:
        self._watch, self._watched, self.tenant = watch, watched, tenant
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._told = told

    async def next(self, seconds: float) -> Job | None:
        """The job as soon as it is otherwise than it was told last; none when nothing changes in so many seconds, or
        the server is asked to stop.

        :raises NotInCatalog: the job is not there any more
        """
        deadline = time.monotonic() + seconds
        while self._watched.job == self._told:
            if self._watched.gone:
                raise NotInCatalog(f"Job {self._told.ref} is not in the catalog any more.")
            if self.is_over:
                return None
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return None
        self._told = self._watched.job
        return self._told

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for any more: the server stops, and whoever waits comes to another one."""
        return self._watch.stops

    def notify(self) -> None:
        """Something changed; called by the thread that looks."""
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
            self._loop.call_soon_threadsafe(self._changed.set)

    def close(self) -> None:
        """Wait no longer. Safe to call twice."""
        self._watch.remove(self, self._watched)


class JobWatch:
    """All who wait for jobs in this process.

    :param poll: seconds between two looks
    :param most: watchers at a time
    """

    def __init__(self, settings: Settings, *, poll: float = POLL, most: int = MOST) -> None:
        self._settings, self._poll, self._most = settings, poll, most
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._thread: threading.Thread | None = None
        self.stops = False

    @property
    def size(self) -> int:
        """How many wait."""
        return sum(len(one.watchers) for one in list(self._watched.values()))

    def size_of(self, tenant: str) -> int:
        """How many callers of a tenant wait."""
        return sum(watcher.tenant == tenant for one in list(self._watched.values()) for watcher in list(one.watchers))

    def add(self, job: Job, airflow: Callable[[], AirflowClient], tenant: str | None = None) -> Watcher:
        """Watch a job that the caller may see.

        :param airflow: a client that is asked of its run
        :param tenant: whose caller waits; none means the installation's
        :raises Problem: too many wait already (503)
        """
        with self._lock:
            if self.size >= self._most or (tenant is not None and self.size_of(tenant) >= MOST_OF_ONE):
                raise Problem(
                    503, "too_many_watchers", "Too many wait for jobs already; ask again in a moment.",
                    headers={"Retry-After": "5"}, retryable=True,
                )  # fmt: skip
            watched = self._watched.setdefault(name_of(job), _Watched(job, airflow))
            watcher = Watcher(self, watched, job, tenant)
            watched.watchers.add(watcher)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vodflow-job-watch", daemon=True)
                self._thread.start()
        return watcher

    def remove(self, watcher: Watcher, watched: _Watched) -> None:
        """See :meth:`Watcher.close`."""
        with self._lock:
            watched.watchers.discard(watcher)
            if not watched.watchers:
                self._watched = {key: one for key, one in self._watched.items() if one is not watched}

    def _run(self) -> None:
        while True:
            time.sleep(self._poll)
            with self._lock:
                now = list(self._watched.values())
                if not now:
                    self._thread = None
                    return
            if _server_stops():
                self.stops = True
                for watcher in [watcher for one in now for watcher in list(one.watchers)]:
                    watcher.notify()
                continue
            try:
                self._look(now)
            except VodflowError as error:
                log.info("Watchers go on waiting: %s", error)
            except Exception:
                log.exception("A look at %d jobs failed", len(now))

    def _look(self, watched: Iterable[_Watched]) -> None:
        still = [one for one in watched if not one.job.over]
        planned = {one.job.id for one in still if one.job.id is not None}
        runs = {name_of(one.job): one.job.source_id for one in still if one.job.id is None}
        with transaction(_ACTOR, self._settings) as connection:
            by_id = work_of_jobs(connection, planned) if planned else {}
            by_run = work_of_runs(connection, runs) if runs else {}
        questions = _ASKED_AT_ONCE
        for one in sorted(still, key=lambda one: one.asked):
            row = by_run.get(name_of(one.job)) if one.job.id is None else by_id.get(one.job.id)
            found = None if row is None else Job.of(row, self._settings)
            if found is not None and is_unsure(found):
                found = found.with_run(one.job.run_state)
                if questions and not one.alone and time.monotonic() - one.asked >= _ASK_AGAIN:
                    questions -= 1
                    found = self._ask(one, found)
            self._tell(one, found)

    def _ask(self, one: _Watched, found: Job) -> Job:
        """What Airflow knows of the job's run; what is known already where it does not answer."""
        one.asked = time.monotonic()
        try:
            with one.airflow() as client:
                return get(name_of(found), airflow=client, settings=self._settings)
        except VodflowError as error:
            one.alone = not error.retryable
            log.info("Airflow says nothing of job %s: %s", found.ref, error)
        return found

    def _tell(self, one: _Watched, found: Job | None) -> None:
        if found is None:
            one.gone = True
        elif found.status in _UNSURE and found.run_state is None and not one.alone:
            return  # it may be tried again; its run says so when it is asked
        elif (found.over and found.public and self._manifest_follows(one, found)) or found == one.job:
            return
        else:
            one.job = found
        for watcher in list(one.watchers):
            watcher.notify()

    def _manifest_follows(self, one: _Watched, job: Job) -> bool:
        """Whether ``manifest.json`` is not there yet: it is written right after the catalog has changed."""
        one.over_since = one.over_since or time.monotonic()
        if job.manifest is None or time.monotonic() - one.over_since > _MANIFEST_PATIENCE:
            return False
        try:
            resolve_source(*parse_s3_uri(job.manifest), settings=self._settings)
        except SourceNotFound:
            return True
        except VodflowError:
            return False
        return False


_making = threading.Lock()


def job_watch(request: Request) -> JobWatch:
    """That of the application that answers this request."""
    state = request.app.state
    with _making:
        if not hasattr(state, "job_watch"):
            state.job_watch = JobWatch(services(request).settings)
    found: JobWatch = state.job_watch
    return found


def watch(request: Request, caller: Caller, job: Job) -> Watcher:
    """Watch a job for this caller, who may see it."""
    used = services(request)
    return job_watch(request).add(job, lambda: used.airflow(caller), caller.tenant)


def _server_stops() -> bool:
    """Whether uvicorn, whose method answers SIGTERM in its processes, was asked to stop; it tells nobody else."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


def is_unsure(job: Job) -> bool:
    """Whether the catalog alone cannot say what becomes of it: its run may have ended without a word, or go on."""
    return job.id is None or job.status in _UNSURE


def name_of(job: Job) -> str:
    """What names the job in addresses: its id, or the run that is to plan it."""
    return str(job.id) if job.id is not None else job.run_id or f"source-{job.source_id}"

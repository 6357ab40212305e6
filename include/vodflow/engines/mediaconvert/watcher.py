"""Watch any number of MediaConvert jobs with few calls. Knows neither Airflow nor boto3, only asyncio.

One :class:`JobWatcher` serves everybody in a process who waits for a job of one account and region. It reads the
newest jobs page by page (twenty jobs a call) instead of asking for each: 1,000 jobs in flight are 50 calls a sweep.
What the pages do not show soon, old jobs or a few among many of other people's, it asks for one by one, a bounded
number a sweep. All calls, also those that are throttled, keep to one pace.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from vodflow.engines.mediaconvert.failures import CREDENTIAL_CODES, JOB_TIME_LIMIT, job_failure, time_limit_failure
from vodflow.engines.mediaconvert.polling_interval import Pace
from vodflow.engines.mediaconvert.snapshot import FAILURE_STATES, INTERMEDIATE_STATES, SUCCESS_STATES, Snapshot
from vodflow.errors import EngineError, VodflowError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Most jobs that one page of ListJobs or SearchJobs holds (botocore's model: MaxResults 1 to 20).
PAGE_SIZE: Final = 20
#: Seconds that the service gets to end a job at its time limit before it is given up here.
_GRACE: Final = 900.0


@dataclass(frozen=True)
class Page:
    """One answer of ListJobs: jobs, newest first, and the token of the next page, if there is one."""

    jobs: Sequence[Mapping[str, Any]]
    token: str | None = None


class JobReader(Protocol):
    """How jobs are read; every call is one request. Errors are those of :mod:`vodflow.errors`."""

    async def page(self, status: str | None, token: str | None) -> Page:
        """A page of the newest jobs, of one status or of all."""

    async def job(self, job_id: str) -> Mapping[str, Any]:
        """One job."""


@dataclass(eq=False)
class _Watch:
    job_id: str
    interval: float
    updates: asyncio.Queue[Snapshot | VodflowError] = field(default_factory=asyncio.Queue)


class JobWatcher:
    """Sweeps over jobs while anybody watches; stops by itself when nobody does.

    Belongs to one event loop. Throttling and lost connections are waited out; an error that no retry can cure goes to
    everybody who watches.

    :param connect: opens what reads the jobs; entered when watching begins, left when it ends
    :param pace: of all calls
    :param patience: pages without a watched job after which the rest is looked for elsewhere
    :param singles: most jobs asked for one by one in a sweep
    :param give_up: seconds without any answer after which the watching ends with the last error
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[JobReader]],
        *,
        pace: Pace | None = None,
        patience: int = 3,
        singles: int = PAGE_SIZE,
        give_up: float = 1800.0,
    ) -> None:
        self._connect = connect
        self._pace = pace or Pace()
        self._patience = patience
        self._singles = singles
        self._give_up = give_up
        self._watches: dict[str, list[_Watch]] = {}
        self._last: dict[str, Snapshot] = {}
        self._seen: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._answered = 0.0

    @property
    def idle(self) -> bool:
        """Whether nobody watches."""
        return not self._watches

    async def watch(self, job_id: str, *, interval: float) -> AsyncGenerator[Snapshot, None]:
        """Every change of a job until it ends. Close the iterator (``aclosing``) to stop watching earlier.

        :param interval: seconds between two looks at it, more under a full pace
        :raises VodflowError: when the job does not exist, or may not be read
        """
        watch = self._enter(job_id, interval)
        try:
            while True:
                update = await watch.updates.get()
                if isinstance(update, VodflowError):
                    raise update
                yield update
                if update.ended:
                    return
        finally:
            self._leave(watch)

    def _enter(self, job_id: str, interval: float) -> _Watch:
        watch = _Watch(job_id, interval)
        self._watches.setdefault(job_id, []).append(watch)
        if job_id in self._last:
            watch.updates.put_nowait(self._last[job_id])
        self._wake.set()
        if self._task is None:
            # A context of its own: it outlives the one who starts it, and must not write into that one's log.
            self._task = asyncio.create_task(self._run(), name="mediaconvert-watcher", context=contextvars.Context())
        return watch

    def _leave(self, watch: _Watch) -> None:
        watches = self._watches[watch.job_id]
        watches.remove(watch)
        if not watches:
            for known in (self._watches, self._last, self._seen):
                known.pop(watch.job_id, None)
        if not self._watches and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        self._answered = asyncio.get_running_loop().time()
        try:
            while True:
                async with self._connect() as reader:
                    await self._sweep_on(reader)
        except VodflowError as error:
            log.warning("Watching MediaConvert jobs ends: %s", error)
            self._end(error)
        except Exception as error:
            log.exception("Watching MediaConvert jobs ends")
            self._end(EngineError(f"MediaConvert jobs cannot be watched: {error!r}", code=type(error).__name__))

    async def _sweep_on(self, reader: JobReader) -> None:
        """Sweep until credentials that worked are refused: new ones may be had by connecting again."""
        loop = asyncio.get_running_loop()
        worked = False
        while True:
            started = loop.time()
            try:
                await self._sweep(reader)
            except VodflowError as error:
                if worked and error.code in CREDENTIAL_CODES:
                    log.info("Connecting to MediaConvert again: %s", error)
                    return
                raise
            worked = True
            await self._rest(started)

    def _end(self, error: VodflowError) -> None:
        self._task = None
        for job_id in list(self._watches):
            self._fail(job_id, error)

    async def _rest(self, started: float) -> None:
        """Wait until the next sweep is due, counted from the beginning of the last one."""
        loop = asyncio.get_running_loop()
        while True:
            interval = min(watch.interval for watches in self._watches.values() for watch in watches)
            remaining = started + interval - loop.time()
            if remaining <= 0:
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(remaining):
                    await self._wake.wait()
            except TimeoutError:
                return

    async def _sweep(self, reader: JobReader) -> None:
        missing = set(self._watches)
        if len(missing) > 1:
            await self._scan(reader, None, missing)
        # The newest jobs are other people's: look among those in flight, then among those that are done.
        for status in (*INTERMEDIATE_STATES, *SUCCESS_STATES):
            if len(missing) > self._singles:
                await self._scan(reader, status, missing)
        longest_unseen = sorted(missing, key=lambda job_id: self._seen.get(job_id, 0.0))
        for job_id in longest_unseen[: self._singles]:
            if job_id in self._watches:
                await self._single(reader, job_id)

    async def _scan(self, reader: JobReader, status: str | None, missing: set[str]) -> None:
        """Read pages while they show jobs that are wanted, and take those out of ``missing``."""
        token = None
        misses = 0
        while True:
            page: Page = await self._ask(reader.page, status, token)
            before = len(missing)
            for job in page.jobs:
                self._deliver(Snapshot.of(job))
                missing.discard(job["Id"])
            misses = misses + 1 if len(missing) == before else 0
            missing.intersection_update(self._watches)
            token = page.token
            # One call for the last one that is missing is never worse than another page.
            if token is None or len(missing) <= 1 or misses >= min(self._patience, len(missing)):
                return

    async def _single(self, reader: JobReader, job_id: str) -> None:
        try:
            self._deliver(Snapshot.of(await self._ask(reader.job, job_id)))
        except VodflowError as error:
            if error.external_id != job_id:
                raise
            self._fail(job_id, error)

    async def _ask(self, call: Callable[..., Awaitable[Answer]], *arguments: str | None) -> Answer:
        loop = asyncio.get_running_loop()
        while True:
            await self._pace.turn()
            try:
                answer = await call(*arguments)
            except VodflowError as error:
                if (
                    not error.retryable
                    or error.code in CREDENTIAL_CODES
                    or loop.time() - self._answered > self._give_up
                ):
                    raise
                log.info("MediaConvert does not answer now, asking again: %s", error)
                self._pace.throttled()
            else:
                self._answered = loop.time()
                self._pace.succeeded()
                return answer

    def _deliver(self, snapshot: Snapshot) -> None:
        if snapshot.job_id not in self._watches:
            return
        self._seen[snapshot.job_id] = asyncio.get_running_loop().time()
        if self._last.get(snapshot.job_id) == snapshot:
            return
        self._last[snapshot.job_id] = snapshot
        for watch in self._watches[snapshot.job_id]:
            watch.updates.put_nowait(snapshot)

    def _fail(self, job_id: str, error: VodflowError) -> None:
        for watch in self._watches.get(job_id, ()):
            watch.updates.put_nowait(error)


async def wait_for_end(
    watcher: JobWatcher,
    job_id: str,
    *,
    interval: float,
    deadline: float,
    on_snapshot: Callable[[Snapshot], Awaitable[None]] | None = None,
) -> Snapshot:
    """Wait until a job is COMPLETE; returns its last snapshot.

    :param interval: seconds between two looks
    :param deadline: when to stop waiting, seconds since the epoch; the job is looked at once even if it has passed
    :param on_snapshot: called with every change
    :raises VodflowError: that of a job that ended otherwise, cannot be read, or is not done in time
    """
    began = time.time()
    limit = max(deadline, began + 2 * interval + 60)
    async with aclosing(watcher.watch(job_id, interval=interval)) as updates:
        while True:
            try:
                async with asyncio.timeout(max(0.0, limit - time.time())):
                    snapshot = await anext(updates)
            except TimeoutError:
                # Whoever set the deadline may wait again; MediaConvert's own limit is the end.
                raise time_limit_failure(job_id, time.time() - began, retryable=limit >= deadline) from None
            if on_snapshot is not None:
                await on_snapshot(snapshot)
            if snapshot.ended:
                return _succeeded(snapshot)
            started = snapshot.started if snapshot.status == "PROGRESSING" else None
            limit = deadline if started is None else min(deadline, started + JOB_TIME_LIMIT + _GRACE)


def _succeeded(snapshot: Snapshot) -> Snapshot:
    if snapshot.status in FAILURE_STATES:
        raise job_failure(snapshot.job_id, snapshot.status, code=snapshot.code, message=snapshot.message)
    return snapshot

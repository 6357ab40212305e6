"""Waiting for MediaConvert's jobs without a worker: one listener for all who wait in a process.

Events are what is fast: the listener takes them from the queue, writes them down and wakes who waits for their jobs.
Polling is what is sure: :class:`~vodflow.engines.mediaconvert.watcher.JobWatcher` reads all jobs that are waited for,
twenty a call. Whichever tells first ends the waiting, so a queue that is missing, empty or broken costs seconds, not a
video. An event that another process took from the queue is found in the catalog.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.catalog import engine_events, submissions
from vodflow.catalog.database import transaction
from vodflow.engines.mediaconvert.events import TERMINAL
from vodflow.engines.mediaconvert.failures import api_failure
from vodflow.engines.mediaconvert.record import note_messages, note_snapshots
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.submit import ENGINE
from vodflow.engines.mediaconvert.watcher import PAGE_SIZE, JobWatcher, Page, wait_for_end
from vodflow.errors import VodflowError
from vodflow.outcomes.announce import ProgressFeed
from vodflow.sensing.queue import delete, receive_batch
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import mediaconvert_client

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds one look into the queue waits for a message; also how late an event is that another process took.
_LISTEN: Final = 3
#: Seconds between two signs of life of jobs that are waited for; well within ``VODFLOW_JOB_LEASE``.
_SIGN_OF_LIFE: Final = 60.0
#: Seconds after an error of the queue or the catalog before the next look; doubled up to the second number.
_BACKOFF: Final = (1.0, 30.0)
#: Videos whose last progress update is remembered.
_FEEDS: Final = 10_000
#: Seconds a job may wait in its queue and run, unless whoever waits says otherwise: seven days.
LONGEST_WAIT: Final = 7 * 86400.0


class JobWaiter:
    """Everybody who waits for jobs in one event loop. Belongs to that loop; stops by itself when nobody waits."""

    def __init__(self, settings: Settings | None = None, watcher: JobWatcher | None = None) -> None:
        self._settings = settings or get_settings()
        self._watcher = watcher or JobWatcher(lambda: _reader(self._settings))
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._seen: dict[str, Snapshot] = {}
        self._noted: dict[str, Snapshot] = {}
        self._feeds: dict[int, ProgressFeed] = {}
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="vodflow-mediaconvert")
        self._sign_of_life = 0.0

    async def wait(
        self,
        external_id: str,
        *,
        deadline: float | None = None,
        on_snapshot: Callable[[Snapshot], Awaitable[None]] | None = None,
    ) -> None:
        """Return when MediaConvert's job has ended, well or not.

        :param deadline: when to stop waiting, seconds since the epoch; none means a week from now
        :param on_snapshot: called with what polls say of the job
        :raises VodflowError: when it is given up: not there, not readable, or not over at the deadline
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(external_id, []).append(ended)
        self._listen()
        poll = asyncio.ensure_future(self._poll(external_id, deadline or time.time() + LONGEST_WAIT, on_snapshot))
        try:
            await asyncio.wait({ended, poll}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await poll
        finally:
            poll.cancel()
            self._leave(external_id, ended)

    async def _poll(
        self, external_id: str, deadline: float, on_snapshot: Callable[[Snapshot], Awaitable[None]] | None
    ) -> None:
        async def seen(snapshot: Snapshot) -> None:
            self._seen[external_id] = snapshot
            if on_snapshot is not None:
                await on_snapshot(snapshot)

        interval = self._settings.mediaconvert_poll_interval
        try:
            await wait_for_end(self._watcher, external_id, interval=interval, deadline=deadline, on_snapshot=seen)
        except VodflowError:
            last = self._seen.get(external_id)
            if last is None or not last.ended:
                raise

    def _listen(self) -> None:
        if self._task is None or self._task.done():
            # A context of its own: it outlives the one who starts it, and must not write into that one's log.
            self._task = asyncio.create_task(self._run(), name="mediaconvert-events", context=contextvars.Context())

    def _leave(self, external_id: str, ended: asyncio.Future[None]) -> None:
        ended.cancel()
        others = self._waiting[external_id]
        others.remove(ended)
        if not others:
            del self._waiting[external_id]
            self._seen.pop(external_id, None)
        if not self._waiting and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        pause = _BACKOFF[0]
        while True:
            started = asyncio.get_running_loop().time()
            try:
                heard = await self._thread(self._take)
                self._wake(await self._thread(self._look))
            except VodflowError as error:
                # Nobody fails because of it: polling goes on.
                log.warning("MediaConvert's events cannot be heard now: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACKOFF[1])
                continue
            pause = _BACKOFF[0]
            if not heard:
                await asyncio.sleep(max(0.0, started + _LISTEN - asyncio.get_running_loop().time()))

    def _take(self) -> int:
        """Up to ten messages out of the queue; how many. Blocks, at most for :data:`_LISTEN` seconds."""
        url = self._settings.mediaconvert_event_queue_url
        if url is None:
            return 0
        messages = receive_batch(url, wait=_LISTEN, settings=self._settings)
        if messages:
            noted = note_messages(messages)
            self._feed(noted.videos)
            delete(url, messages, settings=self._settings)
        return len(messages)

    def _look(self) -> set[str]:
        """Jobs whose end the catalog knows, whoever heard of it. Writes down what polls saw."""
        waited_for = list(self._waiting)
        polled = dict(self._seen)
        fresh = [seen for external_id, seen in polled.items() if self._noted.get(external_id) != seen]
        if fresh:
            self._feed(note_snapshots(fresh))
            self._noted = polled
        alive = time.monotonic() - self._sign_of_life > _SIGN_OF_LIFE
        with transaction("mediaconvert-wait", self._settings) as connection:
            if alive:
                submissions.touch(connection, ENGINE, waited_for)
                self._sign_of_life = time.monotonic()
            return set(engine_events.kinds_of(connection, ENGINE, waited_for, TERMINAL))

    def _wake(self, ended: set[str]) -> None:
        for external_id in ended:
            for waiting in self._waiting.get(external_id, ()):
                if not waiting.done():
                    waiting.set_result(None)

    def _feed(self, videos: set[int]) -> None:
        """Pass progress on to whoever keeps it elsewhere."""
        if len(self._feeds) > _FEEDS:
            self._feeds.clear()
        for video_id in videos:
            self._feeds.setdefault(video_id, ProgressFeed(video_id, self._settings))()

    async def _thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


_waiters: WeakKeyDictionary[asyncio.AbstractEventLoop, JobWaiter] = WeakKeyDictionary()


def shared_waiter() -> JobWaiter:
    """The waiter of this event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _waiters:
        _waiters[loop] = JobWaiter()
    return _waiters[loop]


class _Reader:
    """Reads jobs with the project's own client, one call at a time, beside the event loop."""

    def __init__(self, client: Any, threads: ThreadPoolExecutor) -> None:
        self._client = client
        self._threads = threads

    async def page(self, status: str | None, token: str | None) -> Page:
        query = {"Status": status} if status else {}
        query |= {"NextToken": token} if token else {}
        answer = await self._call("list_jobs", "ListJobs", None, MaxResults=PAGE_SIZE, Order="DESCENDING", **query)
        return Page(answer.get("Jobs", ()), answer.get("NextToken"))

    async def job(self, job_id: str) -> Mapping[str, Any]:
        answer = await self._call("get_job", "GetJob", job_id, Id=job_id)
        found: Mapping[str, Any] = answer["Job"]
        return found

    async def _call(self, method: str, operation: str, job_id: str | None, **arguments: Any) -> Mapping[str, Any]:
        def call() -> Mapping[str, Any]:
            answer: Mapping[str, Any] = getattr(self._client, method)(**arguments)
            return answer

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (ClientError, BotoCoreError) as error:
            raise api_failure(error, operation, job_id) from error


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[_Reader]:
    # Retries of botocore's own would be calls that the watcher's pace does not see.
    once = settings.model_copy(update={"aws_attempts": 1})
    threads = ThreadPoolExecutor(1, thread_name_prefix="vodflow-mediaconvert-poll")
    try:
        yield _Reader(mediaconvert_client(once), threads)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)

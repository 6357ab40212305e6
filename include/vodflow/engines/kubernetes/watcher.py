"""One watch of a namespace's pods for everybody in a process who waits for one of them.

However many pods are waited for, the API server is asked once a minute and tells of each change at once. Each pod that
runs and has a listener costs one stream, its log. A watch that breaks begins again from a fresh list, so nothing is
missed; a cluster that is away is waited for.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from vodflow.engines.kubernetes.async_pods import BROKEN, AskFailed, AsyncPods, Pod
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.errors import ConfigurationError, EngineUnavailable, VodflowError

log = logging.getLogger(__name__)

#: Seconds after an error before the next try; doubled up to the second number.
_BACKOFF: Final = (0.5, 15.0)
#: Seconds between two looks at who waits too long.
_TICK: Final = 2.0
#: Seconds after its deletion was due for which a pod of a node that is away is waited for.
_PATIENCE: Final = 30.0

Connect = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for a pod."""

    ended: asyncio.Future[Pod | None]
    on_line: Callable[[str], None] | None
    on_pod: Callable[[Pod], None] | None
    start_timeout: float
    stream: asyncio.Task[None] | None = field(default=None)


class PodWatcher:
    """Everybody who waits for pods of one namespace in one event loop. Stops by itself when nobody waits.

    :param connect: gives a ``kubernetes_asyncio`` API client
    :param selector: labels of the pods that are watched
    :param container: whose log is followed
    """

    def __init__(self, connect: Connect, namespace: str, selector: str, container: str = CONTAINER) -> None:
        self._connect = connect
        self._namespace = namespace
        self._selector = selector
        self._container = container
        self._pods: dict[str, Pod] = {}
        self._waiting: dict[str, list[_Waiting]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._api: AsyncPods | None = None
        #: Requests for lists and watches so far, for tests and the curious.
        self.requests = 0

    async def wait(
        self,
        name: str,
        *,
        on_line: Callable[[str], None] | None = None,
        on_pod: Callable[[Pod], None] | None = None,
        start_timeout: float = 600.0,
    ) -> Pod | None:
        """The pod when it has ended, cannot start, or has not started in time; none when it is gone.

        :param on_line: called with each line of its log; a line can come twice
        :param on_pod: called with each change of it
        :param start_timeout: seconds from its making until its worker runs
        :raises VodflowError: when the settings lead to no cluster
        """
        future: asyncio.Future[Pod | None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(future, on_line, on_pod, start_timeout)
        self._waiting.setdefault(name, []).append(waiting)
        self._start()
        if name in self._pods:
            self._tell(name, self._pods[name])
        elif self._api is not None:
            await self._look(self._api, name)
        try:
            pod = await future
            await self._drain(waiting)
            return pod
        finally:
            self._leave(name, waiting)

    def _start(self) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        if not self._tasks:
            # Contexts of their own: they outlive the one who starts them, and must not write into that one's log.
            for work in (self._run(), self._check_times()):
                self._tasks.append(asyncio.create_task(work, name="vodflow-pods", context=contextvars.Context()))

    def _leave(self, name: str, waiting: _Waiting) -> None:
        if waiting.stream is not None:
            waiting.stream.cancel()
        self._waiting[name].remove(waiting)
        if not self._waiting[name]:
            del self._waiting[name]
        if not self._waiting:
            self._stop()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks, self._pods, self._api = [], {}, None

    async def _run(self) -> None:
        pause = _BACKOFF[0]
        try:
            while True:
                try:
                    async with self._connect() as api:
                        self._api = AsyncPods(api, self._namespace, self._selector)
                        while True:
                            version = await self._list(self._api)
                            pause = _BACKOFF[0]
                            await self._watch(self._api, version)
                except (AskFailed, *BROKEN) as error:
                    if isinstance(error, AskFailed) and isinstance(error.error, ConfigurationError):
                        raise error.error from error
                    log.warning("Pods of %s cannot be watched now: %s", self._namespace, error)
                # By another connection: credentials are read anew.
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACKOFF[1])
        except VodflowError as error:
            for waiting in [one for all_of_it in self._waiting.values() for one in all_of_it]:
                if not waiting.ended.done():
                    waiting.ended.set_exception(error)
            self._stop()

    async def _list(self, api: AsyncPods) -> str:
        self.requests += 1
        self._pods, version = await api.listed()
        for name in list(self._waiting):
            if name in self._pods:
                self._tell(name, self._pods[name])
            else:
                await self._look(api, name)
        return version

    async def _watch(self, api: AsyncPods, version: str) -> None:
        while True:
            self.requests += 1
            async for change in api.changes(version):
                pod = change["object"]
                if change["type"] == "ERROR":
                    if pod.get("code") == 410:  # too old: begin again from a list
                        return
                    raise AskFailed(EngineUnavailable(str(pod.get("message")), code=str(pod.get("code"))))
                version = pod["metadata"]["resourceVersion"]
                if change["type"] != "BOOKMARK":
                    self._changed(change["type"], pod)

    def _changed(self, kind: str, pod: Pod) -> None:
        name = pod["metadata"]["name"]
        if kind == "DELETED":
            self._pods.pop(name, None)
            self._end(name, pod if ending(pod).over else None)
        else:
            self._pods[name] = pod
            self._tell(name, pod)

    async def _look(self, api: AsyncPods, name: str) -> None:
        """A pod that the watch has not told of: made a moment ago, gone, or without our labels."""
        self.requests += 1
        try:
            pod = await api.read(name)
        except (AskFailed, *BROKEN) as error:
            log.warning("Pod %s/%s cannot be read now: %s", self._namespace, name, error)
            return
        if pod is None:
            self._end(name, None)
        else:
            self._pods[name] = pod
            self._tell(name, pod)

    def _tell(self, name: str, pod: Pod) -> None:
        over = ending(pod).over
        for waiting in self._waiting.get(name, ()):
            if waiting.on_pod is not None and not waiting.ended.done():
                waiting.on_pod(pod)
            if waiting.on_line is not None and waiting.stream is None and _has_log(pod):
                waiting.stream = asyncio.create_task(
                    self._follow(name, waiting), context=contextvars.Context(), name=f"log of {name}"
                )
        if over:
            self._end(name, pod)

    def _end(self, name: str, pod: Pod | None) -> None:
        for waiting in self._waiting.get(name, ()):
            if not waiting.ended.done():
                waiting.ended.set_result(pod)

    async def _check_times(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            now = time.time()
            for name, all_of_it in list(self._waiting.items()):
                pod = self._pods.get(name)
                if pod is None:
                    continue
                meta = pod["metadata"]
                if now > _seconds(meta.get("deletionTimestamp"), now) + _PATIENCE:
                    self._end(name, None)  # its node is away, and cannot confirm
                made = _seconds(meta.get("creationTimestamp"), now)
                for waiting in all_of_it:
                    late = now > made + waiting.start_timeout and not _has_log(pod)
                    if late and not waiting.ended.done():
                        waiting.ended.set_result(pod)

    async def _follow(self, name: str, waiting: _Waiting) -> None:
        """Pass the lines of a pod's log on while it runs; a stream that breaks is begun again."""
        pause = _BACKOFF[0]
        while waiting.on_line is not None:
            try:
                if self._api is not None:
                    async for line in self._api.log(name, self._container):
                        waiting.on_line(line)
                if waiting.ended.done() or name not in self._pods or ending(self._pods[name]).over:
                    return
            except (AskFailed, *BROKEN) as error:
                log.debug("The log of %s/%s breaks off: %s", self._namespace, name, error)
                if waiting.ended.done():
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACKOFF[1])

    async def _drain(self, waiting: _Waiting) -> None:
        """Let the last lines of an ended pod arrive."""
        if waiting.stream is not None:
            await asyncio.wait({waiting.stream}, timeout=3)


def _has_log(pod: Pod) -> bool:
    return any(
        state.get("running") or state.get("terminated")
        for item in (pod.get("status") or {}).get("containerStatuses") or ()
        for state in [item.get("state") or {}]
    )


def _seconds(moment: str | None, default: float) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else default


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, PodWatcher]] = WeakKeyDictionary()


def shared_watcher(key: Any, make: Callable[[], PodWatcher]) -> PodWatcher:
    """The watcher of this event loop for a cluster and namespace; the same for the same key."""
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    if key not in watchers:
        watchers[key] = make()
    return watchers[key]

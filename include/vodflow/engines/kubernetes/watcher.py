"""One watch of a namespace's pods for everybody in a process who waits for one of them.

However many pods are waited for, the API server is asked once a minute and tells of each change at once. Each pod that
runs and has a listener costs one stream, its log. A watch that breaks begins again from a fresh list, so nothing is
missed; a cluster that is away is waited for.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

import aiohttp

from vodflow.engines.kubernetes.cluster import ClusterAddress, no_cluster
from vodflow.engines.kubernetes.failures import api_failure, ending
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.errors import VodflowError

log = logging.getLogger(__name__)

#: Seconds one watch lasts before the next begins.
_PERIOD: Final = 60
#: Seconds after an error before the next try; doubled up to the second number.
_BACKOFF: Final = (0.5, 15.0)
#: Seconds between two looks at who waits too long.
_TICK: Final = 2.0
#: Seconds after its deletion was due for which a pod of a node that is away is waited for.
_PATIENCE: Final = 30.0
#: Lines of a log that are read again when a stream begins anew.
_TAIL: Final = 50
#: Bytes after which an end of a line is not waited for any longer.
_LONGEST_LINE: Final = 16 * 1024**2

Pod = dict[str, Any]
Connect = Callable[[], AbstractAsyncContextManager[Any]]
#: Errors of a connection, and of a line that broke off with it.
_BROKEN: Final = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class WatchFailed(Exception):
    """A request of the watch did not succeed."""


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
        self._core: Any = None
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
        elif self._core is not None:
            await self._look(name)
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
            for task in self._tasks:
                task.cancel()
            self._tasks, self._pods, self._core = [], {}, None

    async def _run(self) -> None:
        pause = _BACKOFF[0]
        try:
            async with self._connect() as api:
                import kubernetes_asyncio.client  # noqa: PLC0415 - takes a second, and only this engine needs it

                self._core = kubernetes_asyncio.client.CoreV1Api(api)
                while True:
                    try:
                        await self._list_and_watch()
                        pause = _BACKOFF[0]
                    except (WatchFailed, *_BROKEN) as error:
                        log.warning("Pods of %s cannot be watched now: %s", self._namespace, error)
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, _BACKOFF[1])
        except VodflowError as error:
            for waiting in [one for all_of_it in self._waiting.values() for one in all_of_it]:
                if not waiting.ended.done():
                    waiting.ended.set_exception(error)

    async def _list_and_watch(self) -> None:
        listed = await self._get(self._core.list_namespaced_pod, self._namespace, label_selector=self._selector)
        self._pods = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        for name in list(self._waiting):
            if name in self._pods:
                self._tell(name, self._pods[name])
            else:
                await self._look(name)
        version = listed["metadata"]["resourceVersion"]
        while True:
            async for change in self._changes(version):
                pod = change["object"]
                if change["type"] == "ERROR":
                    if pod.get("code") == 410:  # too old: begin again from a list
                        return
                    raise WatchFailed(str(pod.get("message")))
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

    async def _changes(self, version: str) -> AsyncIterator[dict[str, Any]]:
        self.requests += 1
        answer = await self._core.list_namespaced_pod(
            self._namespace,
            label_selector=self._selector,
            watch=True,
            allow_watch_bookmarks=True,
            resource_version=version,
            timeout_seconds=_PERIOD,
            _preload_content=False,
            _request_timeout=_PERIOD + 30,
        )
        async with _answered(answer):
            async for line in _lines(answer):
                yield json.loads(line)

    async def _get(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.requests += 1
        answer = await call(*arguments, **options, _preload_content=False, _request_timeout=30)
        async with _answered(answer):
            return json.loads(await answer.read())

    async def _look(self, name: str) -> None:
        """A pod that the watch has not told of: made a moment ago, gone, or without our labels."""
        try:
            pod = await self._get(self._core.read_namespaced_pod, name, self._namespace)
        except WatchFailed as error:
            if error.args[1:] == (404,):
                self._end(name, None)
            else:
                log.warning("Pod %s/%s cannot be read now: %s", self._namespace, name, error)
        except _BROKEN as error:
            log.warning("Pod %s/%s cannot be read now: %s", self._namespace, name, error)
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
                answer = await self._core.read_namespaced_pod_log(
                    name, self._namespace, container=self._container, follow=True, tail_lines=_TAIL,
                    _preload_content=False, _request_timeout=24 * 3600,
                )  # fmt: skip
                async with _answered(answer):
                    async for line in _lines(answer):
                        waiting.on_line(line.decode(errors="replace"))
                if waiting.ended.done() or name not in self._pods or ending(self._pods[name]).over:
                    return
            except (WatchFailed, *_BROKEN) as error:
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


@asynccontextmanager
async def _answered(answer: Any) -> AsyncIterator[None]:
    try:
        if not 200 <= answer.status <= 299:
            said = await answer.text()
            raise WatchFailed(str(api_failure(answer.status, said, "answer", "")), answer.status)
        yield
    finally:
        with suppress(Exception):
            answer.close()


async def _lines(answer: Any) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > _LONGEST_LINE:
            rest = b""
    if rest.strip():
        yield rest


@asynccontextmanager
async def connected(address: ClusterAddress) -> AsyncIterator[Any]:
    """A ``kubernetes_asyncio`` API client.

    :raises ConfigurationError: when the address leads to no cluster
    """
    import kubernetes_asyncio.client  # noqa: PLC0415 - takes a second, and only this engine needs it
    import kubernetes_asyncio.config  # noqa: PLC0415

    configuration = kubernetes_asyncio.client.Configuration()
    try:
        if address.in_cluster:
            kubernetes_asyncio.config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            await kubernetes_asyncio.config.load_kube_config(
                config_file=address.config, context=address.context, client_configuration=configuration
            )
    except (kubernetes_asyncio.config.ConfigException, OSError, ValueError) as error:
        raise no_cluster(error) from error
    async with kubernetes_asyncio.client.ApiClient(configuration) as api:
        yield api


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, PodWatcher]] = WeakKeyDictionary()


def shared_watcher(key: Any, make: Callable[[], PodWatcher]) -> PodWatcher:
    """The watcher of this event loop for a cluster and namespace; the same for the same key."""
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    if key not in watchers:
        watchers[key] = make()
    return watchers[key]

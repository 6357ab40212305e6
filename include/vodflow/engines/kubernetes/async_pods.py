"""Pods of a namespace, asked for without blocking: lists, changes as they happen, and logs while they are written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp

from vodflow.engines.kubernetes.cluster import ClusterAddress, no_cluster
from vodflow.engines.kubernetes.refusals import api_failure
from vodflow.errors import VodflowError

#: Seconds one watch lasts before the next begins.
WATCH_PERIOD: Final = 60
#: Seconds to wait for an answer that is no stream; for the next bytes of a log; and for those of a watch past its end.
_ANSWER, _LOG, _LATE = 30, 24 * 3600, 30
#: Lines of a log that are read again when a stream begins anew.
_TAIL: Final = 50
#: Bytes after which an end of a line is not waited for any longer.
_LONGEST_LINE: Final = 16 * 1024**2

Pod = dict[str, Any]
#: Errors of a connection, of a line that broke off with it, and of a session that was closed.
BROKEN: Final = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class AskFailed(Exception):
    """The API server answered, but not with what was asked for.

    :param error: what that means
    :param status: of HTTP; none where the answer was an event of a watch
    """

    def __init__(self, error: VodflowError, status: int | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status


class AsyncPods:
    """Pods of one namespace.

    :param api: a ``kubernetes_asyncio`` API client
    :param selector: labels of the pods that are listed and watched
    """

    def __init__(self, api: Any, namespace: str, selector: str) -> None:
        import kubernetes_asyncio.client  # noqa: PLC0415 - takes a second, and only this engine needs it

        self._core = kubernetes_asyncio.client.CoreV1Api(api)
        self.namespace = namespace
        self._selector = selector

    async def listed(self) -> tuple[dict[str, Pod], str]:
        """All pods by name, and the version from which changes follow.

        :raises AskFailed: when it is refused
        """
        found = await self._get(self._core.list_namespaced_pod, self.namespace, label_selector=self._selector)
        return {pod["metadata"]["name"]: pod for pod in found["items"]}, found["metadata"]["resourceVersion"]

    async def read(self, name: str) -> Pod | None:
        """A pod as it is now; none when there is none.

        :raises AskFailed: when it is refused
        """
        try:
            pod: Pod = await self._get(self._core.read_namespaced_pod, name, self.namespace)
        except AskFailed as error:
            if error.status == 404:
                return None
            raise
        return pod

    async def changes(self, version: str) -> AsyncIterator[dict[str, Any]]:
        """What happens to the pods after a version, for a minute: documents with ``type`` and ``object``.

        :raises AskFailed: when it is refused
        """
        answer = await self._core.list_namespaced_pod(
            self.namespace,
            label_selector=self._selector,
            watch=True,
            allow_watch_bookmarks=True,
            resource_version=version,
            timeout_seconds=WATCH_PERIOD,
            _preload_content=False,
            _request_timeout=WATCH_PERIOD + _LATE,
        )
        async with self._answered(answer, "watch pods"):
            async for line in _lines(answer):
                yield json.loads(line)

    async def log(self, name: str, container: str) -> AsyncIterator[str]:
        """The last lines of a log, and all that follow.

        :raises AskFailed: when it is refused
        """
        answer = await self._core.read_namespaced_pod_log(
            name, self.namespace, container=container, follow=True, tail_lines=_TAIL,
            _preload_content=False, _request_timeout=_LOG,
        )  # fmt: skip
        async with self._answered(answer, "read a log"):
            async for line in _lines(answer):
                yield line.decode(errors="replace")

    async def _get(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        answer = await call(*arguments, **options, _preload_content=False, _request_timeout=_ANSWER)
        async with self._answered(answer, "show pods"):
            return json.loads(await answer.read())

    @asynccontextmanager
    async def _answered(self, answer: Any, doing: str) -> AsyncIterator[None]:
        try:
            if not 200 <= answer.status <= 299:
                said = await answer.text()
                raise AskFailed(api_failure(answer.status, said, doing, self.namespace), answer.status)
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

"""Waiting for a job's pod without a worker: one watch for all who wait in a process, progress into the catalog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from vodflow.catalog import jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.states import JobStatus
from vodflow.contract.parts import PartRecord
from vodflow.contract.result import Progress
from vodflow.engines.kubernetes.async_pods import Pod, connected
from vodflow.engines.kubernetes.cluster import ClusterAddress
from vodflow.engines.kubernetes.endings import ending, unschedulable
from vodflow.engines.kubernetes.pod import SELECTOR
from vodflow.engines.kubernetes.submit import ENGINE
from vodflow.engines.kubernetes.watcher import PodWatcher, shared_watcher
from vodflow.engines.local.run_job import ProgressRecorder, note_part
from vodflow.errors import VodflowError
from vodflow.outcomes.announce import ProgressFeed
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Seconds between two progress rows of one job: a triggerer writes for many.
_PROGRESS_INTERVAL: Final = 5.0
#: Seconds between two signs of life of a job that is waited for; well within ``VODFLOW_JOB_LEASE``.
_SIGN_OF_LIFE: Final = 60.0
_LINES: Final[TypeAdapter[Progress | PartRecord]] = TypeAdapter(Progress | PartRecord)


async def wait_for_pod(job_id: int, external_id: str, *, settings: Settings | None = None) -> None:
    """Return when a job's pod has ended, well or not, or cannot start.

    :param external_id: ``namespace/pod``
    :raises VodflowError: the settings lead to no cluster
    """
    used = settings or get_settings()
    namespace, _, name = external_id.partition("/")
    address = ClusterAddress.of(used)
    watcher = shared_watcher((address, namespace), lambda: PodWatcher(lambda: connected(address), namespace, SELECTOR))
    heard: asyncio.Queue[str | Pod] = asyncio.Queue()
    over = asyncio.ensure_future(
        watcher.wait(
            name, on_line=heard.put_nowait, on_pod=heard.put_nowait, start_timeout=used.kubernetes_start_timeout
        )
    )
    try:
        await _listen(heard, over, await asyncio.to_thread(_Listener, job_id, external_id))
        await over
    finally:
        over.cancel()


async def _listen(heard: asyncio.Queue[str | Pod], over: asyncio.Future[Any], listener: _Listener) -> None:
    while not (over.done() and heard.empty()):
        item = asyncio.ensure_future(heard.get())
        await asyncio.wait({item, over}, timeout=_SIGN_OF_LIFE, return_when=asyncio.FIRST_COMPLETED)
        if item.done():
            listener.hear(item.result())
            if not heard.empty() and not over.done():
                continue  # of many lines the last counts
        else:
            item.cancel()
        await asyncio.to_thread(listener.write)


class _Listener:
    """Hears one pod, and writes down what is worth it. Its writes block; errors of the catalog stop nothing."""

    def __init__(self, job_id: int, external_id: str) -> None:
        self._job_id = job_id
        self._external_id = external_id
        self._actor = "kubernetes-wait"
        with transaction(self._actor) as connection:
            self._job = jobs.get_job(connection, job_id)
        self._recorder = ProgressRecorder(job_id, self._actor, ProgressFeed(self._job.video_id), _PROGRESS_INTERVAL)
        self._state = ""
        self._progress: Progress | None = None
        self._made: list[PartRecord] = []
        self._begun = False
        self._running = False

    def hear(self, item: str | Pod) -> None:
        """A line of the pod's log, or the pod after a change."""
        if isinstance(item, str):
            self._hear_line(item)
        else:
            self._hear_pod(item)

    def _hear_line(self, line: str) -> None:
        if not line.startswith("{"):
            log.info("pod: %s", line)
            return
        try:
            said = _LINES.validate_json(line)
        except ValidationError:
            return  # the result, or a failure: both are read where they are kept whole
        if isinstance(said, PartRecord):
            self._made.append(said)
        else:
            self._progress, self._running = said, True

    def _hear_pod(self, pod: Pod) -> None:
        state = _state(pod)
        if state != self._state:
            self._state = state
            log.info("Pod %s %s", self._external_id, state)

    def write(self) -> None:
        """Bring the job's row and its parts' to where the pod is, or note that it is still waited for."""
        try:
            if self._running and not self._begun:
                record(self._actor, self._begin)
                self._begun = True
            if self._progress is None:
                with transaction(self._actor) as connection:
                    submissions.touch(connection, ENGINE, [self._external_id])
        except VodflowError as error:
            log.warning("job %d: %s", self._job_id, error)
        if self._progress is not None:
            self._recorder(self._progress)
        while self._made:
            note_part(self._job, self._actor, self._external_id, self._made.pop(0))

    def _begin(self, connection: Connection) -> None:
        row = jobs.locked_job(connection, self._job_id)
        if row.status == JobStatus.SUBMITTED and row.external_id == self._external_id:
            jobs.set_status(connection, self._job_id, JobStatus.PROGRESSING)


def _state(pod: Mapping[str, Any]) -> str:
    """Where a pod is, for people."""
    seen = ending(pod)
    if seen.over:
        return f"ended: {seen.reason or 'exit status'} {'' if seen.code is None else seen.code}".rstrip()
    if (why := unschedulable(pod)) is not None:
        return f"waits for a node: {why}"
    where = f" on node {seen.node}" if seen.node else ""
    return (
        f"is {(pod.get('status') or {}).get('phase', 'new').lower()}{where}{f' ({seen.reason})' if seen.reason else ''}"
    )

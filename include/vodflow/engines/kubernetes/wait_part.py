"""Waiting for a part's pods without a worker, and starting a second one beside a pod that is late."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Final

from pydantic import ValidationError

from vodflow.catalog import jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.parts import PartRow
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import PartState
from vodflow.contract.engine_names import EngineName
from vodflow.contract.parts import Part, parts
from vodflow.contract.result import Progress, Stage
from vodflow.contract.summaries import progress_summary
from vodflow.engines.chunks.encode import part_seconds
from vodflow.engines.chunks.steps import required_part
from vodflow.engines.chunks.stragglers import stragglers
from vodflow.engines.kubernetes.async_pods import Pod, connected
from vodflow.engines.kubernetes.cluster import ClusterAddress, required_namespace
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.parts import lose_attempt, start_second
from vodflow.engines.kubernetes.pod import SELECTOR, part_pod_name
from vodflow.engines.kubernetes.watcher import PodWatcher, shared_watcher
from vodflow.errors import VodflowError
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Seconds between two looks at how long a part takes beside the others.
LOOK: Final = 10.0
#: Seconds between two signs of life of its job; well within ``VODFLOW_JOB_LEASE``.
_SIGN_OF_LIFE: Final = 60.0


async def wait_for_part(job_id: int, name: str, *, settings: Settings | None = None) -> None:
    """Return when a part is made, or no pod works at it any more. A late one is started a second time meanwhile.

    :raises VodflowError: the settings lead to no cluster; the catalog does not answer
    """
    used = settings or get_settings()
    waiting = await asyncio.to_thread(_Waiting, job_id, name, used)
    try:
        while not await waiting.over():
            pass
    finally:
        waiting.leave()


class _Waiting:
    """One who waits for all pods of a part."""

    def __init__(self, job_id: int, name: str, settings: Settings) -> None:
        with transaction("part-wait") as connection:
            self._job = jobs.get_job(connection, job_id)
        self._part = required_part(self._job, name)
        self._settings = settings
        self._waits: dict[int, asyncio.Task[Pod | None]] = {}
        self._pods: dict[int, Pod] = {}
        self._lines: dict[int, _Lines] = {}
        self._second_tried = False
        self._alive = time.monotonic()

    async def over(self) -> bool:
        """Whether nothing is to be waited for any more, after the next thing has happened."""
        await self._follow_all()
        if not self._waits:
            return True
        done, _ = await asyncio.wait(self._waits.values(), timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
        for lines in self._lines.values():
            lines.write()
        for attempt, wait in list(self._waits.items()):
            if wait not in done:
                continue
            pod = wait.result()
            del self._waits[attempt]
            if not self._waits or (pod is not None and ending(pod).succeeded):
                return True
            with self._patience():
                await asyncio.to_thread(lose_attempt, self._job.id, self._part.name, attempt)
        with self._patience():
            await self._look()
        return False

    def leave(self) -> None:
        for wait in self._waits.values():
            wait.cancel()

    async def _follow_all(self) -> None:
        with self._patience() if self._waits else nullcontext():
            row = await asyncio.to_thread(self._row)
            for attempt in row.live if row is not None else ():
                self._follow(attempt)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """A catalog or a cluster that is away now stops no pod that works, nor the one who waits for it."""
        try:
            yield
        except VodflowError as error:
            log.warning("Job %d: %s: %s", self._job.id, self._part.title, error)

    def _follow(self, attempt: int) -> None:
        if attempt in self._lines:
            return
        address, namespace = ClusterAddress.of(self._settings), required_namespace(self._settings)
        watcher = shared_watcher(
            (address, namespace), lambda: PodWatcher(lambda: connected(address), namespace, SELECTOR)
        )
        pod_name = part_pod_name(self._job.plan, self._part, self._job.id, attempt)
        self._lines[attempt] = _Lines(pod_name)
        self._waits[attempt] = asyncio.create_task(
            watcher.wait(
                pod_name,
                on_line=self._lines[attempt].hear,
                on_pod=partial(self._pods.__setitem__, attempt),
                start_timeout=self._settings.kubernetes_start_timeout,
            )
        )

    async def _look(self) -> None:
        """See whether the part is late, and give a sign of life."""
        if time.monotonic() - self._alive > _SIGN_OF_LIFE:
            self._alive = time.monotonic()
            await asyncio.to_thread(self._touch)
        if not self._second_tried and self._runs() and await asyncio.to_thread(self._is_late):
            self._second_tried = True
            node = next(iter(self._pods.values()))["spec"].get("nodeName")
            await asyncio.to_thread(start_second, self._job.id, self._part.name, node=node)

    def _runs(self) -> bool:
        """Whether the only pod works: for one that waits for its node, another one would wait as well."""
        phases = [(pod.get("status") or {}).get("phase") for pod in self._pods.values()]
        return phases == ["Running"] and len(self._waits) == 1

    def _row(self) -> PartRow | None:
        with transaction("part-wait") as connection:
            return part_rows.find_part_row(connection, self._job.id, self._part.name)

    def _touch(self) -> None:
        with transaction("part-wait") as connection:
            jobs.record_progress(connection, self._job.id, Stage.ENCODE, 0.0)

    def _is_late(self) -> bool:
        with transaction("part-wait") as connection:
            job = jobs.locked_job(connection, self._job.id)  # one after the other, so that all see what has room
            rows = part_rows.parts_of(connection, job.id)
            everywhere = part_rows.live_parts(connection, EngineName.KUBERNETES)
            if self._part.name not in late_parts(job, rows, room_for_more(rows, everywhere, self._settings)):
                return False
        mine = next(row for row in rows if row.part == self._part.name)
        log.info(
            "Job %d: %s takes %.0f s, a fifth more than nearly all others: it is started a second time",
            job.id,
            self._part.title,
            mine.seconds,
        )
        return True


class _Lines:
    """What a pod's worker says, kept until the task that waits writes it to its own log: the watch has another one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._words: list[str] = []
        self._progress = ""

    def hear(self, line: str) -> None:
        """A line of the pod's log."""
        if line.startswith("{"):
            self._progress = line
        else:
            self._words.append(line)

    def write(self) -> None:
        """Of progress only the last counts."""
        for line in self._words:
            log.info("%s: %s", self._name, line)
        self._words.clear()
        # Else it is the record, or a failure: both are read where they are kept whole.
        with suppress(ValidationError):
            if self._progress:
                log.info("%s: %s", self._name, progress_summary(Progress.model_validate_json(self._progress)))
        self._progress = ""


def room_for_more(rows: Collection[PartRow], everywhere: int, settings: Settings) -> int:
    """How many more pods may make parts.

    :param rows: of the job
    :param everywhere: pods that make parts of any job
    """
    mine = sum(len(row.live) for row in rows)
    return min(settings.max_parallel_chunks - mine, settings.kubernetes_parts - everywhere)


def late_parts(job: JobRow, rows: Collection[PartRow], room: int) -> list[str]:
    """The chunks of a job that are to be started a second time. None while a part waits: it needs the room more.

    :param rows: of the job
    :param room: for how many more pods
    """
    known, all_parts = {row.part: row for row in rows}, parts(job.plan)
    under_way = {PartState.RUNNING, PartState.DONE}
    if any(part.name not in known or known[part.name].state not in under_way for part in all_parts):
        return []
    paces = {part.name: _pace(job, part, known[part.name]) for part in all_parts if part.chunk is not None}
    done = [pace for name, pace in paces.items() if known[name].state == PartState.DONE]
    running = {name: pace for name, pace in paces.items() if len(known[name].live) == 1}
    return stragglers(done, running, room, whole=len(paces))


def _pace(job: JobRow, part: Part, row: PartRow) -> float:
    """Seconds for a second of video."""
    return (row.seconds or 0.0) / part_seconds(job.plan, part)

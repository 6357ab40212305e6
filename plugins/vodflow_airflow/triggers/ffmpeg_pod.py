"""Waiting for a pod of :class:`~vodflow_airflow.operators.ffmpeg_pod.FFmpegPodOperator`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.triggers.base import TriggerEvent
from pydantic import ValidationError
from vodflow.contract.result import Progress
from vodflow.contract.summaries import progress_summary
from vodflow.engines.kubernetes.async_pods import Pod
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.pod import SELECTOR
from vodflow.engines.kubernetes.watcher import PodWatcher, shared_watcher


class FFmpegPodTrigger(KubernetesPodTrigger):
    """The provider's trigger with one watch for all pods of a namespace, where that asks for each pod by itself.

    Fires with the provider's events: ``status`` (``success``, ``failed``, ``timeout`` for a pod that cannot start, or
    is not done within the task's ``execution_timeout``), ``namespace``, ``name``, ``message``. What becomes of a task
    that is killed here, and of a triggerer that restarts, is the provider's: the first deletes the pod, the second does
    not.
    """

    _stage: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return "vodflow_airflow.triggers.ffmpeg_pod.FFmpegPodTrigger", super().serialize()[1]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        known = {"namespace": self.pod_namespace, "name": self.pod_name, **self.trigger_kwargs}
        deadline = self.trigger_kwargs.get("_execution_deadline")
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.time())):
                pod = await self._watcher().wait(
                    self.pod_name, on_line=self._tell, start_timeout=float(self.startup_timeout)
                )
        except TimeoutError:
            said = {"status": "timeout", "message": "The pod was not done within the task's execution_timeout"}
        except Exception as error:  # the task says what it means
            self.log.exception("Pod %s cannot be waited for", self.pod_name)
            said = {"status": "error", "message": str(error)}
        else:
            said = _told(pod)
        self._fired_event = True
        yield TriggerEvent(said | known)  # type: ignore[no-untyped-call]

    def _watcher(self) -> PodWatcher:
        asked = (self.connection_extras, self.cluster_context, self.config_dict, self.in_cluster)
        where = json.dumps([self.kubernetes_conn_id, *asked], sort_keys=True, default=repr)
        return shared_watcher(
            (where, self.pod_namespace, self.base_container_name),
            lambda: PodWatcher(self.hook.get_conn, self.pod_namespace, SELECTOR, self.base_container_name),
        )

    def _tell(self, line: str) -> None:
        try:
            progress = Progress.model_validate_json(line)
        except ValidationError:
            if not line.startswith("{"):
                self.log.info("%s", line)
            return
        if progress.stage != self._stage:
            self._stage = progress.stage
            self.log.info("%s", progress_summary(progress))


def _told(pod: Pod | None) -> dict[str, Any]:
    if pod is None:
        return {"status": "failed", "message": "The pod is gone"}
    seen = ending(pod)
    if seen.succeeded:
        return {"status": "success", "message": "The worker is done"}
    if (pod.get("status") or {}).get("phase") == "Pending":
        return {"status": "timeout", "message": f"The pod does not start: {seen.reason} {seen.message}".rstrip()}
    return {"status": "failed", "message": f"The pod failed: {seen.reason} {seen.message}".rstrip()}

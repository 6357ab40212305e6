"""Waiting for the pod of a catalog's job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from vodflow.engines.kubernetes.steps import cancel_job
from vodflow.engines.kubernetes.wait import wait_for_pod
from vodflow.errors import VodflowError, to_document


class KubernetesTranscodeTrigger(BaseTrigger):
    """Fires when a pod has ended, well or not, or cannot start.

    All triggers of a triggerer process share one watch of the namespace. A task that is killed while it waits here has
    its pod deleted and its job cancelled in the catalog; a triggerer that stops or restarts deletes nothing, and the
    next one goes on with the pod.

    The event: ``status`` (``success`` when the pod is over, well or not), ``job_id``, ``external_id``; for one that is
    given up also ``error``, see :func:`vodflow.errors.to_document`.

    :param job_id: id of the job in the catalog
    :param external_id: ``namespace/pod``
    """

    def __init__(self, *, job_id: int, external_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.external_id = external_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return (
            "vodflow_airflow.triggers.kubernetes_transcode.KubernetesTranscodeTrigger",
            {"job_id": self.job_id, "external_id": self.external_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        known = {"job_id": self.job_id, "external_id": self.external_id}
        try:
            await wait_for_pod(self.job_id, self.external_id)
        except VodflowError as error:
            yield TriggerEvent({"status": "error", "error": to_document(error), **known})  # type: ignore[no-untyped-call]
        else:
            yield TriggerEvent({"status": "success", **known})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Delete the pod: somebody marked the waiting task as failed or successful, or cleared it."""
        try:
            await asyncio.to_thread(cancel_job, self.job_id, actor="task killed")
        except VodflowError as error:
            self.log.warning("Job %s was not cancelled: %s", self.job_id, error)
        else:
            self.log.info("Cancelled job %s: its task was killed", self.job_id)

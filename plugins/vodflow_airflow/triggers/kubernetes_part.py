"""Waiting for the pods that make a part of a catalog's job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from vodflow.engines.kubernetes.parts import cancel_part
from vodflow.engines.kubernetes.wait_part import wait_for_part
from vodflow.errors import VodflowError, to_document


class KubernetesPartTrigger(BaseTrigger):
    """Fires when a part is made, or no pod works at it any more. Has a late one started a second time meanwhile.

    All triggers of a triggerer process share one watch of the namespace. A task that is killed while it waits here has
    the part's pods deleted; a triggerer that stops or restarts deletes nothing, and the next one goes on with them.

    The event: ``status``, ``job_id``, ``part``; for one that is given up also ``error``, see
    :func:`vodflow.errors.to_document`.

    :param job_id: id of the job in the catalog
    :param part: name of the part
    """

    def __init__(self, *, job_id: int, part: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.part = part

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return (
            "vodflow_airflow.triggers.kubernetes_part.KubernetesPartTrigger",
            {"job_id": self.job_id, "part": self.part},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        known = {"job_id": self.job_id, "part": self.part}
        try:
            await wait_for_part(self.job_id, self.part)
        except VodflowError as error:
            yield TriggerEvent({"status": "error", "error": to_document(error), **known})  # type: ignore[no-untyped-call]
        else:
            yield TriggerEvent({"status": "success", **known})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Delete the pods: somebody marked the waiting task as failed or successful, or cleared it."""
        try:
            await asyncio.to_thread(cancel_part, self.job_id, self.part, actor="task killed")
        except VodflowError as error:
            self.log.warning("%s of job %s was not cancelled: %s", self.part, self.job_id, error)

"""Waiting for the MediaConvert job of a catalog's job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.steps import cancel_job
from vodflow.engines.mediaconvert.wait import LONGEST_WAIT, shared_waiter
from vodflow.errors import VodflowError

from vodflow_airflow.hooks.mediaconvert import progress_line
from vodflow_airflow.triggers.mediaconvert_event import failure_event


class MediaConvertTranscodeTrigger(BaseTrigger):
    """Fires when MediaConvert has ended a job, well or not, or when it is given up.

    All triggers of a triggerer process share one listener, which takes MediaConvert's events from their queue and
    writes them to the catalog, and one poller for what no event tells. A task that is killed while it waits here has
    its job cancelled, in MediaConvert and in the catalog; a triggerer that stops or restarts cancels nothing.

    The event: ``status`` (``success`` when the job is over), ``job_id``, ``external_id``; of errors what
    :func:`~vodflow_airflow.triggers.mediaconvert_event.failure_event` says.

    :param job_id: id of the job in the catalog
    :param external_id: MediaConvert's id of its job
    :param deadline: when to stop waiting, seconds since the epoch; set by the first instance, so that a restart does
        not begin anew
    """

    def __init__(self, *, job_id: int, external_id: str, deadline: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.external_id = external_id
        self.deadline = time.time() + LONGEST_WAIT if deadline is None else deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return (
            "vodflow_airflow.triggers.mediaconvert_transcode.MediaConvertTranscodeTrigger",
            {"job_id": self.job_id, "external_id": self.external_id, "deadline": self.deadline},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        known = {"job_id": self.job_id, "external_id": self.external_id}
        try:
            await shared_waiter().wait(self.external_id, deadline=self.deadline, on_snapshot=self._tell)
        except VodflowError as error:
            yield TriggerEvent(failure_event(self.external_id, error) | known)  # type: ignore[no-untyped-call]
        else:
            yield TriggerEvent({"status": "success", **known})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the job: somebody marked the waiting task as failed or successful, or cleared it."""
        try:
            await asyncio.to_thread(cancel_job, self.job_id, actor="task killed")
        except VodflowError as error:
            self.log.warning("Job %s was not cancelled: %s", self.job_id, error)
        else:
            self.log.info("Cancelled job %s: its task was killed", self.job_id)

    async def _tell(self, snapshot: Snapshot) -> None:
        self.log.info("%s", progress_line(snapshot))

"""Waiting for the MediaConvert job of a catalog's job."""

from __future__ import annotations

import time
from typing import Any

from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.steps import cancel_job
from vodflow.engines.mediaconvert.wait import LONGEST_WAIT, shared_waiter
from vodflow.errors import VodflowError

from vodflow_airflow.hooks.mediaconvert import progress_line
from vodflow_airflow.triggers.catalog_job import CatalogJobTrigger
from vodflow_airflow.triggers.mediaconvert_event import failure_event


class MediaConvertTranscodeTrigger(CatalogJobTrigger):
    """Fires when MediaConvert has ended a job, well or not, or when it is given up.

    All triggers of a triggerer process share one listener, which takes MediaConvert's events from their queue and
    writes them to the catalog, and one poller for what no event tells. A job whose task is killed is cancelled, in
    MediaConvert and in the catalog.

    :param job_id: id of the job in the catalog
    :param external_id: MediaConvert's id of its job
    :param deadline: when to stop waiting, seconds since the epoch; set by the first instance, so that a restart does
        not begin anew
    """

    def __init__(self, *, job_id: int, external_id: str, deadline: float | None = None) -> None:
        super().__init__(job_id=job_id, external_id=external_id)
        self.external_id = external_id
        self.deadline = time.time() + LONGEST_WAIT if deadline is None else deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        path, arguments = super().serialize()
        return path, {**arguments, "deadline": self.deadline}

    async def wait(self) -> None:
        """Return when MediaConvert has ended the job."""
        await shared_waiter().wait(self.external_id, deadline=self.deadline, on_snapshot=self._tell)

    def cancel(self) -> None:
        """Cancel the job, in MediaConvert and in the catalog."""
        cancel_job(self.job_id, actor="task killed")

    def failure(self, error: VodflowError) -> dict[str, Any]:
        """As :func:`~vodflow_airflow.triggers.mediaconvert_event.failure_event` says."""
        return failure_event(self.external_id, error)

    async def _tell(self, snapshot: Snapshot) -> None:
        self.log.info("%s", progress_line(snapshot))

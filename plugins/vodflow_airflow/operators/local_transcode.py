"""Carry a job's plan out with FFmpeg on the machine of the Airflow worker."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from vodflow_airflow.operators.video_step import VideoStepOperator


class LocalTranscodeOperator(VideoStepOperator):
    """Run the local engine for one job and wait for it.

    FFmpeg runs in a process group of its own. Killing the task stops the whole group within two seconds; a task
    that is killed without warning takes the group with it (parent-death signal).

    :param job_id: id of the job in the catalog (templated)
    """

    template_fields: Sequence[str] = ("job_id",)
    ui_color = "#d7ecd9"

    def __init__(self, *, job_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self._cancel: threading.Event | None = None

    def execute(self, context: Context) -> int:
        """Transcode; return the job's id for the next task.

        :raises AirflowSkipException: the input turned out to be damaged, or the job is another engine's
        :raises AirflowFailException: another try cannot help
        """
        # Imported here: the scheduler and the DAG processor never need the engine.
        from vodflow.engines.local.run_job import transcode_local  # noqa: PLC0415

        self._cancel = threading.Event()
        job_id = int(self.job_id)
        with self.step(context):
            mine = transcode_local(job_id, run_id=context["run_id"], host=socket.gethostname(), cancel=self._cancel)
        if not mine:
            raise AirflowSkipException(f"Job {job_id} is another engine's")
        return job_id

    def on_kill(self) -> None:
        """Ask the engine to stop; ``execute`` then records the job as cancelled."""
        if self._cancel is not None:
            self._cancel.set()

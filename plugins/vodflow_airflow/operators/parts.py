"""List the parts of a divided plan, make one, and join them all, on the machine of the Airflow worker."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from vodflow_airflow.operators.video_step import VideoStepOperator


class ListPartsOperator(VideoStepOperator):
    """Return the parts of a job's plan that are still to be made, for the tasks that make them.

    A task of its own: only what a task returns can be mapped over, and ``prepare`` ends by skipping others.

    :param job_id: id of the job in the catalog (templated)
    """

    template_fields: Sequence[str] = ("job_id",)
    ui_color = "#dbe9f6"

    def __init__(self, *, job_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Look which parts are in S3."""
        from vodflow.engines.chunks.steps import parts_to_make  # noqa: PLC0415

        with self.step(context):
            return parts_to_make(int(self.job_id))


class MakePartOperator(VideoStepOperator):
    """Make one part of a job's plan: the sound, a stretch of time, a group of rungs.

    Mapped over what :class:`ListPartsOperator` returns, each instance is shown by the part's title, and tried
    and cleared by itself. A part that is made is found again, whoever made it.

    :param job_id: id of the job in the catalog (templated)
    :param part: ``name`` and ``title`` of the part
    """

    template_fields: Sequence[str] = ("job_id", "part")
    ui_color = "#d7ecd9"

    def __init__(self, *, job_id: Any, part: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.part = part
        self._cancel: threading.Event | None = None

    def execute(self, context: Context) -> None:
        """Make the part and keep it in S3.

        :raises AirflowSkipException: the input turned out to be damaged
        :raises AirflowFailException: another try cannot help
        """
        from vodflow.engines.chunks.steps import make_part  # noqa: PLC0415

        self._cancel, ti = threading.Event(), context["ti"]
        with self.step(context):
            make_part(
                int(self.job_id),
                self.part["name"],
                run_id=context["run_id"],
                last_try=ti.try_number > ti.max_tries,
                host=socket.gethostname(),
                cancel=self._cancel,
            )

    def on_kill(self) -> None:
        """Ask the worker to stop; the part is then made by another try."""
        if self._cancel is not None:
            self._cancel.set()


class JoinPartsOperator(VideoStepOperator):
    """Join the parts of a job's plan, package them, and upload the outputs.

    :param job_id: id of the job in the catalog (templated)
    """

    template_fields: Sequence[str] = ("job_id",)
    ui_color = "#d7ecd9"

    def __init__(self, *, job_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self._cancel: threading.Event | None = None

    def execute(self, context: Context) -> None:
        """Join and upload.

        :raises AirflowFailException: another try cannot help
        """
        from vodflow.engines.chunks.steps import join_parts  # noqa: PLC0415

        self._cancel = threading.Event()
        with self.step(context):
            join_parts(int(self.job_id), run_id=context["run_id"], cancel=self._cancel)

    def on_kill(self) -> None:
        """Ask the worker to stop."""
        if self._cancel is not None:
            self._cancel.set()

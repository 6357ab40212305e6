"""Make one part of a divided plan with FFmpeg in a pod of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from vodflow_airflow.operators.video_step import VideoStepOperator


class KubernetesMakePartOperator(VideoStepOperator):
    """Have one pod make a part of a job's plan, wait for it, keep what it made.

    Mapped like :class:`~vodflow_airflow.operators.parts.MakePartOperator`. A pod that is late beside those of the other
    parts gets a second one beside it; the first of the two to end is kept. A retry, and a task that was lost with its
    worker, go on with the pods that are there. Killing the task deletes them.

    :param job_id: id of the job in the catalog (templated)
    :param part: ``name`` and ``title`` of the part
    :param deferrable: wait in the triggerer, without a worker; false waits on the worker, where there is no triggerer
    """

    template_fields: Sequence[str] = ("job_id", "part")
    ui_color = "#c9dcf5"

    def __init__(self, *, job_id: Any, part: Any, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.part = part
        self.deferrable = deferrable
        self._at_work = False

    def execute(self, context: Context) -> None:
        """Make the pod, or find it made, and wait.

        :raises AirflowSkipException: the input turned out to be damaged
        :raises AirflowFailException: another try cannot help
        """
        # Imported here: the scheduler and the DAG processor never need the engine.
        from vodflow.engines.kubernetes.parts import submit_part  # noqa: PLC0415

        job_id, name = int(self.job_id), self.part["name"]
        with self.step(context):
            self._at_work = True
            waits = submit_part(job_id, name, **of_part(context))
        if waits and self.deferrable:
            from vodflow_airflow.triggers.kubernetes_part import KubernetesPartTrigger  # noqa: PLC0415

            trigger = KubernetesPartTrigger(job_id=job_id, part=name)
            self.defer(trigger=trigger, method_name="execute_complete")
        if waits:
            from vodflow.engines.kubernetes.wait_part import wait_for_part  # noqa: PLC0415

            with self.step(context):
                asyncio.run(wait_for_part(job_id, name))
        self._collect(context, job_id, name)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> None:
        """Go on when the trigger has fired; how the pods ended is asked, not believed."""
        if event is None:
            raise ValueError("The trigger's event is missing")
        self._collect(context, int(event["job_id"]), event["part"], event)

    def on_kill(self) -> None:
        """Delete the pods while they are waited for here; the trigger does it for a task that is deferred.

        While the part is collected there is nothing left to stop.
        """
        from vodflow.engines.kubernetes.parts import cancel_part  # noqa: PLC0415

        if self._at_work:
            cancel_part(int(self.job_id), self.part["name"], actor="task killed")

    def _collect(self, context: Context, job_id: int, name: str, event: dict[str, Any] | None = None) -> None:
        from vodflow.engines.kubernetes.parts import collect_part  # noqa: PLC0415
        from vodflow.errors import from_document  # noqa: PLC0415

        self._at_work = False
        given_up = from_document(event["error"]) if event is not None and event["status"] != "success" else None
        with self.step(context):
            collect_part(job_id, name, given_up=given_up, **of_part(context))


def of_part(context: Context) -> dict[str, Any]:
    """What the steps of a part want to know of the task that calls them."""
    ti = context["ti"]
    return {"run_id": context["run_id"], "last_try": ti.try_number > ti.max_tries}

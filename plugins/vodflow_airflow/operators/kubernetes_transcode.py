"""Carry a job's plan out with FFmpeg in a pod of a Kubernetes cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from vodflow.contract.engine_names import EngineName
from vodflow.errors import VodflowError, from_document

from vodflow_airflow.operators.kubernetes_parts import of_part
from vodflow_airflow.operators.video_step import VideoStepOperator


class KubernetesTranscodeOperator(VideoStepOperator):
    """Make exactly one pod for an attempt of a catalog's job, wait for it, keep what it made.

    A retry, and a task that was lost with its worker, go on with the pod that is there. Killing the task deletes the
    pod; a restart of the triggerer or of the scheduler does not. A part that is missing when it joins is made first.

    :param job_id: id of the job in the catalog (templated)
    :param join: the plan's parts are made, and the pod joins them
    :param deferrable: wait in the triggerer, without a worker; false waits on the worker, where there is no triggerer
    """

    template_fields: Sequence[str] = ("job_id",)
    ui_color = "#c9dcf5"

    def __init__(self, *, job_id: Any, join: bool = False, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.join = join
        self.deferrable = deferrable
        self._submitting: int | None = None
        self._collecting: int | None = None

    def execute(self, context: Context) -> int:
        """Make the pod, or find it made, and wait; returns the job's id for the next task.

        :raises AirflowSkipException: the input turned out to be damaged, or the job is another engine's
        :raises AirflowFailException: another try cannot help
        """
        return self._carry_out(context, int(self.job_id))

    def _carry_out(self, context: Context, job_id: int) -> int:
        # Imported here: the scheduler and the DAG processor never need the engine.
        from vodflow.engines.kubernetes.steps import submit_job  # noqa: PLC0415
        from vodflow.pipeline.planning import engine_of  # noqa: PLC0415

        with self.step(context):
            mine = engine_of(job_id) == EngineName.KUBERNETES
            self._submitting = job_id if mine else None
            submission = submit_job(job_id, run_id=context["run_id"], join=self.join) if mine else None
        if submission is None:  # a person has cleared every task behind `prepare`
            raise AirflowSkipException(f"Job {job_id} is another engine's")
        if submission.missing is not None:
            return self._make_part(context, job_id, submission.missing)
        if not submission.ended and submission.external_id is not None:
            self._wait(context, job_id, submission.external_id)
        return self._collect(context, job_id)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Go on when the trigger has fired; how the pod ended is asked, not believed."""
        if event is None:
            raise ValueError("The trigger's event is missing")
        return self._collect(context, int(event["job_id"]), event)

    def part_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Go on when a missing part's trigger has fired."""
        if event is None:
            raise ValueError("The trigger's event is missing")
        return self._part_made(context, int(event["job_id"]), event["part"], event)

    def on_kill(self) -> None:
        """Delete the pod while it is waited for here; the trigger does it for a task that is deferred.

        While the result is collected there is nothing left to stop, and the next try shall not encode once more.
        """
        from vodflow.engines.kubernetes.steps import cancel_job, interrupt_job  # noqa: PLC0415

        if self._collecting is not None:
            interrupt_job(self._collecting, actor="task killed")
        elif self._submitting is not None:
            cancel_job(self._submitting, actor="task killed")

    def _wait(self, context: Context, job_id: int, external_id: str) -> None:
        self.log.info("Job %d waits for pod %s", job_id, external_id)
        if self.deferrable:
            from vodflow_airflow.triggers.kubernetes_transcode import KubernetesTranscodeTrigger  # noqa: PLC0415

            trigger = KubernetesTranscodeTrigger(job_id=job_id, external_id=external_id)
            self.defer(trigger=trigger, method_name="execute_complete")
        from vodflow.engines.kubernetes.wait import wait_for_pod  # noqa: PLC0415

        with self.step(context):
            asyncio.run(wait_for_pod(job_id, external_id))

    def _make_part(self, context: Context, job_id: int, name: str) -> int:
        """Have a pod make a part that was removed, or found damaged when it was joined: its own task has ended."""
        from vodflow.engines.kubernetes.parts import submit_part  # noqa: PLC0415

        with self.step(context):
            waits = submit_part(job_id, name, **of_part(context))
        if waits and self.deferrable:
            from vodflow_airflow.triggers.kubernetes_part import KubernetesPartTrigger  # noqa: PLC0415

            self.defer(trigger=KubernetesPartTrigger(job_id=job_id, part=name), method_name="part_complete")
        if waits:
            from vodflow.engines.kubernetes.wait_part import wait_for_part  # noqa: PLC0415

            with self.step(context):
                asyncio.run(wait_for_part(job_id, name))
        return self._part_made(context, job_id, name)

    def _part_made(self, context: Context, job_id: int, name: str, event: dict[str, Any] | None = None) -> int:
        from vodflow.engines.kubernetes.parts import collect_part  # noqa: PLC0415

        with self.step(context):
            collect_part(job_id, name, given_up=_given_up(event), **of_part(context))
        return self._carry_out(context, job_id)

    def _collect(self, context: Context, job_id: int, event: dict[str, Any] | None = None) -> int:
        from vodflow.engines.kubernetes.steps import collect_job  # noqa: PLC0415

        self._collecting = job_id
        with self.step(context):
            collect_job(job_id, run_id=context["run_id"], given_up=_given_up(event))
        return job_id


def _given_up(event: dict[str, Any] | None) -> VodflowError | None:
    """Why a trigger waits no longer, where its pod may not be over."""
    return from_document(event["error"]) if event is not None and event["status"] != "success" else None

"""Carry a job's plan out with AWS Elemental MediaConvert."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from vodflow.contract.engine_names import EngineName

from vodflow_airflow.links.mediaconvert import MediaConvertJobLink
from vodflow_airflow.operators.video_step import VideoStepOperator
from vodflow_airflow.triggers.mediaconvert_event import event_failure


class MediaConvertTranscodeOperator(VideoStepOperator):
    """Submit exactly one MediaConvert job for a catalog's job, wait for it, collect what it made.

    A retry, and a task that was lost with its worker, go on with the job that was submitted before. Killing the task
    cancels the job; a restart of the triggerer does not.

    :param job_id: id of the job in the catalog (templated)
    :param deferrable: wait in the triggerer, without a worker; false waits on the worker, where there is no triggerer
    """

    template_fields: Sequence[str] = ("job_id",)
    operator_extra_links = (MediaConvertJobLink(),)
    ui_color = "#f5d0a9"

    def __init__(self, *, job_id: Any, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.deferrable = deferrable
        self._submitting: int | None = None
        self._collecting: int | None = None

    def execute(self, context: Context) -> int:
        """Submit, or find submitted, and wait; returns the job's id for the next task.

        :raises AirflowSkipException: the input turned out to be damaged, or the job is another engine's
        :raises AirflowFailException: another try cannot help
        """
        # Imported here: the scheduler and the DAG processor never need the engine.
        from vodflow.engines.mediaconvert.steps import submit_job  # noqa: PLC0415
        from vodflow.pipeline.planning import engine_of  # noqa: PLC0415

        job_id = int(self.job_id)
        with self.step(context):
            mine = engine_of(job_id) == EngineName.MEDIACONVERT
            self._submitting = job_id if mine else None
            submission = submit_job(job_id, run_id=context["run_id"]) if mine else None
        if submission is None:  # a person has cleared every task behind `prepare`
            raise AirflowSkipException(f"Job {job_id} is another engine's")
        if submission.external_id is not None:
            self._persist_link(context, submission.external_id)
        if not submission.ended and submission.external_id is not None:
            self._wait(context, job_id, submission.external_id)
        return self._collect(context, job_id)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Go on when the trigger has fired; how the job ended is asked, not believed."""
        validated = validate_execute_complete_event(event)
        return self._collect(context, int(validated["job_id"]), validated)

    def on_kill(self) -> None:
        """Cancel the job while it is submitted; the trigger does it for a task that waits.

        While outputs are collected there is nothing left to cancel, and the next try shall not pay once more.
        """
        from vodflow.engines.mediaconvert.steps import cancel_job, interrupt_job  # noqa: PLC0415

        if self._collecting is not None:
            interrupt_job(self._collecting, actor="task killed")
        elif self._submitting is not None:
            cancel_job(self._submitting, actor="task killed")

    def _wait(self, context: Context, job_id: int, external_id: str) -> None:
        self.log.info("Job %d waits for MediaConvert's job %s", job_id, external_id)
        if self.deferrable:
            from vodflow_airflow.triggers.mediaconvert_transcode import (  # noqa: PLC0415
                MediaConvertTranscodeTrigger,
            )

            trigger = MediaConvertTranscodeTrigger(job_id=job_id, external_id=external_id)
            self.defer(trigger=trigger, method_name="execute_complete")
        from vodflow.engines.mediaconvert.wait import JobWaiter  # noqa: PLC0415

        with self.step(context):
            asyncio.run(JobWaiter().wait(external_id))

    def _collect(self, context: Context, job_id: int, event: dict[str, Any] | None = None) -> int:
        from vodflow.engines.mediaconvert.steps import collect_job  # noqa: PLC0415

        self._collecting = job_id
        given_up = event_failure(event) if event is not None and event["status"] != "success" else None
        with self.step(context):
            collect_job(job_id, run_id=context["run_id"], given_up=given_up)
        return job_id

    def _persist_link(self, context: Context, external_id: str) -> None:
        from vodflow.settings import get_settings  # noqa: PLC0415

        region = get_settings().aws_region
        MediaConvertJobLink.persist_job(context, self, external_id, region=region, partition=_partition(region))


def _partition(region: str) -> str:
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")

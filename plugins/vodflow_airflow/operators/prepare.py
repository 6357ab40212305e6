"""The first task of a video's run: find out what came in, decide what to make, choose the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import DownstreamTasksSkipped

from vodflow_airflow.operators.video_step import VideoStepOperator


class PrepareOperator(VideoStepOperator):
    """Probe and plan the video that the run's Params name, and push its job's id as XCom ``job_id``.

    Of the tasks behind it, those of other engines are skipped, and all but ``publish`` when the work is done already.
    Not a branch operator: while a run waits, the scheduler reads a branch's choice again for each task behind it and
    in each of its rounds. The engines' operators know by themselves whether a job is theirs.

    :param engines: engine's name → id of its task
    :param parts: ids of the tasks that make a divided plan's parts and join them, where the DAG has them
    :param divides: name of the engine whose divided plans they carry out
    """

    ui_color = "#dbe9f6"

    def __init__(
        self, *, engines: dict[str, str], parts: Sequence[str] = (), divides: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.engines = engines
        self.parts = tuple(parts)
        self.divides = divides

    def execute(self, context: Context) -> None:
        """Open the job, or find it done.

        :raises AirflowSkipException: the input is rejected
        :raises AirflowFailException: another try cannot help
        """
        # Imported here: the scheduler and the DAG processor never need the pipeline.
        from vodflow.pipeline.prepare import prepare  # noqa: PLC0415

        ti = context["ti"]
        tries = {"first_try": ti.try_number <= 1, "last_try": ti.try_number > ti.max_tries}
        with self.step(context):
            job = prepare(context["params"], context["run_id"], **tries)
        ti.xcom_push(key="job_id", value=job.id)
        in_parts = job.divided and job.engine == self.divides
        chosen = set(self.parts) if in_parts else {self.engines.get(job.engine)}
        if job.published:
            chosen = set()
        if skipped := sorted({*self.engines.values(), *self.parts} - chosen):
            raise DownstreamTasksSkipped(tasks=skipped)  # type: ignore[no-untyped-call]

"""Tasks of ``transcode_video``: decode the arguments, call one function of vodflow, encode the result."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import DownstreamTasksSkipped
from vodflow_airflow.errors import airflow_outcome


def _request() -> Any:
    from vodflow.pipeline.request import TranscodeRequest  # noqa: PLC0415

    return TranscodeRequest.from_params(get_current_context()["params"])


@task
def probe() -> int:
    """Find out what came in; returns the source's id. A rejected input skips the rest."""
    from vodflow.pipeline.probing import probe_source  # noqa: PLC0415

    with airflow_outcome():
        return probe_source(_request(), get_current_context()["run_id"])


@task
def plan(source_id: int) -> None:
    """Decide what to make; goes on with the engine's task, or with ``publish`` when the work is done already.

    Not a branch operator: while a run waits, the scheduler reads a branch's choice again for each task behind it and
    in each of its rounds. The engines' operators know by themselves whether a job is theirs.
    """
    from vodflow.pipeline.planning import plan_job  # noqa: PLC0415

    context = get_current_context()
    with airflow_outcome():
        job = plan_job(source_id, _request(), context["run_id"])
    context["ti"].xcom_push(key="job_id", value=job.id)
    following = set(context["task"].downstream_task_ids)
    engines = {name for name in following if name.startswith("transcode_")}
    done = job.status == "PUBLISHED"
    if skipped := sorted(following - {"publish"} if done else engines - {f"transcode_{job.engine}"}):
        raise DownstreamTasksSkipped(tasks=skipped)


@task
def verify(job_id: int) -> None:
    """Check everything the engine wrote; the first broken rule fails the task and nothing is published."""
    from vodflow.pipeline.publishing import verify_job  # noqa: PLC0415

    with airflow_outcome():
        verify_job(job_id)


@task
def publish(job_id: int) -> str:
    """Make the verified outputs the video's current ones; returns the URI of ``manifest.json``."""
    from vodflow.pipeline.publishing import publish_job  # noqa: PLC0415

    with airflow_outcome():
        return publish_job(job_id)

"""The pipeline's MediaConvert trigger and operator: fire, restart, kill; on the service's own API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from support.fixtures.mediaconvert_site import Site, reread
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.mediaconvert.steps import submit_job
from vodflow.errors import EngineError
from vodflow_airflow.operators.local_transcode import LocalTranscodeOperator
from vodflow_airflow.operators.mediaconvert_transcode import MediaConvertTranscodeOperator
from vodflow_airflow.triggers.mediaconvert_event import failure_event
from vodflow_airflow.triggers.mediaconvert_transcode import MediaConvertTranscodeTrigger

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def waiting(idle_site: Site) -> tuple[JobRow, MediaConvertTranscodeTrigger]:
    """A submitted job and the trigger that waits for it, as a triggerer makes it of its database's row."""
    job = idle_site.planned("small")
    external_id = submit_job(job.id, run_id="manual-1").external_id
    assert external_id is not None
    first = MediaConvertTranscodeTrigger(job_id=job.id, external_id=external_id)
    path, arguments = json.loads(json.dumps(first.serialize()))
    assert path == f"{MediaConvertTranscodeTrigger.__module__}.{MediaConvertTranscodeTrigger.__qualname__}"
    again = MediaConvertTranscodeTrigger(**arguments)
    assert again.serialize() == first.serialize()
    return job, again


class Running:
    """Airflow's trigger runner with one trigger, without the process around it."""

    def __init__(self, trigger: MediaConvertTranscodeTrigger) -> None:
        self.runner = TriggerRunner()
        self.runner.triggers[1] = {"task": None, "name": "trigger 1", "events": 0}  # type: ignore[typeddict-item]
        self.task = asyncio.create_task(self.runner.run_trigger(1, trigger))
        self.runner.triggers[1]["task"] = self.task

    async def over(self) -> None:
        done, _ = await asyncio.wait({self.task}, timeout=120)
        assert done


def event_of(trigger: MediaConvertTranscodeTrigger) -> dict[str, Any]:
    async def fired() -> Any:
        async with asyncio.timeout(120):
            return (await anext(aiter(trigger.run()))).payload

    payload: dict[str, Any] = asyncio.run(fired())
    return payload


def test_fires_when_the_job_is_over(idle_site: Site, waiting: tuple[JobRow, MediaConvertTranscodeTrigger]) -> None:
    job, trigger = waiting
    idle_site.release()
    assert event_of(trigger) == {"status": "success", "job_id": job.id, "external_id": trigger.external_id}


def test_fires_with_the_error_when_it_gives_up(site: Site) -> None:
    event = event_of(MediaConvertTranscodeTrigger(job_id=7, external_id="1700000000000-nobody"))
    assert (event["status"], event["job_id"], event["retryable"]) == ("error", 7, False)
    assert "NotFound" in event["message"]


def test_killing_the_task_cancels_the_job(
    idle_site: Site, waiting: tuple[JobRow, MediaConvertTranscodeTrigger]
) -> None:
    job, trigger = waiting

    async def kill() -> None:
        running = Running(trigger)
        await asyncio.sleep(0.5)
        running.runner.to_cancel.append(1)
        await running.runner.cancel_triggers()
        await running.over()

    asyncio.run(kill())
    assert idle_site.ended(trigger.external_id)["Status"] == "CANCELED"
    assert reread(job).status == JobStatus.CANCELED


def test_stopping_the_triggerer_cancels_nothing(
    idle_site: Site, waiting: tuple[JobRow, MediaConvertTranscodeTrigger]
) -> None:
    job, trigger = waiting

    async def stop() -> None:
        running = Running(trigger)
        await asyncio.sleep(0.5)
        running.task.cancel()
        await running.over()

    asyncio.run(stop())
    (made,) = idle_site.jobs()
    assert made["Status"] == "SUBMITTED"
    assert reread(job).status == JobStatus.SUBMITTED
    # Another triggerer goes on with the same arguments.
    idle_site.release()
    assert event_of(MediaConvertTranscodeTrigger(**trigger.serialize()[1]))["status"] == "success"


class TaskInstance:
    """What the operator uses of a task instance."""

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def test_the_operator_submits_shows_the_job_and_defers(idle_site: Site) -> None:
    job = idle_site.planned("small")
    operator = MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=str(job.id))
    instance = TaskInstance()
    context: Any = {"ti": instance, "run_id": "manual-1"}
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    trigger = deferred.value.trigger
    assert isinstance(trigger, MediaConvertTranscodeTrigger)
    (made,) = idle_site.jobs()
    assert (trigger.job_id, trigger.external_id) == (job.id, made["Id"])
    (link,) = instance.xcoms.values()
    assert link["job_id"] == made["Id"]
    # What the trigger fears is asked again: the job is not over, so its error is the task's.
    given_up = EngineError("It takes too long", code="TIME_LIMIT", retryable=False)
    with pytest.raises(AirflowFailException, match="too long"):
        operator.execute_complete(context, failure_event(made["Id"], given_up) | {"job_id": job.id})
    assert reread(job).error_code == "TIME_LIMIT"


def test_clearing_every_engine_starts_none_but_the_chosen_one(idle_site: Site) -> None:
    mine = idle_site.planned("small")
    local = idle_site.planned("small", engine="local", outputs=["mp4"])
    context: Any = {"ti": TaskInstance(), "run_id": "manual-1"}
    with pytest.raises(AirflowSkipException, match="another engine"):
        MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=local.id).execute(context)
    with pytest.raises(AirflowSkipException, match="another engine"):
        LocalTranscodeOperator(task_id="transcode_local", job_id=mine.id).execute(context)
    assert idle_site.jobs() == []
    assert {reread(job).status for job in (mine, local)} == {JobStatus.QUEUED}


def test_without_a_triggerer_it_waits_on_the_worker(idle_site: Site) -> None:
    job = idle_site.planned("small", outputs=["mp4"])
    idle_site.release()
    operator = MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=job.id, deferrable=False)
    # This site's jobs write nothing: it came as far as to look for the outputs.
    with pytest.raises(AirflowFailException, match="cannot be found in S3"):
        operator.execute({"ti": TaskInstance(), "run_id": "manual-1"})  # type: ignore[typeddict-item]
    assert reread(job).error_code == "outputs_missing"


def test_the_operator_cancels_what_it_submitted_when_it_is_killed(idle_site: Site) -> None:
    job = idle_site.planned("small")
    operator = MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=job.id)
    operator.on_kill()  # before anything was submitted
    with pytest.raises(TaskDeferred):
        operator.execute({"ti": TaskInstance(), "run_id": "manual-1"})  # type: ignore[typeddict-item]
    operator.on_kill()
    (made,) = idle_site.jobs()
    assert made["Status"] == "CANCELED"
    assert reread(job).status == JobStatus.CANCELED


def test_killing_it_while_it_collects_keeps_what_was_made(idle_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job = idle_site.planned("small")
    external_id = submit_job(job.id, run_id="manual-1").external_id
    idle_site.release()
    idle_site.ended(external_id)
    operator = MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=job.id)

    def killed(*_: object, **__: object) -> None:
        operator.on_kill()
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("vodflow.engines.mediaconvert.steps.collect_job", killed)
        operator.execute({"ti": TaskInstance(), "run_id": "manual-1"})  # type: ignore[typeddict-item]
    row = reread(job)
    assert (row.status, row.error_code, row.retryable) == (JobStatus.FAILED, "interrupted", True)
    # The next try goes on with the same job.
    again = submit_job(job.id, run_id="manual-1")
    assert (again.external_id, again.ended) == (external_id, True)
    assert len(idle_site.jobs()) == 1


def test_a_rejected_input_skips(idle_site: Site) -> None:
    idle_site.restart(fail=[{"code": 1020, "message": "There is no video"}])
    job = idle_site.planned("small")
    external_id = submit_job(job.id, run_id="manual-1").external_id
    idle_site.release()
    idle_site.ended(external_id)
    operator = MediaConvertTranscodeOperator(task_id="transcode_mediaconvert", job_id=job.id)
    context: Any = {"ti": TaskInstance(), "run_id": "manual-1"}
    with pytest.raises(AirflowSkipException, match="no_video_track"):
        operator.execute(context)
    assert reread(job).status == JobStatus.REJECTED

"""``transcode_video`` and its trigger with pods of a real cluster: published, restarted, killed."""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from support.fixtures.kubernetes import NAMESPACE, Pods, attempt, reread
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.kubernetes import watcher
from vodflow.engines.kubernetes.collect import collect_job
from vodflow.engines.kubernetes.submit import submit_job
from vodflow_airflow.operators.kubernetes_transcode import KubernetesTranscodeOperator
from vodflow_airflow.triggers.kubernetes_transcode import KubernetesTranscodeTrigger

pytestmark = [pytest.mark.kubernetes, pytest.mark.airflow]


@pytest.fixture
def waiting(pods: Pods) -> tuple[JobRow, KubernetesTranscodeTrigger]:
    """A job whose pod encodes, and the trigger that waits for it, as a triggerer makes it of its database's row."""
    job = pods.planned("small")
    with pods.halting():
        external_id = submit_job(job.id, run_id="manual-1").external_id
    assert external_id is not None
    first = KubernetesTranscodeTrigger(job_id=job.id, external_id=external_id)
    path, arguments = json.loads(json.dumps(first.serialize()))
    assert path == f"{KubernetesTranscodeTrigger.__module__}.{KubernetesTranscodeTrigger.__qualname__}"
    pods.halted(external_id.partition("/")[2])
    return job, KubernetesTranscodeTrigger(**arguments)


class Running:
    """Airflow's trigger runner with one trigger, without the process around it."""

    def __init__(self, trigger: KubernetesTranscodeTrigger) -> None:
        self.runner = TriggerRunner()
        self.runner.triggers[1] = {"task": None, "name": "trigger 1", "events": 0}  # type: ignore[typeddict-item]
        self.task = asyncio.create_task(self.runner.run_trigger(1, trigger))
        self.runner.triggers[1]["task"] = self.task

    async def over(self) -> None:
        done, _ = await asyncio.wait({self.task}, timeout=30)
        assert done


def event_of(trigger: KubernetesTranscodeTrigger) -> dict[str, Any]:
    async def fired() -> Any:
        async with asyncio.timeout(120):
            return (await anext(aiter(trigger.run()))).payload

    payload: dict[str, Any] = asyncio.run(fired())
    return payload


def test_a_triggerer_killed_in_mid_encode_changes_nothing(
    pods: Pods, waiting: tuple[JobRow, KubernetesTranscodeTrigger]
) -> None:
    job, trigger = waiting

    async def stop() -> None:
        running = Running(trigger)
        await asyncio.sleep(0.5)
        running.task.cancel()
        await running.over()

    asyncio.run(stop())
    assert pods.names() == [trigger.external_id.partition("/")[2]]
    pods.go_on(trigger.external_id.partition("/")[2])
    # Another triggerer goes on with the same arguments, and with the same pod.
    event = event_of(KubernetesTranscodeTrigger(**trigger.serialize()[1]))
    assert event == {"status": "success", "job_id": job.id, "external_id": trigger.external_id}
    KubernetesTranscodeOperator(task_id="transcode_kubernetes", job_id=job.id)
    collect_job(job.id)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 1)
    pods.nothing_left(job)


def test_killing_the_task_deletes_the_pod(pods: Pods, waiting: tuple[JobRow, KubernetesTranscodeTrigger]) -> None:
    job, trigger = waiting

    async def kill() -> None:
        running = Running(trigger)
        await asyncio.sleep(0.5)
        running.runner.to_cancel.append(1)
        await running.runner.cancel_triggers()
        await running.over()

    asyncio.run(kill())
    pods.nothing_left(job)
    assert reread(job).status == JobStatus.CANCELED


def test_all_who_wait_share_one_watch(pods: Pods) -> None:
    jobs = [pods.planned("small", profile=profile) for profile in ("sd", "standard", "streaming")]
    names = [submit_job(job.id, run_id="manual-1").external_id for job in jobs]
    triggers = [
        KubernetesTranscodeTrigger(job_id=job.id, external_id=str(name)) for job, name in zip(jobs, names, strict=True)
    ]

    async def all_of_them() -> tuple[list[Any], int]:
        async with asyncio.timeout(180):
            events = await asyncio.gather(*(anext(aiter(trigger.run())) for trigger in triggers))
        (shared,) = watcher._watchers[asyncio.get_running_loop()].values()
        return [event.payload["status"] for event in events], shared.requests

    statuses, requests = asyncio.run(all_of_them())
    assert statuses == ["success"] * 3
    # A list, a watch a minute, and at most one look at each pod that was made meanwhile.
    assert requests <= 2 + 3 + 3
    for job in jobs:
        collect_job(job.id)
        assert reread(job).status == JobStatus.VERIFYING


@pytest.fixture
def run(airflow_db: None, pods: Pods) -> Any:
    """The DAG as it is where the engine is configured."""
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[str, str]]:
        result = module.transcode_video().test(run_conf={"engine": "kubernetes", "profile": "sd", **conf})
        return str(result.state), {task.task_id: str(task.state) for task in result.get_task_instances()}

    return start


def test_a_video_goes_the_whole_way(run: Any, pods: Pods) -> None:
    uri = pods.upload("small")
    state, tasks = run(source_uri=uri)
    assert state == "success"
    done = dict.fromkeys(("prepare", "transcode_kubernetes", "publish"), "success")
    assert {name: tasks[name] for name in done} == done
    assert tasks["transcode_local"] == "skipped"
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (row.verdict, row.engine, row.rungs) == ("PUBLISHED", "kubernetes", ["360p", "240p"])
    events = pods.core.list_namespaced_event(NAMESPACE).items
    assert {"Scheduled", "Created", "Started"} <= {event.reason for event in events}
    pods.until(lambda: not pods.names())

"""The trigger in Airflow's own trigger runner, against the local MediaConvert."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.triggers.base import TriggerEvent
from support.mediaconvert_service import ROLE, SETTINGS, MediaConvert, shared_hook
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    JobSettingsError,
    RejectionReason,
    SourceNotFound,
    VodflowError,
)
from vodflow_airflow.hooks import mediaconvert_watchers
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook
from vodflow_airflow.hooks.mediaconvert_watchers import shared_watcher
from vodflow_airflow.triggers.mediaconvert import MediaConvertJobCompleteTrigger
from vodflow_airflow.triggers.mediaconvert_event import event_failure, failure_event

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def create(**metadata: str) -> str:
    job_id: str = hook().create_job(Role=ROLE, Settings=SETTINGS, UserMetadata=metadata)["Id"]
    return job_id


def hook() -> MediaConvertHook:
    return shared_hook(os.environ["AWS_MEDIACONVERT_ENDPOINT"])


def trigger_of(job_id: str, **arguments: Any) -> MediaConvertJobCompleteTrigger:
    return MediaConvertJobCompleteTrigger(job_id=job_id, **({"waiter_delay": 1} | arguments))


def recreated(trigger: MediaConvertJobCompleteTrigger) -> MediaConvertJobCompleteTrigger:
    """What a restarted triggerer makes of the row in its database."""
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    assert path == "vodflow_airflow.triggers.mediaconvert.MediaConvertJobCompleteTrigger"
    return MediaConvertJobCompleteTrigger(**arguments)


async def fired(trigger: MediaConvertJobCompleteTrigger) -> dict[str, Any]:
    async with asyncio.timeout(120):
        event: TriggerEvent = await anext(aiter(trigger.run()))
    payload: dict[str, Any] = event.payload
    return payload


class Triggerer:
    """Airflow's trigger runner, without the process around it."""

    def __init__(self) -> None:
        self.runner = TriggerRunner()

    def start(self, trigger: MediaConvertJobCompleteTrigger) -> asyncio.Task[None]:
        number = len(self.runner.triggers) + 1
        self.runner.triggers[number] = {"task": None, "name": f"trigger {number}", "events": 0}  # type: ignore[typeddict-item]
        task = asyncio.create_task(self.runner.run_trigger(number, trigger))
        self.runner.triggers[number]["task"] = task
        return task

    async def kill(self, *numbers: int) -> None:
        """What the runner does when somebody marks a waiting task as failed, or clears it."""
        self.runner.to_cancel.extend(numbers)
        await self.runner.cancel_triggers()

    async def shut_down(self) -> None:
        """What the runner does when it ends: cancel what runs, and wait."""
        tasks = [details["task"] for details in self.runner.triggers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_serialize_and_recreate() -> None:
    trigger = MediaConvertJobCompleteTrigger(job_id="1515368087458-qnoxtd")
    assert isinstance(trigger, AwsBaseWaiterTrigger)
    _, arguments = trigger.serialize()
    assert arguments.keys() == {
        "job_id",
        "waiter_delay",
        "waiter_max_attempts",
        "aws_conn_id",
        "deadline",
        "cancel_on_kill",
    }
    assert abs(arguments["deadline"] - time.time() - 7 * 24 * 3600) < 60
    full = MediaConvertJobCompleteTrigger(
        job_id="1",
        waiter_delay=10,
        waiter_max_attempts=20,
        aws_conn_id=None,
        region_name="eu-west-1",
        verify=False,
        botocore_config={"read_timeout": 5},
        deadline=17.5,
        cancel_on_kill=False,
    )
    again = recreated(recreated(full))
    assert again.serialize() == full.serialize()
    assert vars(again)["deadline"] == 17.5
    assert again._hook_parameters == {
        "aws_conn_id": None,
        "region_name": "eu-west-1",
        "verify": False,
        "config": {"read_timeout": 5},
    }


def test_the_inherited_waiter_arguments_are_those_of_our_waiter(service: MediaConvert) -> None:
    """Whoever uses the base class's own ``run`` gets the same answer, one job at a time."""
    trigger = trigger_of(create())

    async def main() -> Any:
        async with asyncio.timeout(120):
            return (await anext(aiter(AwsBaseWaiterTrigger.run(trigger)))).payload

    assert asyncio.run(main()) == {"status": "success", "job_id": trigger.job_id}


def test_it_fires_when_the_job_is_complete(service: MediaConvert) -> None:
    job_id = create(seconds="0.5")
    assert asyncio.run(fired(trigger_of(job_id))) == {"status": "success", "job_id": job_id, "job_status": "COMPLETE"}


def test_progress_reaches_the_log(
    service: MediaConvert, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job_id = create(until=str(tmp_path / "go"))
    trigger = trigger_of(job_id)
    hear = trigger.on_snapshot

    async def heard(snapshot: Snapshot) -> None:
        await hear(snapshot)
        if snapshot.phase == "TRANSCODING":
            (tmp_path / "go").touch()

    monkeypatch.setattr(trigger, "on_snapshot", heard)
    asyncio.run(fired(trigger))
    said = capsys.readouterr().out
    assert f"MediaConvert job {job_id}: PROGRESSING TRANSCODING" in said
    assert f"MediaConvert job {job_id}: COMPLETE" in said


def test_killing_a_deferred_task_cancels_its_job(service: MediaConvert) -> None:
    killed, spared, watched = (create(seconds="60") for _ in range(3))

    async def main() -> None:
        triggerer = Triggerer()
        tasks = [
            triggerer.start(trigger_of(killed)),
            triggerer.start(trigger_of(spared)),
            triggerer.start(trigger_of(watched, cancel_on_kill=False)),
        ]
        await asyncio.sleep(1)
        await triggerer.kill(1, 3)
        await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
        await triggerer.shut_down()

    asyncio.run(main())
    assert hook().get_job_state(killed) == "CANCELED"
    assert {hook().get_job_state(job_id) for job_id in (spared, watched)} <= set(MediaConvertHook.INTERMEDIATE_STATES)
    assert service.counted["CancelJob"] == 1
    for job_id in (spared, watched):
        hook().cancel_job(job_id)


def test_killing_is_harmless_when_the_job_has_ended_or_the_service_is_away(
    service: MediaConvert, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = create()
    hook().wait_for_job(job_id, delay=0.05, max_attempts=200)
    asyncio.run(trigger_of(job_id).on_kill())
    monkeypatch.setenv("AWS_MEDIACONVERT_ENDPOINT", "http://127.0.0.1:9")
    once = {"retries": {"total_max_attempts": 1}}
    asyncio.run(trigger_of(job_id, botocore_config=once).on_kill())
    assert MediaConvertHook(config=once).get_conn().meta.endpoint_url.endswith(":9")


def test_a_restart_of_the_triggerer_cancels_nothing_and_goes_on(service: MediaConvert) -> None:
    job_id = create(seconds="2")
    trigger = trigger_of(job_id)

    async def first() -> None:
        triggerer = Triggerer()
        triggerer.start(trigger)
        await asyncio.sleep(0.7)
        await triggerer.shut_down()

    asyncio.run(first())
    assert service.counted["CancelJob"] == 0
    assert asyncio.run(fired(recreated(trigger)))["status"] == "success"


def test_throttled_half_of_the_time(service: MediaConvert, monkeypatch: pytest.MonkeyPatch) -> None:
    job_ids = [create() for _ in range(12)]
    service.faults(seed=1, throttle=[{"percent": 50}])
    service.calls.clear()

    async def main() -> list[dict[str, Any]]:
        return await asyncio.gather(*(fired(trigger_of(job_id)) for job_id in job_ids))

    assert {event["status"] for event in asyncio.run(main())} == {"success"}
    assert sum(service.counted.values()) < 60


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"throttle": [{"code": "ForbiddenException"}]}, "ForbiddenException", False),
        ({"fail": [{"code": 1999}]}, "1999", True),
    ],
)
def test_errors_are_told(service: MediaConvert, fault: dict[str, Any], code: str, retryable: bool) -> None:
    job_id = create(seconds="5")
    if "fail" in fault:
        hook().cancel_job(job_id)
        service.faults(**fault)
        job_id = create()
    service.faults(**fault)
    event = asyncio.run(fired(trigger_of(job_id)))
    assert (event["status"], event["job_id"], event["code"], event["retryable"]) == ("error", job_id, code, retryable)


def test_a_job_that_ended_while_the_triggerer_was_away_past_the_deadline(service: MediaConvert) -> None:
    job_id = create()
    hook().get_waiter("job_complete").wait(Id=job_id, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    trigger = trigger_of(job_id, waiter_max_attempts=1, deadline=time.time() - 3600)
    again = recreated(trigger)
    assert again.deadline == trigger.deadline
    assert asyncio.run(fired(again))["status"] == "success"


def test_one_poller_for_a_connection_and_region(service: MediaConvert, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        one, same = trigger_of("1"), trigger_of("2", waiter_delay=99)
        other = trigger_of("3", region_name="eu-west-1")
        assert shared_watcher(one._hook_parameters) is shared_watcher(same._hook_parameters)
        assert shared_watcher(one._hook_parameters) is not shared_watcher(other._hook_parameters)

    asyncio.run(main())
    asyncio.run(main())
    monkeypatch.setenv("MEDIACONVERT_POLL_RATE", "often")
    with pytest.raises(ConfigurationError, match="MEDIACONVERT_POLL_RATE"):
        mediaconvert_watchers._poll_rate()


def test_a_thousand_jobs_in_flight(service: MediaConvert, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep over 1,000 jobs is 50 calls, which at the default of one call a second is one call a second.

    The pace itself is asserted where time can be had for nothing (test_watching.py); here the calls are counted at the
    service.
    """
    monkeypatch.setenv("MEDIACONVERT_POLL_RATE", "100")
    conn = hook().conn
    conn.create_queue(Name="thousand", Status="PAUSED")
    first = conn.create_job(Role=ROLE, Settings=SETTINGS, Queue="thousand")["Job"]["Id"]
    job_ids = [first, *service.copies(first, 999)]
    service.calls.clear()
    heard: dict[str, list[str]] = {job_id: [] for job_id in job_ids}

    async def main() -> None:
        everybody, unheard = asyncio.Event(), set(job_ids)

        async def hear(snapshot: Snapshot) -> None:
            heard[snapshot.job_id].append(snapshot.status)
            unheard.discard(snapshot.job_id)
            if not unheard:
                everybody.set()

        triggers = [trigger_of(job_id) for job_id in job_ids]
        for trigger in triggers:
            monkeypatch.setattr(trigger, "on_snapshot", hear)
        waiting = [asyncio.create_task(fired(trigger)) for trigger in triggers]
        await everybody.wait()
        await asyncio.to_thread(service.finish, job_ids[::2])
        events = await asyncio.gather(*waiting[::2])
        assert {event["status"] for event in events} == {"success"}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
    assert {tuple(heard[job_id]) for job_id in job_ids[::2]} == {("SUBMITTED", "COMPLETE")}
    assert {tuple(heard[job_id]) for job_id in job_ids[1::2]} == {("SUBMITTED",)}
    assert service.counted.keys() == {"ListJobs"}
    begins = [place for place, (_, query) in enumerate(service.calls) if b"nextToken" not in query]
    assert begins[1] == 50
    assert len(service.calls) <= 50 * len(begins)
    service.finish(job_ids)


@pytest.mark.parametrize(
    "error",
    [
        InputRejected(RejectionReason.TRUNCATED, "cut off"),
        ConfigurationError("role", code="1432"),
        SourceNotFound("gone", code="1404"),
        JobSettingsError("width"),
        EngineCanceled("stopped", code="CANCELED", retryable=False),
        EngineError("odd", code="1999"),
        EngineError("final", code="1030", retryable=False),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_to_the_task(error: VodflowError) -> None:
    again = event_failure(json.loads(json.dumps(failure_event("1515-a", error))))
    assert (type(again), str(again), again.code, again.retryable) == (
        type(error),
        str(error),
        error.code,
        error.retryable,
    )
    assert again.external_id == "1515-a"
    if isinstance(error, InputRejected):
        assert isinstance(again, InputRejected)
        assert (again.reason, again.detail) == (error.reason, error.detail)

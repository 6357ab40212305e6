"""The operators against the local MediaConvert: submit, wait, defer, retry, kill."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout, TaskDeferred
from airflow.triggers.base import TriggerEvent
from support.mediaconvert_service import ROLE, SETTINGS, MediaConvert, connect, shared_hook
from vodflow.errors import EngineError, VodflowError
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook
from vodflow_airflow.links.mediaconvert import MediaConvertJobLink
from vodflow_airflow.operators.mediaconvert import MediaConvertCancelJobOperator, MediaConvertCreateJobOperator
from vodflow_airflow.sensors.mediaconvert import MediaConvertJobSensor
from vodflow_airflow.triggers.mediaconvert import MediaConvertJobCompleteTrigger

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

MakeContext = Callable[..., Any]


def operator(**arguments: Any) -> MediaConvertCreateJobOperator:
    given: dict[str, Any] = {
        "task_id": "transcode",
        "settings": SETTINGS,
        "waiter_delay": 0.1,
        "waiter_max_attempts": 200,
    }
    return MediaConvertCreateJobOperator(**(given | arguments))


def deferred(task: Any, context: Any) -> MediaConvertJobCompleteTrigger:
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context)
    assert deferral.value.method_name == "execute_complete"
    trigger = deferral.value.trigger
    assert isinstance(trigger, MediaConvertJobCompleteTrigger)
    return trigger


async def fired(trigger: MediaConvertJobCompleteTrigger) -> TriggerEvent:
    async with asyncio.timeout(120):
        return await anext(aiter(trigger.run()))


def hook() -> MediaConvertHook:
    return shared_hook(os.environ["AWS_MEDIACONVERT_ENDPOINT"])


@pytest.mark.parametrize("cls", [MediaConvertCreateJobOperator, MediaConvertCancelJobOperator, MediaConvertJobSensor])
def test_template_fields(cls: type) -> None:
    arguments = {} if cls is MediaConvertCreateJobOperator else {"job_id": "1"}
    task = cls(task_id="a", **arguments)
    assert {"aws_conn_id", "region_name", "verify"} < set(task.template_fields)
    for name in (*task.template_fields, *task.template_fields_renderers):
        assert hasattr(task, name), name
    assert set(task.template_fields_renderers) <= set(task.template_fields)
    assert [type(link) for link in task.operator_extra_links] == [MediaConvertJobLink]


@pytest.mark.parametrize(
    ("wait", "deferrable"),
    [(False, False), (False, True), (True, False), (True, True)],
    ids=["no_wait", "both", "wait", "defer"],
)
def test_no_wait_wait_defer(service: MediaConvert, make_context: MakeContext, wait: bool, deferrable: bool) -> None:
    context = make_context()
    seconds = "0.3" if wait else "60"
    task = operator(wait_for_completion=wait, deferrable=deferrable, user_metadata={"seconds": seconds})
    if not (wait and deferrable):
        job_id = task.execute(context)
        done = wait
    else:
        trigger = deferred(task, context)
        job_id = trigger.job_id
        assert task.execute_complete(context, asyncio.run(fired(trigger)).payload) == job_id
        done = True
    assert (hook().get_job_state(job_id) == "COMPLETE") is done
    assert context["ti"].xcoms[MediaConvertJobLink.key] == {
        "region_name": "us-east-1",
        "aws_domain": "aws.amazon.com",
        "job_id": job_id,
    }
    assert service.counted["CreateJob"] == 1
    hook().cancel_job(job_id)


def test_the_link_is_there_before_the_task_waits_and_leads_to_the_job(
    service: MediaConvert, make_context: MakeContext
) -> None:
    context = make_context()
    trigger = deferred(operator(deferrable=True), context)
    stored = context["ti"].xcoms[MediaConvertJobLink.key]
    assert MediaConvertJobLink().format_link(**stored) == (
        f"https://console.aws.amazon.com/mediaconvert/home?region=us-east-1#/jobs/summary/{trigger.job_id}"
    )


def test_the_request(service: MediaConvert, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()
    task = operator(
        role_arn="arn:aws:iam::111122223333:role/given",
        job_queue="Default",
        user_metadata={"title": "a"},
        tags={"team": "b"},
        create_job_kwargs={"Priority": 10, "StatusUpdateInterval": "SECONDS_10", "UserMetadata": {"also": "c"}},
        wait_for_completion=False,
    )
    job = hook().get_job(task.execute(context))
    assert job["Role"] == "arn:aws:iam::111122223333:role/given"
    assert job["Queue"].endswith("queues/Default")
    assert (job["Priority"], job["StatusUpdateInterval"]) == (10, "SECONDS_10")
    metadata = job["UserMetadata"]
    assert (metadata["title"], metadata["also"]) == ("a", "c")
    assert metadata["airflow-task"] == f"a_dag.{context['ti'].task_id}"
    assert metadata["airflow-run"] == "manual__1"
    assert job["ClientRequestToken"] == metadata["airflow-key"]
    assert operator(client_request_token="my-own").build_request(_memory(context))["ClientRequestToken"] == "my-own"


def _memory(context: Any) -> Any:
    from vodflow_airflow.operators.mediaconvert_memory import TaskMemory  # noqa: PLC0415

    return TaskMemory(context)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_whole_document_of_the_console(service: MediaConvert, make_context: MakeContext, as_text: bool) -> None:
    document = {
        "Queue": "Default",
        "Role": ROLE,
        "UserMetadata": {"from": "document"},
        "Settings": SETTINGS,
        "AccelerationSettings": {"Mode": "DISABLED"},
        "Priority": 5,
    }
    given: Any = json.dumps(document) if as_text else document
    task = operator(settings=given, user_metadata={"and": "argument"}, wait_for_completion=False)
    job = hook().get_job(task.execute(make_context()))
    assert {"from": "document", "and": "argument"}.items() <= job["UserMetadata"].items()
    assert (job["Priority"], job["Role"]) == (5, ROLE)
    assert document["UserMetadata"] == {"from": "document"}


@pytest.mark.parametrize("settings", ["{", "[]", "7", [1]])
def test_settings_that_are_none(service: MediaConvert, make_context: MakeContext, settings: Any) -> None:
    with pytest.raises(AirflowFailException, match="settings"):
        operator(settings=settings).execute(make_context())


def test_refused_settings_fail_at_once_with_aws_s_words(service: MediaConvert, make_context: MakeContext) -> None:
    settings = json.loads(json.dumps(SETTINGS))
    settings["OutputGroups"][0]["Outputs"][0]["ContainerSettings"]["Container"] = "MP5"
    with pytest.raises(AirflowFailException, match=r"BadRequestException.*/containerSettings/container"):
        operator(settings=settings).execute(make_context())


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize(
    ("code", "arguments", "outcome"),
    [
        (1999, {}, EngineError),
        (1432, {}, AirflowFailException),
        (1076, {}, AirflowFailException),
        (1076, {"rejected_input": "skip"}, AirflowSkipException),
    ],
)
def test_failing_jobs(
    service: MediaConvert,
    make_context: MakeContext,
    deferrable: bool,
    code: int,
    arguments: dict[str, Any],
    outcome: type[Exception],
) -> None:
    context = make_context()
    task = operator(deferrable=deferrable, user_metadata={"code": str(code)}, **arguments)
    if deferrable:
        event = asyncio.run(fired(deferred(task, context)))
        assert (event.payload["status"], event.payload["code"]) == ("error", str(code))
        json.dumps(event.payload)
        with pytest.raises(outcome, match=rf"{event.payload['job_id']}.*{code}.*As asked"):
            task.execute_complete(context, event.payload)
    else:
        with pytest.raises(outcome, match=f"{code}.*As asked"):
            task.execute(context)


def test_an_event_that_is_none() -> None:
    with pytest.raises(Exception, match="event is None"):
        operator().execute_complete({}, None)  # type: ignore[arg-type]


# Retries


def test_a_retry_goes_on_with_the_job_that_runs(service: MediaConvert, make_context: MakeContext) -> None:
    context = make_context()
    first = deferred(operator(deferrable=True, user_metadata={"seconds": "60"}), context)
    again = make_context(context)
    second = deferred(operator(deferrable=True), again)
    assert first.job_id == second.job_id
    assert again["ti"].xcoms[MediaConvertJobLink.key]["job_id"] == first.job_id
    service.finish([first.job_id])
    assert operator().execute(make_context(again)) == first.job_id
    assert service.counted["CreateJob"] == 1


def test_a_worker_that_died_before_it_stored_the_id(
    service: MediaConvert, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is there, Airflow knows nothing of it, and the client request token has long been forgotten."""
    context = make_context()
    task = operator(wait_for_completion=False, user_metadata={"seconds": "1"})
    orphan = hook().create_job(**task.build_request(_memory(context)))
    assert operator().execute(make_context(context)) == orphan["Id"]
    assert service.counted["CreateJob"] == 1
    assert service.counted["SearchJobs"] == 1


def test_a_first_try_does_not_search(service: MediaConvert, make_context: MakeContext) -> None:
    operator(wait_for_completion=False).execute(make_context())
    assert set(service.counted) == {"CreateJob"}


@pytest.mark.parametrize("end", ["ERROR", "CANCELED"])
def test_a_retry_after_a_bad_end_makes_another_job(service: MediaConvert, make_context: MakeContext, end: str) -> None:
    context = make_context()
    if end == "ERROR":
        # Not a job that another test left behind.
        service.faults(fail=[{"times": 1, "metadata": {"case": "a bad end"}}])
        with pytest.raises(EngineError):
            operator(user_metadata={"case": "a bad end"}).execute(context)
    else:
        trigger = deferred(operator(deferrable=True, user_metadata={"seconds": "60"}), context)
        asyncio.run(trigger.on_kill())
    first = context["ti"].xcoms[MediaConvertJobLink.key]["job_id"]
    # At once: the token of the first job is still known to the service.
    second = operator().execute(make_context(context))
    assert second != first
    assert service.counted["CreateJob"] == 2


@pytest.mark.parametrize("deferrable", [True, False])
def test_clearing_a_task_that_succeeded_transcodes_again(
    service: MediaConvert, make_context: MakeContext, deferrable: bool
) -> None:
    context = make_context()
    task = operator(deferrable=deferrable)
    if deferrable:
        trigger = deferred(task, context)
        first = task.execute_complete(context, asyncio.run(fired(trigger)).payload)
    else:
        first = task.execute(context)
    assert operator().execute(make_context(context)) != first


def test_a_job_that_ended_while_nobody_looked_is_taken_as_it_is(
    service: MediaConvert, make_context: MakeContext
) -> None:
    context = make_context()
    trigger = deferred(operator(deferrable=True), context)
    hook().wait_for_job(trigger.job_id, delay=0.05, max_attempts=200)
    assert operator(deferrable=True).execute(make_context(context)) == trigger.job_id


def test_a_stored_job_that_is_gone(service: MediaConvert, make_context: MakeContext) -> None:
    context = make_context()
    _memory(context).remember("1515368087458-qnoxtd")
    assert operator().execute(make_context(context)) != "1515368087458-qnoxtd"


def test_without_a_state_store_every_try_makes_its_own_job(service: MediaConvert, make_context: MakeContext) -> None:
    context = make_context(store=False)
    first = operator(wait_for_completion=False).execute(context)
    assert operator(wait_for_completion=False).execute(make_context(context)) != first


def test_mapped_tasks_have_jobs_of_their_own(service: MediaConvert, make_context: MakeContext) -> None:
    one, two = make_context(), make_context()
    two["ti"].task_id = one["ti"].task_id
    one["ti"].map_index, two["ti"].map_index = 0, 1
    first = operator(wait_for_completion=False).execute(one)
    second = operator(wait_for_completion=False).execute(two)
    assert first != second
    assert hook().get_job(second)["UserMetadata"]["airflow-task"].endswith("[1]")


# Killing


def test_killing_a_task_that_waits_cancels_its_job(service: MediaConvert, make_context: MakeContext) -> None:
    context = make_context()
    task = operator(user_metadata={"seconds": "60"})
    failures: list[BaseException] = []

    def run() -> None:
        try:
            task.execute(context)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 20
    while MediaConvertJobLink.key not in context["ti"].xcoms:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    task.on_kill()
    thread.join(20)
    (failure,) = failures
    assert isinstance(failure, AirflowFailException)
    assert "was cancelled" in str(failure)


def test_killing_a_task_during_the_submission_finds_the_job(service: MediaConvert, make_context: MakeContext) -> None:
    context = make_context()
    task = operator(user_metadata={"seconds": "60"})
    request = task.build_request(_memory(context))
    job = hook().create_job(**request)
    task._submitting = {"airflow-key": request["ClientRequestToken"]}
    task.on_kill()
    assert hook().get_job_state(job["Id"]) == "CANCELED"


def test_execution_timeout_counts_while_deferred_too(service: MediaConvert, make_context: MakeContext) -> None:
    context, limit = make_context(), timedelta(seconds=0.5)
    task = operator(deferrable=True, execution_timeout=limit, user_metadata={"seconds": "30"})
    trigger = deferred(task, context)
    event = asyncio.run(fired(trigger)).payload
    again = operator(deferrable=True, execution_timeout=limit)
    with pytest.raises(AirflowTaskTimeout, match=trigger.job_id):
        again.execute_complete(context, event)
    again.on_kill()  # as Airflow does then
    assert hook().get_job_state(trigger.job_id) == "CANCELED"
    # A wait that ends by itself earlier leaves the job alone.
    patient = operator(deferrable=True, execution_timeout=timedelta(hours=1))
    with pytest.raises(EngineError, match="has not ended"):
        patient.execute_complete(context, event)


@pytest.mark.parametrize("submitted", [True, False])
def test_kills_that_cancel_nothing(service: MediaConvert, make_context: MakeContext, submitted: bool) -> None:
    task = operator(wait_for_completion=False, cancel_on_kill=not submitted, user_metadata={"seconds": "60"})
    if submitted:
        job_id = task.execute(make_context())
    task.on_kill()
    assert "CancelJob" not in service.counted
    if submitted:
        assert hook().get_job_state(job_id) in MediaConvertHook.INTERMEDIATE_STATES
        hook().cancel_job(job_id)


# The other operators


def test_cancel_operator(service: MediaConvert, make_context: MakeContext) -> None:
    job_id = operator(wait_for_completion=False, user_metadata={"seconds": "60"}).execute(make_context())
    context = make_context()
    assert MediaConvertCancelJobOperator(task_id="cancel", job_id=job_id).execute(context) == job_id
    assert hook().get_job_state(job_id) == "CANCELED"
    assert context["ti"].xcoms[MediaConvertJobLink.key]["job_id"] == job_id
    assert MediaConvertCancelJobOperator(task_id="cancel", job_id=job_id).execute(context) == job_id
    with pytest.raises(AirflowFailException, match="ended already"):
        MediaConvertCancelJobOperator(task_id="cancel", job_id=job_id, fail_if_ended=True).execute(context)


def sensor(job_id: str, **arguments: Any) -> MediaConvertJobSensor:
    given: dict[str, Any] = {"task_id": "wait", "poke_interval": 0.1, "timeout": 20}
    return MediaConvertJobSensor(job_id=job_id, **(given | arguments))


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize(
    ("metadata", "arguments", "outcome"),
    [
        ({}, {}, None),
        ({"code": "1999"}, {}, EngineError),
        ({"code": "1020"}, {}, AirflowFailException),
        ({"code": "1020"}, {"soft_fail": True}, AirflowSkipException),
    ],
)
def test_sensor(
    service: MediaConvert,
    make_context: MakeContext,
    deferrable: bool,
    metadata: dict[str, str],
    arguments: dict[str, Any],
    outcome: type[Exception] | None,
) -> None:
    job_id = operator(wait_for_completion=False, user_metadata=metadata | {"seconds": "0.2"}).execute(make_context())
    task, context = sensor(job_id, deferrable=deferrable, **arguments), make_context()
    triggers: list[tuple[bool, bool]] = []

    def run() -> None:
        try:
            task.execute(context)
        except TaskDeferred as waiting:
            trigger: Any = waiting.trigger
            triggers.append((deferrable, trigger.cancel_on_kill))
            task.execute_complete(context, asyncio.run(fired(trigger)).payload)

    if outcome is None:
        run()
    else:
        with pytest.raises(outcome, match="soft_fail" if arguments and not deferrable else job_id):
            run()
    assert set(triggers) <= {(True, False)}
    assert context["ti"].xcoms[MediaConvertJobLink.key]["job_id"] == job_id


def test_a_sensor_defers_only_for_a_job_that_is_not_over(service: MediaConvert, make_context: MakeContext) -> None:
    running, done = (
        hook().create_job(Role=ROLE, Settings=SETTINGS, UserMetadata=wanted)["Id"]
        for wanted in ({"seconds": "30"}, {"seconds": "0"})
    )
    failed = hook().create_job(Role=ROLE, Settings=SETTINGS, UserMetadata={"code": "1020"})["Id"]
    for job_id in (done, failed):
        with suppress(VodflowError):
            hook().wait_for_job(job_id, delay=0.05, max_attempts=200)
    deferred(sensor(running, deferrable=True), make_context())
    sensor(done, deferrable=True).execute(make_context())
    for job_id in (failed, "1795286625313-nobody"):
        with pytest.raises(AirflowFailException, match=job_id):
            sensor(job_id, deferrable=True).execute(make_context())
        for how in ("soft_fail", "never_fail"):
            with pytest.raises(AirflowSkipException, match=job_id):
                sensor(job_id, deferrable=True, **{how: True}).execute(make_context())
    hook().cancel_job(running)


def test_a_sensor_waits_out_throttling(service: MediaConvert, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, config_kwargs={"retries": {"mode": "standard", "total_max_attempts": 1}})
    job_id = hook().create_job(Role=ROLE, Settings=SETTINGS)["Id"]
    hook().wait_for_job(job_id, delay=0.05, max_attempts=200)
    service.faults(throttle=[{"operations": ["GetJob"], "times": 1}])
    task = sensor(job_id)
    assert task.poke({}) is False  # type: ignore[arg-type]
    assert task.poke({}) is True  # type: ignore[arg-type]

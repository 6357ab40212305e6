"""The hook against the local MediaConvert: where it connects, what it raises, what it finds again."""

from __future__ import annotations

import itertools
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.waiter import WaiterModel
from support.mediaconvert_service import ROLE, SETTINGS, MediaConvert, connect, shared_hook
from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, InputRejected, JobSettingsError
from vodflow_airflow.hooks import mediaconvert as module
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def create(hook: MediaConvertHook | None = None, **changes: Any) -> dict[str, Any]:
    hook = hook or shared_hook(os.environ["AWS_MEDIACONVERT_ENDPOINT"])
    return hook.create_job(**({"Role": ROLE, "Settings": SETTINGS} | changes))


@pytest.mark.parametrize(
    ("environment", "extra", "expected"),
    [
        ({}, {}, "https://mediaconvert.us-east-1.amazonaws.com"),
        ({}, {"region_name": "eu-west-1"}, "https://mediaconvert.eu-west-1.amazonaws.com"),
        ({}, {"endpoint_url": "http://all:1"}, "http://all:1"),
        (
            {},
            {"endpoint_url": "http://all:1", "service_config": {"mediaconvert": {"endpoint_url": "http://own:2"}}},
            "http://own:2",
        ),
        ({"AWS_ENDPOINT_URL_MEDIACONVERT": "http://sdk:3"}, {}, "http://sdk:3"),
        ({"MEDIACONVERT_ENDPOINT": "http://env:4"}, {"endpoint_url": "http://all:1"}, "http://env:4"),
        (
            {"MEDIACONVERT_ENDPOINT": "http://env:4", "AWS_MEDIACONVERT_ENDPOINT": "http://env:5"},
            {"service_config": {"mediaconvert": {"endpoint_url": "http://own:2"}}},
            "http://env:5",
        ),
        (
            {"MEDIACONVERT_ENDPOINT": "http://env:4", "MEDIACONVERT_ENDPOINT_DISCOVERY": "true"},
            {},
            "http://env:4",
        ),
    ],
)
def test_endpoint(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], extra: dict[str, Any], expected: str
) -> None:
    for name in (*module.ENDPOINT_VARIABLES, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_MEDIACONVERT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connect(monkeypatch, **extra)
    assert MediaConvertHook().conn.meta.endpoint_url == expected


@pytest.mark.parametrize("where", ["environment", "connection"])
def test_endpoints_are_described_only_when_asked_and_once(
    service: MediaConvert, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(module, "_endpoints", {})
    monkeypatch.delenv("AWS_MEDIACONVERT_ENDPOINT")
    monkeypatch.setenv("AWS_ENDPOINT_URL_MEDIACONVERT", service.url)
    MediaConvertHook().get_conn().list_jobs()
    assert "DescribeEndpoints" not in service.counted
    if where == "environment":
        monkeypatch.setenv("MEDIACONVERT_ENDPOINT_DISCOVERY", "1")
    else:
        connect(monkeypatch, service_config={"mediaconvert": {"endpoint_discovery": True}})
    for _ in range(3):
        assert MediaConvertHook().conn.meta.endpoint_url == service.url
    assert service.counted["DescribeEndpoints"] == 1


@pytest.mark.parametrize(
    ("argument", "environment", "extra", "expected"),
    [
        ("arn:aws:iam::1:role/param", "arn:aws:iam::1:role/env", "arn:aws:iam::1:role/conn", "param"),
        (None, "arn:aws:iam::1:role/env", "arn:aws:iam::1:role/conn", "env"),
        ("None", "", "arn:aws:iam::1:role/conn", "conn"),
        ("", "", "arn:aws:iam::1:role/conn", "conn"),
    ],
)
def test_role(
    monkeypatch: pytest.MonkeyPatch, argument: str | None, environment: str, extra: str, expected: str
) -> None:
    monkeypatch.setenv("MEDIACONVERT_ROLE_ARN", environment)
    connect(monkeypatch, service_config={"mediaconvert": {"role_arn": extra, "queue": "slow"}})
    assert MediaConvertHook().resolve_role(argument) == f"arn:aws:iam::1:role/{expected}"


def test_a_role_by_name_that_iam_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:1")
    connect(monkeypatch, config_kwargs={"retries": {"mode": "standard", "total_max_attempts": 1}})
    with pytest.raises(EngineError, match="IAM GetRole of transcoder did not get through") as caught:
        MediaConvertHook().resolve_role("transcoder")
    assert caught.value.retryable


def test_nothing_names_a_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=r"specify a region\. Give the AWS connection"):
        MediaConvertHook(aws_conn_id=None).create_job(Role=ROLE, Settings=SETTINGS)


def test_queue_and_a_missing_role(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*module.ROLE_VARIABLES, *module.QUEUE_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    connect(monkeypatch)
    assert MediaConvertHook().resolve_queue() is None
    with pytest.raises(ConfigurationError, match=r"MEDIACONVERT_ROLE_ARN.*aws_default"):
        MediaConvertHook().resolve_role()
    connect(monkeypatch, service_config={"mediaconvert": {"queue": "slow"}})
    assert MediaConvertHook().resolve_queue() == "slow"
    monkeypatch.setenv("MEDIACONVERT_QUEUE", "fast")
    assert MediaConvertHook().resolve_queue("") == "fast"
    assert MediaConvertHook().resolve_queue("other") == "other"


def test_retries_and_timeouts_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch)
    own = MediaConvertHook(config={"read_timeout": 5, "retries": {"total_max_attempts": 2}}).conn.meta.config
    assert (own.read_timeout, own.connect_timeout, own.retries["total_max_attempts"]) == (5, 10, 2)
    default = MediaConvertHook().conn.meta.config
    assert (default.retries["mode"], default.retries["total_max_attempts"]) == ("adaptive", 10)
    connect(monkeypatch, config_kwargs={"retries": {"mode": "standard", "total_max_attempts": 3}})
    assert MediaConvertHook().conn.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_a_job_from_creation_to_its_end(service: MediaConvert) -> None:
    hook = shared_hook(service.url)
    job = create(UserMetadata={"seconds": "0.2"})
    assert job["Status"] in hook.INTERMEDIATE_STATES
    done = hook.wait_for_job(job["Id"], delay=0.1, max_attempts=100)
    assert done["Status"] in hook.SUCCESS_STATES
    assert hook.get_job_state(job["Id"]) == "COMPLETE"
    assert hook.cancel_job(job["Id"]) is False


def test_jobs_are_looked_through(service: MediaConvert) -> None:
    hook = shared_hook(service.url)
    made = {create(UserMetadata={"seconds": "0.1"})["Id"] for _ in range(2)}
    for name in made:
        hook.wait_for_job(name, delay=30, max_attempts=200, sleep=lambda _: time.sleep(0.05))
    assert made <= {job["Id"] for job in hook.iterate_jobs(Status="COMPLETE")}


def test_our_waiter(service: MediaConvert) -> None:
    hook = MediaConvertHook()
    assert "job_complete" in hook.list_waiters()
    waiter = hook.get_waiter("job_complete")
    waiter.wait(Id=create()["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    model = WaiterModel(json.loads(Path(str(hook.waiter_path)).read_text())).get_waiter("job_complete")
    states = {item.expected: item.state for item in model.acceptors if item.matcher == "path"}
    assert states == {
        "SUBMITTED": "retry",
        "PROGRESSING": "retry",
        "COMPLETE": "success",
        "ERROR": "failure",
        "CANCELED": "failure",
    }
    assert {*hook.INTERMEDIATE_STATES, *hook.SUCCESS_STATES, *hook.FAILURE_STATES} == set(states)


@pytest.mark.parametrize(("code", "kind"), [(1999, EngineError), (1076, InputRejected), (1432, ConfigurationError)])
def test_a_failing_job(service: MediaConvert, code: int, kind: type[Exception]) -> None:
    job = create(UserMetadata={"code": str(code)})
    with pytest.raises(kind, match=f"{job['Id']}.*{code}.*As asked") as caught:
        MediaConvertHook().wait_for_job(job["Id"], delay=0.1, max_attempts=100)
    assert caught.value.external_id == job["Id"]  # type: ignore[attr-defined]


def test_cancelling(service: MediaConvert) -> None:
    hook = shared_hook(service.url)
    job = create(UserMetadata={"seconds": "60"})
    assert hook.cancel_job(job["Id"]) is True
    assert hook.cancel_job(job["Id"]) is False
    assert hook.cancel_job("1515368087458-qnoxtd") is False
    with pytest.raises(EngineCanceled, match=job["Id"]):
        hook.wait_for_job(job["Id"], delay=0.1, max_attempts=10)


def test_a_wait_that_is_too_long(service: MediaConvert) -> None:
    job = create(UserMetadata={"seconds": "60"})
    with pytest.raises(EngineError, match=f"{job['Id']} has not ended") as caught:
        shared_hook(service.url).wait_for_job(job["Id"], delay=0.01, max_attempts=3)
    assert caught.value.retryable
    shared_hook(service.url).cancel_job(job["Id"])


def test_refused_settings(service: MediaConvert) -> None:
    settings = json.loads(json.dumps(SETTINGS))
    settings["OutputGroups"][0]["Outputs"][0]["ContainerSettings"]["Container"] = "MP5"
    with pytest.raises(JobSettingsError, match=r"BadRequestException.*/containerSettings/container") as caught:
        create(Settings=settings)
    assert not caught.value.retryable
    with pytest.raises(JobSettingsError, match="Widht"):
        create(Settings={"Widht": 1})


def test_an_unknown_job(service: MediaConvert) -> None:
    with pytest.raises(EngineError, match=r"1515368087458-qnoxtd.*NotFoundException") as caught:
        MediaConvertHook().get_job("1515368087458-qnoxtd")
    assert (caught.value.code, caught.value.retryable) == ("NotFoundException", False)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch)
    monkeypatch.setenv("AWS_MEDIACONVERT_ENDPOINT", "http://127.0.0.1:9")
    hook = MediaConvertHook(config={"retries": {"total_max_attempts": 1}})
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9") as caught:
        hook.get_job("1515368087458-qnoxtd")
    assert caught.value.retryable


def test_half_of_all_calls_throttled(service: MediaConvert) -> None:
    service.faults(seed=3, throttle=[{"percent": 50}])
    job = create()
    assert MediaConvertHook().wait_for_job(job["Id"], delay=0.1, max_attempts=50)["Status"] == "COMPLETE"


def test_throttled_for_good(service: MediaConvert) -> None:
    service.faults(throttle=[{"operations": ["GetJob"]}])
    hook = MediaConvertHook(config={"retries": {"mode": "standard", "total_max_attempts": 2}})
    with pytest.raises(EngineError, match="TooManyRequestsException") as caught:
        hook.get_job("1515368087458-qnoxtd")
    assert caught.value.retryable
    assert service.counted["GetJob"] == 2


@pytest.mark.parametrize("input_file", [None, "s3://footage/a.mp4"])
def test_a_job_is_found_again_by_its_metadata(service: MediaConvert, input_file: str | None) -> None:
    hook = MediaConvertHook()
    key = uuid.uuid4().hex
    jobs = [create(hook, UserMetadata={"key": key, "number": str(number)}) for number in range(3)]
    for _ in range(22):
        create(hook)
    found = hook.find_job({"key": key, "number": "1"}, input_file=input_file)
    assert found is not None
    assert found["Id"] == jobs[1]["Id"]
    newest = hook.find_job({"key": key}, input_file=input_file)
    assert newest is not None
    assert newest["Id"] == jobs[2]["Id"]
    assert hook.find_job({"key": "another"}, input_file=input_file, max_pages=2) is None
    hook.wait_for_job(jobs[0]["Id"], delay=0.1, max_attempts=100)
    assert hook.find_job({"number": "0", "key": key}, statuses=["SUBMITTED"], input_file=input_file) is None
    assert service.counted["SearchJobs" if input_file else "ListJobs"] > 4


def test_very_long_names_of_inputs_are_cut_for_the_search(service: MediaConvert) -> None:
    file = "s3://footage/" + "x" * 600 + ".mp4"
    settings = {**SETTINGS, "Inputs": [{"FileInput": file}]}
    job = create(Settings=settings, UserMetadata={"long": "1"})
    found = MediaConvertHook().find_job({"long": "1"}, input_file=file)
    assert found is not None
    assert found["Id"] == job["Id"]


class CountingLimiter:
    keys: list[str] = []  # noqa: RUF012

    def __init__(self, rate: float) -> None:
        assert rate == 1000

    def acquire(self, key: str) -> float:
        self.keys.append(key)
        return 0.0


@pytest.mark.parametrize("where", ["environment", "connection"])
def test_another_limiter(service: MediaConvert, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    path = f"{__name__}:CountingLimiter"
    monkeypatch.setattr(CountingLimiter, "keys", [])
    if where == "environment":
        monkeypatch.setenv("MEDIACONVERT_SUBMISSION_LIMITER", path)
    else:
        connect(monkeypatch, service_config={"mediaconvert": {"submission_limiter": path}})
    create(MediaConvertHook())
    assert CountingLimiter.keys == [f"aws_default|us-east-1|{service.url}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(["MEDIACONVERT_SUBMIT_RATE"], ["fast", "0", "-1", "nan", "inf"]),
        *itertools.product(
            ["MEDIACONVERT_SUBMISSION_LIMITER"], ["nowhere:Limiter", "json:Limiter", "json", "os:getpid"]
        ),
    ],
)
def test_wrong_configuration_of_the_limiter(
    service: MediaConvert, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError):
        create(MediaConvertHook())
    assert "CreateJob" not in service.counted

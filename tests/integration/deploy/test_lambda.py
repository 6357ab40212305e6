"""The Lambda function's zip in an interpreter of its own, with events as AWS documents them; the real API and SQS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
import pytest
from integration.jobs.conftest import Place
from integration.jobs.conftest import place as place  # noqa: PLC0414 - the fixture
from mypy_boto3_sqs import SQSClient
from starlette.requests import Request
from support.fixtures.receiver import Receiver
from support.lambda_events import S3_TEST, eventbridge, s3, s3_record, sns, sns_to_sqs, sqs
from support.served_app import served
from vodflow.api import make_api
from vodflow.api.callers import Caller, CallerKind, Scope
from vodflow.sensing.intake import take_in
from vodflow.settings import Settings

from scripts.build_lambda import build

pytestmark = pytest.mark.integration

KEY = "vf_0123456789_not-a-secret"
#: The runtime's part: event and context in, answer or error out. botocore is there where a queue or a secret is asked.
RUNTIME = """
import json, sys
sys.path.insert(0, sys.argv[1])
from vodflow_lambda.handler import handle
class Context:
    aws_request_id = "11111111-2222-3333-4444-555555555555"
    def get_remaining_time_in_millis(self):
        return int(sys.argv[2])
try:
    answer = {"answer": handle(json.load(sys.stdin), Context())}
except Exception as error:
    answer = {"error": type(error).__name__, "message": str(error)}
sys.stderr.write(json.dumps(answer))
"""


@dataclass
class Function:
    """The function as it is deployed: its code, its environment."""

    package: Path
    environment: dict[str, str]
    #: With the standard library alone, or with the runtime's botocore beside it.
    alone: bool = True

    def call(self, event: dict[str, Any], milliseconds: int = 30_000, **environment: str) -> dict[str, Any]:
        """What Lambda gets: ``answer``, or ``error`` and ``message``; ``log`` is what was written."""
        flags = ["-I", "-S"] if self.alone else ["-I"]
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        done = subprocess.run(
            [sys.executable, *flags, "-c", RUNTIME, str(self.package), str(milliseconds)],
            input=json.dumps(event), env={**aws, **self.environment, **environment}, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stderr)
        return {**found, "log": [json.loads(line) for line in done.stdout.splitlines()]}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lambda") / "function.zip"
    path.write_bytes(build())
    return path


async def robot(request: Request) -> Caller | None:
    """Stands for the API's keys."""
    if request.headers.get("authorization") != f"Bearer {KEY}":
        return None
    return Caller(CallerKind.API_KEY, "lambda", None, frozenset({Scope.JOBS_WRITE}))


@pytest.fixture
def function(place: Place, package: Path, set_settings: Callable[..., Settings]) -> Iterator[Function]:
    """Through the API."""
    with served(make_api([robot], settings=set_settings())) as url:
        yield Function(package, {"VODFLOW_API_URL": url, "VODFLOW_API_KEY": KEY, "NO_PROXY": "127.0.0.1"})


def shapes(bucket: str, key: str) -> list[dict[str, Any]]:
    """The same upload, told in every way."""
    told, through = s3(s3_record(bucket, key, version=None)), eventbridge(bucket, key, version=None)
    return [
        told,
        through,
        sns(told),
        sqs(told),
        sqs(through),
        sqs(sns_to_sqs(told)),
        sns(through),
        sqs(sns_to_sqs(through)),
    ]


KEYS = "video/user-7/2026/05/a b+ü (1) 100%.mp4", "video/größe/x.MOV"


@pytest.mark.parametrize("key", KEYS)
def test_one_upload_told_in_every_way_is_one_run(function: Function, place: Place, key: str) -> None:
    place.put(key)
    for event in shapes(place.bucket, key):
        done = function.call(event)
        assert done.get("answer") in ({"batchItemFailures": []}, {"done": 1, "ignored": 0}), done
        (started,) = (line for line in done["log"] if line["event"] == "started")
        assert (started["key"], started["ref"], started["attempt"]) == (key, "source-1", 1)
        assert started["request_id"] == "11111111-2222-3333-4444-555555555555"
    assert list(place.airflow.runs) == ["source-1"]


def test_a_batch_is_done_whatever_else_is_in_it(function: Function, place: Place) -> None:
    for name in ("a", "b"):
        place.put(f"video/{name}.mp4")
    a, b = (s3_record(place.bucket, f"video/{name}.mp4") for name in ("a", "b"))
    event = sqs(
        s3(a, b),
        s3(a),
        "no JSON",
        s3(s3_record(place.bucket, "video/notes.txt"), s3_record(place.bucket, "other/a.mp4")),
        s3(s3_record(place.bucket, "video/a.mp4", name="ObjectRemoved:Delete")),
        S3_TEST,
        {"hello": "world"},
        s3(b, {"eventName": "ObjectCreated:Put"}),
        {"detail-type": [], "Type": {}},
    )
    done = function.call(event)
    left = [item["itemIdentifier"] for item in done["answer"]["batchItemFailures"]]
    assert left == ["message-3", "message-7", "message-8", "message-9"], "what nobody understands, for the dead letters"
    assert sorted(place.airflow.runs) == ["source-1", "source-2"]
    events = [line["event"] for line in done["log"]]
    assert events.count("started") == 2, "each object once"
    assert events.count("skipped") == 2
    assert done["log"][-1] | {"messages": 9, "left": 4, "done": 2, "skipped": 2, "ignored": 2} == done["log"][-1]


def test_suffixes_and_prefix_are_the_configurations(function: Function, place: Place) -> None:
    place.put("in/A.MXF")
    event = s3(s3_record(place.bucket, "in/A.MXF"), s3_record(place.bucket, "in/b.mp4"))
    done = function.call(event, VODFLOW_PREFIX="in/", VODFLOW_SUFFIXES=".mxf")
    assert done["answer"] == {"done": 1, "skipped": 1, "ignored": 0}


def test_an_object_that_has_gone_is_no_reason_to_try_again(function: Function, place: Place) -> None:
    done = function.call(sqs(s3(s3_record(place.bucket, "video/gone.mp4"))))
    assert done["answer"] == {"batchItemFailures": []}
    (line,) = (line for line in done["log"] if line["event"] == "started")
    assert line["refused"] == "source_not_found"
    assert place.airflow.runs == {}


def test_while_the_api_is_away_everything_is_kept(package: Path) -> None:
    """Then it comes again: by the queue, or because Lambda calls again what failed."""
    away = Function(package, {"VODFLOW_API_URL": "http://127.0.0.1:9", "VODFLOW_API_KEY": KEY, "VODFLOW_ATTEMPTS": "2"})
    records = [s3_record("bucket", f"video/{name}.mp4") for name in "abc"]
    done = away.call(sqs(*(s3(record) for record in records)))
    assert [item["itemIdentifier"] for item in done["answer"]["batchItemFailures"]] == [
        "message-1", "message-2", "message-3",
    ]  # fmt: skip
    tries = [line["key"] for line in done["log"] if line["event"] in {"tried again", "not started"}]
    assert tries == ["video/a.mp4", "video/a.mp4", "video/b.mp4", "video/c.mp4"], "the others need not find out anew"
    for event in (s3(*records), eventbridge("bucket", "video/a.mp4"), sns(s3(*records))):
        done = away.call(event)
        assert (done["error"], "s3://bucket/video/a.mp4: the API does not answer" in done["message"]) == (
            "Unfinished", True,
        )  # fmt: skip


def test_what_was_kept_is_done_once_when_the_api_is_back(function: Function, place: Place) -> None:
    place.put("video/a.mp4")
    event = sqs(s3(s3_record(place.bucket, "video/a.mp4")))
    place.airflow.broken = 503
    done = function.call(event, VODFLOW_ATTEMPTS="1")
    assert done["answer"] == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    place.airflow.broken = None
    for _ in range(2):
        assert function.call(event)["answer"] == {"batchItemFailures": []}
    assert list(place.airflow.runs) == ["source-1"]


def test_a_wrong_key_loses_nothing(function: Function, place: Place) -> None:
    place.put("video/a.mp4")
    done = function.call(s3(s3_record(place.bucket, "video/a.mp4")), VODFLOW_API_KEY="wrong")
    assert done["error"] == "Unfinished"
    assert "401 invalid_credentials" in done["message"]
    assert [line["event"] for line in done["log"]] == ["not started", "finished"], "another try cannot help now"
    assert "wrong" not in json.dumps(done)


@pytest.fixture
def stubborn(receiver: Receiver, package: Path) -> Function:
    """An address that answers as a test says."""
    url = receiver.url.partition("/hook")[0]
    return Function(package, {"VODFLOW_API_URL": url, "VODFLOW_API_KEY": KEY, "NO_PROXY": "127.0.0.1"})


EVENT = s3(s3_record("bucket", "video/a.mp4"))


def test_troubles_that_pass_are_waited_for(stubborn: Function, receiver: Receiver) -> None:
    receiver.answers = [503, 429, 409, 200]
    assert stubborn.call(EVENT)["answer"] == {"done": 1, "ignored": 0}
    (path,), (key,) = (
        {one.path for one in receiver.requests},
        {one.headers["idempotency-key"] for one in receiver.requests},
    )
    assert path == "/api/v1/jobs"
    assert len(key) == 64
    assert len(receiver.requests) == 4
    assert receiver.requests[0].document == {"source": "s3://bucket/video/a.mp4"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_key_is_not_carried_to_another_address(stubborn: Function, receiver: Receiver, status: int) -> None:
    receiver.answers, receiver.headers = [status], {"Location": receiver.url}
    assert stubborn.call(EVENT)["error"] == "Unfinished"
    assert [one.path for one in receiver.requests] == ["/api/v1/jobs"]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
def test_refusals_of_what_is_no_fault_of_the_object_go_to_the_dead_letters(
    stubborn: Function, receiver: Receiver, status: int
) -> None:
    """A wrong address, a right that is missing: somebody mends it, and drives the dead letters back."""
    receiver.answers = [status]
    assert stubborn.call(EVENT)["error"] == "Unfinished"
    assert len(receiver.requests) == 1


def test_a_silent_api_does_not_outlast_the_call(stubborn: Function, receiver: Receiver) -> None:
    receiver.answers = [receiver.silence]
    done = stubborn.call(EVENT, milliseconds=4_000, VODFLOW_TIMEOUT="1")
    assert "the API does not answer" in done["message"]
    assert len(receiver.requests) < 4


def test_a_wrong_configuration_says_what_is_wrong(package: Path) -> None:
    for variables, message in (
        ({}, "VODFLOW_API_URL"),
        ({"VODFLOW_API_URL": "api.example.com", "VODFLOW_API_KEY": KEY}, "VODFLOW_API_URL"),
        ({"VODFLOW_API_URL": "https://api.example.com"}, "VODFLOW_API_KEY_SECRET"),
        ({"VODFLOW_MODE": "both"}, "VODFLOW_MODE"),
        ({"VODFLOW_MODE": "queue"}, "VODFLOW_EVENT_QUEUE_URL"),
        ({"VODFLOW_API_URL": "https://x", "VODFLOW_API_KEY": KEY, "VODFLOW_TIMEOUT": "soon"}, "VODFLOW_TIMEOUT"),
    ):
        done = Function(package, variables).call(EVENT)
        assert (done["error"], message in done["message"]) == ("Misconfigured", True), done


@pytest.fixture
def sqs_client(aws: Settings) -> SQSClient:
    return boto3.client("sqs", endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region)


@pytest.fixture
def queueing(
    catalog: Settings, aws: Settings, package: Path, sqs_client: SQSClient, set_settings: Callable[..., Settings]
) -> Iterator[Function]:
    """Through the queue."""
    url = sqs_client.create_queue(QueueName="lambda-told")["QueueUrl"]
    set_settings(event_queue_url=url)
    environment = {
        "VODFLOW_MODE": "queue", "VODFLOW_EVENT_QUEUE_URL": url, "AWS_ENDPOINT_URL": str(aws.aws_endpoint_url),
    }  # fmt: skip
    yield Function(package, environment, alone=False)
    sqs_client.delete_queue(QueueUrl=url)


def test_through_the_queue_one_upload_is_one_source(queueing: Function, place: Place) -> None:
    place.put(KEYS[0])
    for event in shapes(place.bucket, KEYS[0]):
        done = queueing.call(event)
        assert done.get("answer") in ({"batchItemFailures": []}, {"done": 1, "ignored": 0}), done
    result = take_in([])
    assert (len(result.registered), result.messages, result.problems) == (1, 8, 0)


def test_a_queue_takes_more_than_a_batch(queueing: Function, place: Place) -> None:
    keys = [f"video/{number}.mp4" for number in range(23)]
    for key in keys:
        place.put(key, b"video")
    done = queueing.call(sqs(*(s3(s3_record(place.bucket, key, version=None)) for key in keys)))
    assert done["answer"] == {"batchItemFailures": []}
    assert len(take_in([]).registered) == 23


def test_a_queue_that_is_away_keeps_everything(queueing: Function) -> None:
    done = queueing.call(sqs(EVENT, EVENT), VODFLOW_EVENT_QUEUE_URL="http://127.0.0.1:9/000000000000/x",
                         AWS_ENDPOINT_URL="http://127.0.0.1:9")  # fmt: skip
    assert len(done["answer"]["batchItemFailures"]) == 2


def test_the_key_of_a_secret_is_read_anew_when_it_was_changed(
    stubborn: Function, receiver: Receiver, aws: Settings
) -> None:
    secrets = boto3.client("secretsmanager", endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region)
    secrets.create_secret(Name="lambda-api-key", SecretString="old\n")

    def change(handler: BaseHTTPRequestHandler) -> None:
        secrets.put_secret_value(SecretId="lambda-api-key", SecretString="new")
        handler.send_response(401)
        handler.send_header("content-length", "0")
        handler.end_headers()

    receiver.answers = [change, 200]
    stubborn.alone = False
    endpoint = str(aws.aws_endpoint_url)
    environment = {
        "VODFLOW_API_KEY": "", "VODFLOW_API_KEY_SECRET": "lambda-api-key", "AWS_ENDPOINT_URL": endpoint,
    }  # fmt: skip
    try:
        assert stubborn.call(EVENT, **environment)["answer"] == {"done": 1, "ignored": 0}
    finally:
        secrets.delete_secret(SecretId="lambda-api-key", ForceDeleteWithoutRecovery=True)
    assert [one.headers["authorization"] for one in receiver.requests] == ["Bearer old", "Bearer new"]
    missing = stubborn.call(EVENT, **environment, VODFLOW_ATTEMPTS="1")
    assert "cannot be read from Secrets Manager" in missing["message"]

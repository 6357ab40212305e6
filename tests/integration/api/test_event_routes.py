"""Events that are posted to the API: the specifications' own examples, replays and forgeries, through a real SQS."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient
from sqlalchemy import select
from starlette.requests import Request
from starlette.testclient import TestClient
from support.sns_sender import TOPIC, SnsSender, timestamp
from vodflow.api import make_api
from vodflow.api.callers import Caller, CallerKind, Scope
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import audit_event, dead_letter, job
from vodflow.catalog.tables import job_event as job_event_table
from vodflow.engines.mediaconvert.events import read_event
from vodflow.engines.mediaconvert.record import note_messages
from vodflow.listeners.handling import SIZE_LIMIT
from vodflow.listeners.sns_calls import certificate_at
from vodflow.outcomes.notifications.signing import sign
from vodflow.sensing.intake import take_in
from vodflow.sensing.queue import receive
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

MEDIACONVERT, EVENTBRIDGE, S3 = "/webhooks/mediaconvert", "/aws/listener/eventbridge/video", "/api/v1/events/s3"
KEY = {"x-api-key": "your-api-key"}
SECRET = "a secret that signs"
CREATED = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b.mp4"}}}

#: Specification 004, "Testing the API Endpoint", word for word.
EXAMPLE = """{
  "detail": {
    "status": "COMPLETE",
    "outputGroupDetails": [{
      "outputDetails": [{
        "outputFilePaths": ["/path/to/video.mp4"]
      }]
    }],
    "queue": "MyQueue",
    "timestamp": "2024-03-14T12:00:00",
    "jobId": "123456"
  }
}"""
#: The same, "Testing EventBridge Rule": the event that put-events makes of it, which names no job.
WITHOUT_JOB = {
    "source": "aws.mediaconvert",
    "detail-type": "MediaConvert Job State Change",
    "detail": json.loads(
        '{"status":"COMPLETE","outputGroupDetails":[{"outputDetails":[{"outputFilePaths":["/path/to/video.mp4"]}]}]}'
    ),
}


def job_event(status: str, **detail: Any) -> dict[str, Any]:
    """As MediaConvert tells it through EventBridge."""
    return {
        "version": "0",
        "id": "1b2c",
        "detail-type": "MediaConvert Job State Change",
        "source": "aws.mediaconvert",
        "account": "123456789012",
        "time": "2026-05-01T12:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:mediaconvert:us-east-1:123456789012:jobs/1777636800000-abc123"],
        "detail": {
            "timestamp": 1777636800000,
            "accountId": "123456789012",
            "queue": "arn:aws:mediaconvert:us-east-1:123456789012:queues/Default",
            "jobId": "1777636800000-abc123",
            "status": status,
            "userMetadata": {},
            **detail,
        },
    }


@dataclass
class Door:
    """The API, and what it puts into the queues."""

    client: TestClient
    sqs: SQSClient
    queues: dict[str, str]

    def post(self, path: str, document: Any, headers: dict[str, str] | None = None) -> Any:
        body = document if isinstance(document, str | bytes) else json.dumps(document)
        return self.client.post(path, content=body, headers=headers or {})

    def queued(self, name: str) -> list[str]:
        """Everything in a queue; it is empty afterwards."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queues[name], MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.queues[name], ReceiptHandle=message["ReceiptHandle"])
        return found


async def api_keys(request: Request) -> Caller | None:
    """Stands for the API's own keys: ``x-api-key`` names a right."""
    given = request.headers.get("x-api-key", "").removeprefix("api:")
    if given not in set(Scope):
        return None
    return Caller(CallerKind.API_KEY, "robot", None, frozenset({Scope(given)}))


@pytest.fixture
def sns() -> Iterator[SnsSender]:
    with SnsSender() as sender:
        yield sender
    certificate_at.cache_clear()


@pytest.fixture
def door(
    catalog: Settings, event_queues: dict[str, str], set_settings: Callable[..., Settings], sns: SnsSender
) -> Iterator[Door]:
    settings = set_settings(
        listener_api_keys='["your-api-key"]',
        listener_secrets=json.dumps([SECRET]),
        sns_topics=json.dumps([TOPIC]),
        sns_url=sns.url,
    )
    sqs = boto3.client("sqs", endpoint_url=settings.aws_endpoint_url, region_name=settings.aws_region)
    with TestClient(make_api([api_keys], settings=settings)) as client:
        yield Door(client, sqs, event_queues)


def signed(body: str, message_id: str = "msg-1", at: float | None = None) -> dict[str, str]:
    when = int(time.time() if at is None else at)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(when),
        "webhook-signature": sign(SECRET, message_id, when, body.encode()),
    }


@pytest.mark.parametrize("path", [EVENTBRIDGE, MEDIACONVERT])
def test_the_example_of_specification_004_word_for_word(door: Door, path: str) -> None:
    answer = door.post(path, EXAMPLE, {"Content-Type": "application/json", **KEY})
    assert (answer.status_code, answer.json()) == (
        202, {"status": "queued", "source": "mediaconvert", "event_id": None},
    )  # fmt: skip
    (message,) = door.queued("mediaconvert")
    event = read_event(message)
    assert (event.kind, event.job_id, event.queue) == ("COMPLETE", "123456", "MyQueue")
    assert event.groups[0].outputs[0].paths == ("/path/to/video.mp4",)


def test_without_a_key_the_example_is_refused(door: Door) -> None:
    answer = door.post(EVENTBRIDGE, EXAMPLE, {"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["retryable"]) == ("not_authenticated", False)
    assert door.queued("mediaconvert") == []


def test_an_event_that_names_no_job_is_refused_by_name(door: Door) -> None:
    """AWS itself refuses the specification's put-events, for sources that begin with ``aws.`` are its own."""
    answer = door.post(EVENTBRIDGE, WITHOUT_JOB, KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_an_event")
    assert "detail/jobId: Field required" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("COMPLETE", {"outputGroupDetails": [{"outputDetails": [{"outputFilePaths": ["s3://b/a.mp4"]}]}]}),
        ("ERROR", {"errorCode": 1040, "errorMessage": "Unable to open input file"}),
        ("STATUS_UPDATE", {"jobProgress": {"jobPercentComplete": 41, "currentPhase": "TRANSCODING"}}),
        ("CANCELED", {}),
        ("PROGRESSING", {}),
    ],
)
def test_the_events_of_specification_001(door: Door, status: str, detail: dict[str, Any]) -> None:
    """Completion, success or failure; progress; cancellation; that a job has begun."""
    body = json.dumps(job_event(status, **detail))
    assert door.post(MEDIACONVERT, body, signed(body)).status_code == 202
    (message,) = door.queued("mediaconvert")
    assert read_event(message).kind == status


def test_a_job_that_nobody_knows_changes_nothing(door: Door) -> None:
    door.post(EVENTBRIDGE, EXAMPLE, KEY)
    messages = list(receive(door.queues["mediaconvert"], limit=10))
    noted = note_messages([message for batch in messages for message in batch])
    assert noted is not None
    with transaction("test") as connection:
        for table in (job, job_event_table, dead_letter):
            assert connection.execute(select(table)).all() == []


def test_an_object_that_sns_tells_of_becomes_one_source(
    door: Door, sns: SnsSender, s3: S3Client, source_bucket: str
) -> None:
    s3.put_object(Bucket=source_bucket, Key="acme/Größe 1.mp4", Body=b"video")
    record = {"s3": {"bucket": {"name": source_bucket}, "object": {"key": "acme/Gr%C3%B6%C3%9Fe+1.mp4"}}}
    told = sns.notification({"Records": [{"eventName": "ObjectCreated:Put", **record}]}, version="2")
    answer = door.post(
        S3, told, {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}
    )
    assert (answer.status_code, answer.json()) == (202, {"status": "queued", "source": "s3", "event_id": None})
    assert len(take_in([]).registered) == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_same_message_of_sns_again(door: Door, sns: SnsSender, version: str) -> None:
    told = sns.notification({"Records": [CREATED]}, version=version)
    answers = [door.post(S3, told) for _ in range(3)]
    # What is not signed does not make it another one.
    answers.append(door.post(S3, {**told, "UnsubscribeURL": "https://other.example/"}))
    assert [answer.json()["status"] for answer in answers] == ["queued", "repeated", "repeated", "repeated"]
    assert [answer.status_code for answer in answers] == [202, 200, 200, 200]
    assert len(door.queued("s3")) == 1
    assert sns.asked == 1, "certificates are asked for once"


def test_the_same_webhook_again(door: Door) -> None:
    body = json.dumps(job_event("COMPLETE"))
    headers = signed(body, "msg-7")
    answers = [door.post(MEDIACONVERT, body, headers) for _ in range(2)]
    # Its sender tries again, with a new time and so a new signature.
    answers.append(door.post(MEDIACONVERT, body, signed(body, "msg-7", time.time() - 10)))
    assert [answer.json()["status"] for answer in answers] == ["queued", "repeated", "repeated"]
    assert door.post(MEDIACONVERT, body, signed(body, "msg-8")).json()["status"] == "queued"
    assert len(door.queued("mediaconvert")) == 2


def test_what_could_not_be_queued_is_taken_when_it_comes_again(
    door: Door, sns: SnsSender, set_settings: Callable[..., Settings]
) -> None:
    told = sns.notification({"Records": [CREATED]})
    away = set_settings(aws_endpoint_url="http://127.0.0.1:9", event_queue_url="http://127.0.0.1:9/000000000000/x")
    with TestClient(make_api([], settings=away)) as client:
        answer = client.post(S3, json=told)
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert door.post(S3, told).json()["status"] == "queued"
    assert len(door.queued("s3")) == 1


def test_without_the_catalog_events_are_taken_all_the_same(
    door: Door, sns: SnsSender, set_settings: Callable[..., Settings]
) -> None:
    alone = set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:9/none")
    told = sns.notification({"Records": [CREATED]})
    with TestClient(make_api([], settings=alone)) as client:
        assert [client.post(S3, json=told).status_code for _ in range(2)] == [202, 202]
    assert len(door.queued("s3")) == 2


def test_old_messages_are_refused(door: Door, sns: SnsSender) -> None:
    body = json.dumps(job_event("COMPLETE"))
    assert door.post(MEDIACONVERT, body, signed(body, at=time.time() - 400)).status_code == 401
    assert door.post(MEDIACONVERT, body, signed(body, at=time.time() + 400)).status_code == 401
    old = sns.notification({"Records": [CREATED]}, Timestamp=timestamp(-7_200))
    assert door.post(S3, old).status_code == 401
    assert (door.queued("mediaconvert"), door.queued("s3")) == ([], [])


@pytest.mark.parametrize("path", [MEDIACONVERT, EVENTBRIDGE, S3])
def test_forgeries(door: Door, sns: SnsSender, path: str) -> None:
    body = json.dumps({"Records": [CREATED]} if path == S3 else job_event("COMPLETE"))
    told = sns.notification(json.loads(body))
    forged: list[tuple[Any, dict[str, str]]] = [
        (body, {}),
        (body, {"x-api-key": "your-api-kez"}),
        (body, {"x-api-key": ""}),
        (body, signed(body + " ")),
        (body, signed(body) | {"webhook-id": "msg-2"}),
        (body, signed(body) | KEY | {"webhook-signature": "v1,AAAA"}),
        (told | {"Message": body.replace("b", "c")}, {}),
        (told | {"TopicArn": TOPIC + "2"}, {}),
        (told | {"SigningCertURL": "https://evil.example/SimpleNotificationService-1.pem"}, {}),
        (told | {"Signature": sns.notification("other")["Signature"]}, {}),
    ]
    for document, headers in forged:
        answer = door.post(path, document, headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), headers
        assert SECRET not in answer.text
        assert "your-api-key" not in answer.text
    assert (door.queued("mediaconvert"), door.queued("s3")) == ([], [])


def test_a_topic_is_confirmed_once_it_is_named_by_the_settings(door: Door, sns: SnsSender) -> None:
    asks = sns.subscription()
    answer = door.post(S3, asks, {"x-amz-sns-message-type": "SubscriptionConfirmation"})
    assert (answer.status_code, answer.json()["status"]) == (200, "subscribed")
    assert sns.confirmed == [f"/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={asks['Token']}"]

    with transaction("test") as connection:
        (noted,) = connection.execute(select(audit_event)).all()
    assert (noted.actor_kind, noted.action, noted.object) == ("sender", "events.subscribe", f"SNS topic {TOPIC}")

    for other in (sns.subscription(TopicArn=TOPIC + "2"), sns.subscription(SubscribeURL="http://169.254.169.254/")):
        assert door.post(S3, other).status_code == 401
        assert door.post(S3, other, KEY).status_code == 401, "a key does not make up for it"
    sns.broken = 500
    assert door.post(S3, sns.subscription()).status_code == 503
    assert len(sns.confirmed) == 2, "asked, and answered with 500"


def test_an_api_key_with_the_right_to_send(door: Door) -> None:
    body = {"Records": [CREATED]}
    assert door.post(S3, body, {"x-api-key": f"api:{Scope.EVENTS_SEND}"}).status_code == 202
    with transaction("test") as connection:
        assert connection.execute(select(audit_event)).all() == [], "events are no changes of who passes them on"
    answer = door.post(S3, body, {"x-api-key": f"api:{Scope.VIDEOS_READ}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert "events:send" in answer.json()["detail"]


def test_what_is_no_event_is_a_problem_with_a_reason(door: Door) -> None:
    for path, document, status, code in (
        (S3, b"{", 400, "not_json"),
        (S3, [], 422, "not_an_event"),
        (S3, job_event("COMPLETE"), 422, "not_an_event"),
        (MEDIACONVERT, {"Records": [CREATED]}, 422, "not_an_event"),
        (S3, b" " * (SIZE_LIMIT + 1), 413, "body_too_large"),
    ):
        answer = door.post(path, document, KEY)
        assert (answer.status_code, answer.json()["code"]) == (status, code), document
    for odd in ({"Type": [], "Signature": ""}, {"detail-type": {}}, {"source": "aws.s3", "detail-type": []}):
        for path in (S3, MEDIACONVERT, EVENTBRIDGE):
            assert door.post(path, odd, KEY).status_code == 422, odd
            assert door.post(path, odd).status_code == 401, odd
    removed = {"Records": [], "id": "\ud800\nline"}
    assert door.post(S3, removed, KEY).json()["event_id"] is None
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}
    answer = door.post(S3, test_event, KEY)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored", "source": "s3", "event_id": None})


def test_an_installation_that_names_no_sender_is_closed(door: Door, set_settings: Callable[..., Settings]) -> None:
    closed = set_settings(listener_api_keys="[]", listener_secrets="[]", sns_topics="[]")
    with TestClient(make_api([], settings=closed)) as client:
        answer = client.post(EVENTBRIDGE, content=EXAMPLE, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_taken_now")
    assert re.search("closed: set VODFLOW_LISTENER_API_KEYS", answer.json()["detail"])

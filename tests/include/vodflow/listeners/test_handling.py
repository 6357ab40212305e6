"""Requests of every kind, and the answer to each."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import SecretStr
from vodflow.engines.mediaconvert.events import read_event
from vodflow.listeners import Accepted, EventSource, Refused, Request, handle
from vodflow.listeners.handling import SIZE_LIMIT
from vodflow.outcomes.notifications.signing import sign
from vodflow.sensing.notices import parse_message
from vodflow.settings import Settings

NOW = 1_800_000_000.0
SETTINGS = Settings(
    listener_api_keys=(SecretStr("old-key"), SecretStr("new-key")),
    listener_secrets=(SecretStr("s3cret"),),
    event_queue_url="http://sqs/s3",
    mediaconvert_event_queue_url="http://sqs/mediaconvert",
)
KEY = {"X-Api-Key": "new-key"}

COMPLETE: dict[str, Any] = {
    "version": "0",
    "id": "1b2c",
    "source": "aws.mediaconvert",
    "detail-type": "MediaConvert Job State Change",
    "time": "2026-05-01T12:00:00Z",
    "detail": {
        "timestamp": 1777636800000,
        "queue": "arn:aws:mediaconvert:us-east-1:123456789012:queues/Default",
        "jobId": "1777636800000-abc123",
        "status": "COMPLETE",
        "userMetadata": {"vodflow-job-id": "7"},
        "outputGroupDetails": [{"outputDetails": [{"outputFilePaths": ["s3://b/größe.mp4"]}], "type": "FILE_GROUP"}],
    },
}
CREATED = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b.mp4", "size": 1}}}
NOTIFICATION: dict[str, Any] = {"Records": [CREATED]}
OBJECT_CREATED: dict[str, Any] = {
    "id": "9",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "b"}, "object": {"key": "a b.mp4", "size": 1}},
}


def ask(document: Any, headers: dict[str, str] | None = None, **changes: Any) -> Accepted | Refused:
    body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    settings = SETTINGS.model_copy(update=changes.pop("settings", {}))
    return handle(Request(KEY if headers is None else headers, body), settings, now=NOW, **changes)


def accepted(document: Any, **changes: Any) -> Accepted:
    answer = ask(document, **changes)
    assert isinstance(answer, Accepted), answer
    return answer


def test_an_event_of_eventbridge_goes_to_mediaconverts_readers_as_it_is() -> None:
    answer = accepted(COMPLETE)
    assert (answer.source, answer.queue_url, answer.event_id) == ("mediaconvert", "http://sqs/mediaconvert", "1b2c")
    assert json.loads(answer.message) == COMPLETE
    assert answer.message.isascii()
    event = read_event(answer.message)
    assert (event.kind, event.metadata, event.groups[0].outputs[0].paths) == (
        "COMPLETE", {"vodflow-job-id": "7"}, ("s3://b/größe.mp4",),
    )  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {"detail": COMPLETE["detail"]},
        COMPLETE["detail"],
        {"Type": "Notification", "Message": json.dumps(COMPLETE)},
        {name: value for name, value in COMPLETE.items() if name != "source"},
    ],
    ids=["detail only", "bare detail", "SNS", "without source"],
)
def test_events_that_lost_their_envelope_on_the_way_get_one(document: dict[str, Any]) -> None:
    event = read_event(accepted(document).message)
    assert (event.kind, event.job_id) == ("COMPLETE", "1777636800000-abc123")


@pytest.mark.parametrize("document", [NOTIFICATION, OBJECT_CREATED, {**OBJECT_CREATED, "source": "my.uploader"}])
def test_notifications_of_s3_go_to_the_readers_of_s3(document: dict[str, Any]) -> None:
    answer = accepted(document)
    assert (answer.source, answer.queue_url) == (EventSource.S3, "http://sqs/s3")
    (notice,) = parse_message(answer.message).notices
    assert (notice.bucket, notice.key) == ("b", "a b.mp4")


@pytest.mark.parametrize(
    "document",
    [
        {"Event": "s3:TestEvent", "Bucket": "b"},
        {"Records": [{**CREATED, "eventName": "ObjectRemoved:Delete"}]},
        {**OBJECT_CREATED, "detail-type": "Object Deleted"},
        {"Records": []},
    ],
)
def test_what_is_well_formed_and_none_of_our_business_is_fine(document: dict[str, Any]) -> None:
    answer = accepted(document)
    assert (answer.status, answer.queue_url) == (200, None)


@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"a": NaN}', 400, "NaN is no JSON number"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'"text"', 422, "found str"),
        ([COMPLETE], 422, "one event a request"),
        ({}, 422, "its fields: none"),
        ({"hello": "world"}, 422, "its fields: 'hello'"),
        ({"source": "aws.ec2", "detail-type": "EC2 Instance State-change", "detail": {}}, 422, "'aws.ec2'"),
        ({"Type": "SubscriptionConfirmation", "TopicArn": "arn:x", "SubscribeURL": "http://evil"}, 422, "confirm"),
        ({"Records": [{**CREATED, "s3": {}}]}, 422, "s3.object is not an object"),
        ({**COMPLETE, "detail": {"status": "COMPLETE"}}, 422, "detail/jobId: Field required"),
        ({**COMPLETE, "detail": {"jobId": 7, "status": "COMPLETE"}}, 422, "detail/jobId: Input should be a valid str"),
        ({**COMPLETE, "detail": []}, 422, "detail: Input should be"),
        ({**COMPLETE, "source": "somebody"}, 422, "source: String should match"),
        ({**COMPLETE, "detail": {**COMPLETE["detail"], "userMetadata": {"a": 1}}}, 422, "userMetadata/a"),
        ({"Type": "Notification", "Message": "plain text"}, 400, "not JSON"),
        ({"Type": [], "Signature": ""}, 422, "its fields: 'Signature', 'Type'"),
        ({"detail-type": {}, "source": ["x" * 1000]}, 422, "an event {} of ['xxx"),
        ({"detail-type": "a" * 100_000}, 422, "'aaa"),
        ({"source": "aws.s3", "detail-type": [], "detail": {}}, 422, "detail-type is no text"),
        ({**COMPLETE, "detail": {**COMPLETE["detail"], "userMetadata": {"a\nb": 1}}}, 422, r"userMetadata/a\nb"),
        ({"detail": {**COMPLETE["detail"], "queue": "ü" * 100_000}}, 413, "bytes in ASCII; 262144 are accepted"),
        (b" " * (SIZE_LIMIT + 1), 413, "262145 bytes; 262144 are accepted"),
    ],
)
def test_everything_else_is_refused_with_a_reason(document: Any, status: int, message: str) -> None:
    answer = ask(document)
    assert isinstance(answer, Refused), answer
    assert answer.status == status
    assert message in answer.message
    assert len(answer.message) < 600
    assert answer.message.isprintable()


def test_endless_envelopes_are_somebodys_loop() -> None:
    document = COMPLETE
    for _ in range(5):
        document = {"Type": "Notification", "Message": json.dumps(document)}
    answer = ask(document)
    assert isinstance(answer, Refused)
    assert "SNS envelopes" in answer.message


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"eventbridge:{password}".encode()).decode()}


def signed(secret: str, *, at: float = NOW, body: bytes = json.dumps(COMPLETE, ensure_ascii=False).encode()) -> Any:
    signature = sign(secret, "msg-1", int(at), body)
    return {"webhook-id": "msg-1", "webhook-timestamp": str(int(at)), "webhook-signature": signature}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "new-key"},
        {"X-API-KEY": "old-key"},
        {"authorization": "Bearer new-key"},
        {"Authorization": "bearer  new-key "},
        basic("old-key"),
        signed("s3cret"),
        signed("s3cret", at=NOW - 200),
    ],
)
def test_senders_with_a_key_or_a_signature(headers: dict[str, str]) -> None:
    assert isinstance(ask(COMPLETE, headers), Accepted)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "new-ke"},
        {"x-api-key": "new-key "},
        {"x-api-key": "new-key,old-key"},
        {"x-api-key": "ключ\ud800"},
        {"authorization": "new-key"},
        {"authorization": "Bearer"},
        {"authorization": "Basic ???"},
        {"authorization": "Basic /////w=="},
        basic(""),
        signed("other"),
        signed("s3cret", at=NOW - 301),
        signed("s3cret", body=b"{}"),
        signed("other") | {"x-api-key": "wrong"},
    ],
)
def test_all_others_stay_outside(headers: dict[str, str]) -> None:
    answer = ask(COMPLETE, headers)
    assert isinstance(answer, Refused), answer
    assert answer.status == 401
    assert "key" not in answer.message.replace("a key in", "").replace("x-api-key", "")


def test_a_wrong_signature_is_not_saved_by_silence_about_the_key() -> None:
    # With a signature that does not fit nothing else counts: somebody tampered, or the secret is wrong.
    assert isinstance(ask(COMPLETE, signed("other") | KEY), Refused)


def test_without_keys_it_is_closed() -> None:
    answer = ask(COMPLETE, settings={"listener_api_keys": (), "listener_secrets": ()})
    assert isinstance(answer, Refused)
    assert (answer.status, "closed" in answer.message) == (503, True)
    assert isinstance(ask(COMPLETE, {"x-api-key": ""}, settings={"listener_api_keys": ()}), Refused)
    # Signatures mean nothing where no secret is configured.
    assert isinstance(ask(COMPLETE, signed(""), settings={"listener_secrets": ()}), Refused)


def test_a_missing_queue_or_key_file_is_ours_to_mend() -> None:
    answer = ask(COMPLETE, settings={"mediaconvert_event_queue_url": None})
    assert isinstance(answer, Refused)
    assert (answer.status, "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL" in answer.message) == (503, True)
    answer = ask(COMPLETE, settings={"listener_api_keys": (SecretStr("file:/not/there"),)})
    assert isinstance(answer, Refused)
    assert (answer.status, "/not/there" in answer.message) == (503, False)


def test_an_address_may_be_for_one_kind_only() -> None:
    assert isinstance(ask(COMPLETE, only=EventSource.MEDIACONVERT), Accepted)
    answer = ask(COMPLETE, only=EventSource.S3)
    assert isinstance(answer, Refused)
    assert "for s3" in answer.message


def test_large_bodies_are_refused_first() -> None:
    body = b"x" * (50 * SIZE_LIMIT)
    answer = handle(Request({}, body), SETTINGS, now=NOW)
    assert isinstance(answer, Refused)
    assert answer.status == 413, "before any look at who sent it"


def test_neither_headers_nor_bodies_are_shown_in_logs() -> None:
    assert "new-key" not in repr(Request(KEY, b"secret body"))
    assert "secret body" not in repr(Request(KEY, b"secret body"))


@pytest.mark.parametrize("event_id", ["\ud800", "a\nb", "\u202e", "x" * 600, 7, None, ["9"]])
def test_an_id_that_cannot_be_shown_is_none(event_id: object) -> None:
    for document in (OBJECT_CREATED, {**OBJECT_CREATED, "detail-type": "Object Deleted"}):
        assert accepted(json.dumps({**document, "id": event_id}).encode()).event_id is None

"""From a change of status to a receiver: real PostgreSQL, a real HTTP server, a real SNS and SQS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from sqlalchemy import text
from support.fixtures.receiver import Receiver
from support.fixtures.values import probed_source, published_job, queued_job, verified_job
from vodflow.catalog import deliveries, jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.deliveries import DeliveryRow
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import DeliveryStatus
from vodflow.errors import EngineError, RejectionReason
from vodflow.outcomes.announce import announce
from vodflow.outcomes.notifications import delivery
from vodflow.outcomes.notifications.delivery import DeliveryResult, deliver_due, deliver_now
from vodflow.outcomes.notifications.signing import verify
from vodflow.settings import Settings
from vodflow.stack.policies import queue_policy

pytestmark = pytest.mark.integration

Channels = Callable[..., Settings]


@pytest.fixture
def channels(catalog: Settings, set_settings: Callable[..., Settings]) -> Channels:
    """``channels({...}, {...})`` configures these."""

    def configure(*given: dict[str, Any], **settings: Any) -> Settings:
        return set_settings(notifications=json.dumps(given), public_base_url="https://cdn.example", **settings)

    return configure


@pytest.fixture
def hook(channels: Channels, receiver: Receiver) -> Receiver:
    """One webhook channel, all events."""
    channels(webhook(receiver))
    return receiver


def webhook(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    events = ["published", "failed", "rejected", "canceled"]
    base = {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s3cret", "events": events, "timeout": 60}
    return base | changes


def publish(key: str = "acme/a.mp4", **changes: Any) -> JobRow:
    with transaction("test") as connection:
        return published_job(connection, probed_source(connection, key=key, **changes))


def begun(key: str = "acme/a.mp4") -> JobRow:
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection, key=key))
        jobs.begin(connection, job.id, engine="local", worker="host")
        return job


def fail(job: JobRow, *, retryable: bool) -> None:
    with transaction("test") as connection:
        jobs.fail_job(connection, job.id, EngineError("FFmpeg ended with 1", code="1", retryable=retryable))


def log() -> list[DeliveryRow]:
    with transaction("test") as connection:
        return deliveries.recent(connection)[::-1]


def make_due() -> None:
    with transaction("test") as connection:
        connection.execute(
            text("UPDATE notification_delivery SET due_at = now() - interval '1 s' WHERE status = 'PENDING'")
        )


def test_a_published_video_arrives_signed(hook: Receiver) -> None:
    job = publish()
    assert deliver_due() == DeliveryResult(delivered=1)
    (request,) = hook.requests
    key = verify(["s3cret"], request.headers, request.body, time.time())
    assert request.path == "/hook?token=sesame"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("vodflow/")
    document = request.document
    assert document["id"] == key
    assert document["type"] == "video.published"
    assert document["video"] == {"id": 1, "name": job.plan.video, "bucket": "footage", "key": "acme/a.mp4"}
    assert document["job"]["output_uri"] == f"s3://media/{job.prefix}"
    assert document["publication"] == {
        "manifest_uri": f"s3://media/{job.prefix}/manifest.json",
        "manifest_url": f"https://cdn.example/{job.prefix}/manifest.json",
        "current": True,
        "duration": 60.0,
        "qualities": ["720p"],
        "outputs": ["hls", "dash", "mp4"],
    }
    (row,) = log()
    assert (row.status, row.attempts, row.response_code, row.error) == (DeliveryStatus.DELIVERED, 1, 200, None)
    assert deliver_due() == DeliveryResult()


def test_whoever_rolls_back_tells_nobody(hook: Receiver) -> None:
    with pytest.raises(RuntimeError), transaction("test") as connection:
        published_job(connection, probed_source(connection))
        raise RuntimeError
    assert log() == []


def test_steps_that_run_twice_tell_once(hook: Receiver) -> None:
    from vodflow.catalog.publications import publish as publish_again  # noqa: PLC0415

    job = publish()
    with transaction("test") as connection:
        publish_again(connection, job.id, [], [], f"s3://media/{job.prefix}/manifest.json")
    other = begun("acme/b.mp4")
    for _ in range(2):
        fail(other, retryable=False)
        with transaction("probe:run-9") as connection:
            source = probed_source(connection, key="acme/c.mp4")
            sources.reject_source(connection, source.id, RejectionReason.EMPTY, "0 bytes")
    deliver_due()
    assert sorted(request.document["type"] for request in hook.requests) == [
        "video.failed", "video.published", "video.rejected",
    ]  # fmt: skip
    with transaction("probe:run-10") as connection:
        sources.reject_source(connection, source.id, RejectionReason.EMPTY, "0 bytes")
    assert deliver_due().delivered == 1, "a person asked for the same again"


def test_events_say_what_happened(hook: Receiver) -> None:
    job = begun()
    with transaction("test") as connection:
        jobs.reject_job(connection, job.id, RejectionReason.TRUNCATED, "41 of 60 s")
        source = probed_source(connection, key="acme/b.mp4")
        sources.reject_source(connection, source.id, RejectionReason.EMPTY, "0 bytes")
    fail(begun("acme/c.mp4"), retryable=False)
    with transaction("test") as connection:
        jobs.cancel_job(connection, queued_job(connection, probed_source(connection, key="acme/d.mp4")).id)
    assert deliver_due().delivered == 4
    by_key = {request.document["video"]["key"]: request.document for request in hook.requests}
    assert by_key["acme/a.mp4"]["rejection"] == {"reason": "truncated", "detail": "41 of 60 s"}
    assert by_key["acme/a.mp4"]["job"]["id"] == job.id
    assert by_key["acme/b.mp4"]["rejection"] == {"reason": "empty", "detail": "0 bytes"}
    assert by_key["acme/b.mp4"]["job"] is None
    assert by_key["acme/c.mp4"]["error"] == {
        "class": "permanent", "code": "1", "message": "FFmpeg ended with 1", "retryable": False,
    }  # fmt: skip
    assert by_key["acme/d.mp4"]["type"] == "video.canceled"


def test_a_failure_that_a_retry_cures_is_not_told(hook: Receiver) -> None:
    job = begun()
    fail(job, retryable=True)
    assert deliver_due() == DeliveryResult(), "Airflow tries again; wait and see"
    with transaction("test") as connection:
        jobs.begin(connection, job.id, engine="local", worker="host")
    make_due()
    assert deliver_due() == DeliveryResult()
    assert hook.requests == []
    assert log()[0].status == DeliveryStatus.SUPERSEDED
    # The second failure is the last.
    fail(job, retryable=True)
    make_due()
    assert deliver_due().delivered == 1
    assert hook.requests[0].document["error"]["retryable"] is True


def test_channels_get_their_tenants_and_events(channels: Channels, receiver: Receiver) -> None:
    channels(
        webhook(receiver, name="acme", tenants=["acme"]),
        webhook(receiver, name="rejections", events=["rejected"]),
        webhook(receiver, name="all"),
    )
    publish()
    publish("globex/a.mp4", tenant="globex")
    assert deliver_due().delivered == 3
    assert sorted((row.channel, row.tenant) for row in log()) == [
        ("acme", "acme"), ("all", "acme"), ("all", "globex"),
    ]  # fmt: skip


def test_trouble_is_tried_again_later_until_it_is_given_up(channels: Channels, receiver: Receiver) -> None:
    channels(webhook(receiver, attempts=3))
    receiver.answers = [500]
    publish()
    for attempt in (1, 2):
        before = time.time()
        assert deliver_due() == DeliveryResult(postponed=1)
        (row,) = log()
        assert (row.attempts, row.response_code, row.error) == (attempt, 500, "HTTP 500 no: <because>")
        pause = 10 * 2 ** (attempt - 1)
        assert before + 0.75 * pause <= row.due_at.timestamp() <= time.time() + 1.25 * pause
        assert deliver_due() == DeliveryResult(), "not before its time"
        make_due()
    assert deliver_due() == DeliveryResult(given_up=1)
    assert log()[0].status == DeliveryStatus.FAILED
    with transaction("test") as connection:
        letter = connection.execute(text("SELECT origin, code, message FROM dead_letter")).one()
        assert deliveries.retry(connection, channel="crm") == 1
    assert (letter.origin, letter.code) == ("notifications", "500")
    receiver.answers = [200]
    assert deliver_due().delivered == 1


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(204, None), (301, False), (307, False), (400, False), (401, False), (404, False), (410, False), (408, True),
     (409, True), (425, True), (429, True), (500, True), (503, True)],
)  # fmt: skip
def test_what_each_answer_means(hook: Receiver, status: int, retryable: bool | None) -> None:
    hook.answers = [status]
    hook.headers = {"location": hook.url.replace("/hook", "/elsewhere")}
    publish()
    result = deliver_due()
    expected = {None: DeliveryResult(delivered=1), False: DeliveryResult(given_up=1), True: DeliveryResult(postponed=1)}
    assert result == expected[retryable]
    assert [request.path for request in hook.requests] == ["/hook?token=sesame"], "redirects are never followed"


def test_a_receiver_may_ask_to_be_left_alone(hook: Receiver) -> None:
    hook.answers, hook.headers = [429], {"retry-after": "600"}
    publish()
    before = time.time()
    deliver_due()
    assert log()[0].due_at.timestamp() - before >= 600


@pytest.mark.parametrize(("trouble", "timeout"), [("silence", 0.3), ("drip", 0.3), ("hang_up", 60)])
def test_receivers_that_do_not_answer_cost_the_timeout(
    channels: Channels, receiver: Receiver, trouble: str, timeout: float
) -> None:
    channels(webhook(receiver, timeout=timeout))
    receiver.answers = [getattr(receiver, trouble)]
    publish()
    assert deliver_due() == DeliveryResult(postponed=1)
    error = log()[0].error or ""
    assert ("no answer within 0.3 s" in error) == (trouble != "hang_up")
    assert "sesame" not in error


def test_an_endless_answer_is_not_read(hook: Receiver) -> None:
    hook.answers = [hook.endless]
    publish()
    assert deliver_due().delivered == 1


def test_nobody_listens(channels: Channels, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD", "http://exa mple.invalid/?token=sesame")
    channels(
        webhook(receiver, name="refused", url="http://127.0.0.1:9/?token=sesame"),
        webhook(receiver, name="unknown", url="http://no-such-host.invalid/?token=sesame"),
        webhook(receiver, name="keyless", secret="env:NOT_SET"),
        webhook(receiver, name="odd", url="env:ODD"),
        webhook(receiver, name="header", authorization="Bearer größe"),
        webhook(receiver, name="works"),
    )
    publish()
    assert deliver_due() == DeliveryResult(delivered=1, postponed=2, given_up=3)
    by_name = {row.channel: row for row in log()}
    assert "NOT_SET" in (by_name["keyless"].error or "")
    assert all("sesame" not in (row.error or "") for row in by_name.values())
    assert by_name["works"].status == DeliveryStatus.DELIVERED


def test_a_channel_without_an_answer_is_asked_three_times_a_round(channels: Channels, receiver: Receiver) -> None:
    channels(webhook(receiver, url="http://127.0.0.1:9/"))
    for number in range(6):
        publish(f"acme/{number}.mp4")
    assert deliver_due() == DeliveryResult(postponed=6)
    assert [row.attempts for row in log()] == [1, 1, 1, 0, 0, 0]


def test_a_removed_channel_does_not_linger(hook: Receiver, channels: Channels) -> None:
    publish()
    channels(webhook(hook, name="renamed"))
    assert deliver_due() == DeliveryResult(given_up=1)
    assert "no channel crm any more" in (log()[0].error or "")
    assert hook.requests == []


def test_a_process_that_dies_while_sending_is_replaced(hook: Receiver) -> None:
    publish()
    with transaction("test") as connection:
        (row,) = deliveries.claim(connection, limit=10, lease=timedelta(seconds=60))
    assert row.attempts == 1
    assert deliver_due() == DeliveryResult(), "leased"
    make_due()
    assert deliver_due().delivered == 1
    assert log()[0].attempts == 2


def test_a_killed_process_loses_nothing(hook: Receiver) -> None:
    publish()
    hook.answers = [hook.silence]
    code = "from vodflow.outcomes.notifications.delivery import deliver_due; deliver_due()"
    path = os.pathsep.join(path for path in sys.path if path)
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    deadline = time.monotonic() + 60
    while not hook.requests:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.kill()
    child.wait()
    (row,) = log()
    assert (row.status, row.attempts) == (DeliveryStatus.PENDING, 1)
    hook.answers = [200]
    make_due()
    assert deliver_due().delivered == 1
    assert hook.requests[0].headers["webhook-id"] == hook.requests[1].headers["webhook-id"]


def test_two_deliverers_share_the_work(hook: Receiver) -> None:
    for number in range(4):
        publish(f"acme/{number}.mp4")
    with transaction("first") as first, transaction("second") as second:
        mine = deliveries.claim(first, limit=2, lease=timedelta(seconds=60))
        theirs = deliveries.claim(second, limit=10, lease=timedelta(seconds=60))
    assert len({row.id for row in mine} | {row.id for row in theirs}) == 4
    assert (len(mine), len(theirs)) == (2, 2)


def test_slack(channels: Channels, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_URL", receiver.url)
    channels({"type": "slack", "name": "team", "url": "env:SLACK_URL"})
    publish()
    assert deliver_due().delivered == 1
    (request,) = receiver.requests
    assert request.document["text"] == "Published: a.mp4 (acme)"
    assert "manifest.json" in request.document["blocks"][0]["text"]["text"]


def test_authorization(channels: Channels, receiver: Receiver) -> None:
    channels(webhook(receiver, authorization="Bearer abc"))
    publish()
    deliver_due()
    assert receiver.requests[0].headers["authorization"] == "Bearer abc"


def test_sns_reaches_its_subscriber(channels: Channels, aws: Settings) -> None:
    client = {
        name: boto3.client(name, endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region)
        for name in ("sns", "sqs")
    }
    topic = client["sns"].create_topic(Name="outcomes")["TopicArn"]
    policy = {"Policy": queue_policy("outcomes")}
    queue = client["sqs"].create_queue(QueueName="outcomes", Attributes=policy)["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.aws_region}:000000000000:outcomes"
    client["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    missing = topic.replace(":outcomes", ":nobody")
    channels({"type": "sns", "name": "bus", "topic_arn": topic}, {"type": "sns", "name": "gone", "topic_arn": missing})
    job = publish()
    assert deliver_due() == DeliveryResult(delivered=1, given_up=1)
    messages = client["sqs"].receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    document = json.loads(messages[0]["Body"])
    assert (document["type"], document["job"]["id"]) == ("video.published", job.id)
    assert "NotFound" in (next(row.error for row in log() if row.channel == "gone") or "")


def test_a_step_sends_what_is_its_own_and_never_fails(
    channels: Channels, receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels(webhook(receiver))
    first, second = publish("acme/a.mp4"), publish("acme/b.mp4")
    announce(source_id=first.source_id, video_id=first.video_id, job_id=first.id)
    assert [request.document["job"]["id"] for request in receiver.requests] == [first.id]
    receiver.answers = [500]
    announce(source_id=second.source_id, video_id=second.video_id, job_id=second.id)
    assert log()[1].attempts == 1

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(delivery, "deliver_now", broken)
    announce(source_id=second.source_id, video_id=second.video_id, job_id=second.id)
    assert "nobody expected this" in caplog.text


def test_a_step_waits_no_longer_than_its_patience(channels: Channels, receiver: Receiver) -> None:
    channels(webhook(receiver, timeout=60), notification_patience=0.6)
    receiver.answers = [receiver.silence]
    job = publish()
    before = time.monotonic()
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job.id)
    assert time.monotonic() - before < 30, "its own timeout is a minute"


def test_only_of_one_source(hook: Receiver) -> None:
    with transaction("test") as connection:
        first, second = (probed_source(connection, key=f"acme/{name}.mp4") for name in "ab")
        for source in (first, second):
            sources.reject_source(connection, source.id, RejectionReason.EMPTY, "0 bytes")
    assert deliver_now(source_id=second.id, limit=1.0).delivered == 1
    assert hook.requests[0].document["source"]["id"] == second.id


def test_publishing_an_older_version_says_that_it_is_not_current(hook: Receiver) -> None:
    with transaction("test") as connection:
        old = verified_job(connection, probed_source(connection, version="v1"))
    publish(version="v2", last_modified="2026-06-01T00:00:00Z")
    from vodflow.catalog.publications import publish as publish_job  # noqa: PLC0415

    with transaction("test") as connection:
        publish_job(connection, old.id, [], [], f"s3://media/{old.prefix}/manifest.json")
    deliver_due()
    assert [request.document["publication"]["current"] for request in hook.requests] == [True, False]

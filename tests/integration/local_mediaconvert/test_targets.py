"""Job events on a real queue and a real event bus."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from local_mediaconvert.arns import Account
from local_mediaconvert.aws import client
from local_mediaconvert.jobs.events import event
from local_mediaconvert.jobs.outbox import BUS_SOURCE, to_bus, to_queue
from support.mediaconvert_jobs import until
from vodflow.settings import Settings
from vodflow.storage.clients import sqs_client

pytestmark = pytest.mark.integration

JOB = {"id": "1-abc", "arn": "arn:aws:mediaconvert:us-east-1:000000000000:jobs/1-abc", "queue": "arn:q"}


def one(number: int) -> dict[str, Any]:
    return event(Account(), JOB, "COMPLETE", time.time(), number=number, outputGroupDetails=[])


@pytest.fixture
def queue(aws: Settings, unique: Callable[[str], str]) -> str:
    return str(sqs_client(aws).create_queue(QueueName=unique("events"))["QueueUrl"])


def received(settings: Settings, url: str, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def complete() -> bool:
        answer = sqs_client(settings).receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found.extend(json.loads(item["Body"]) for item in answer.get("Messages", []))
        return len(found) >= number

    until(complete)
    return found


def test_a_queue_gets_events_as_eventbridge_would_deliver_them(aws: Settings, queue: str) -> None:
    sent = [one(number) for number in range(10)]
    assert to_queue(queue)([json.dumps(item) for item in sent]) == []
    found = received(aws, queue, 10)
    assert sorted(found, key=lambda item: item["detail"]["number"]) == sent
    assert set(sent[0]) == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"
    }  # fmt: skip


def test_a_queue_that_is_not_there_is_an_error_and_loses_nothing(aws: Settings, queue: str) -> None:
    with pytest.raises(Exception, match=r"[Qq]ueue"):
        to_queue(queue + "-gone")([json.dumps(one(1))])


def test_a_bus_gets_them_from_a_source_that_it_allows(aws: Settings, queue: str, unique: Callable[[str], str]) -> None:
    events = client("events")
    rule = unique("rule")
    pattern = {"source": [BUS_SOURCE], "detail": {"status": ["COMPLETE"], "jobId": ["1-abc"]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern), State="ENABLED")
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue.rpartition('/')[2]}"
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    sent = one(3)
    assert to_bus("default")([json.dumps(sent)]) == []
    (found,) = received(aws, queue, 1)
    assert found["detail"] == sent["detail"]
    assert (found["source"], found["detail-type"]) == (BUS_SOURCE, "MediaConvert Job State Change")
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)

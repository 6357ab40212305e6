"""What the demo shows of the metadata table and the notifications: what others were told of its videos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vodflow.catalog.database import transaction
from vodflow.catalog.sources import find_source
from vodflow.outcomes.dynamodb import items, updates
from vodflow.outcomes.dynamodb.sync import dynamodb_client
from vodflow.settings import get_settings
from vodflow.stack.demo.watch import Progress
from vodflow.stack.environment import ACCOUNT, given_settings
from vodflow.stack.outcome_resources import DEMO_TOPIC
from vodflow.stack.stack import Stack
from vodflow.storage.clients import sqs_client

#: Seconds an item may be behind the publication; the step that publishes sends it at its end.
PATIENCE = 30.0
_POLL = 0.5


@dataclass(frozen=True)
class OutcomeLines:
    """Lines for the screen, and what should have been told and was not."""

    lines: tuple[str, ...]
    complaints: tuple[str, ...] = ()


def is_on(stack: Stack) -> bool:
    """Whether the running stack was started with a metadata table: processes keep the settings they began with."""
    return bool(given_settings(stack.home).get("VODFLOW_DYNAMODB_TABLE"))


def outcome_lines(videos: Sequence[Progress], patience: float = PATIENCE) -> OutcomeLines:
    """Wait for the items of the videos that have their verdicts; count the messages of the topic.

    :param patience: seconds to wait at most
    """
    deadline = time.monotonic() + patience
    waiting = {video.upload.key: video for video in videos if video.row is not None}
    found: dict[str, str] = {}
    while True:
        for key, video in list(waiting.items()):
            found[key] = _status(video)
            if found[key] == video.verdict:
                del waiting[key]
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    counted = ", ".join(f"{count} {status}" for status, count in sorted(Counter(found.values()).items()))
    table = get_settings().dynamodb_table
    complaints = [
        f"The item of {video.upload.video.name} in {table} says {found[key]}, not {video.verdict}."
        for key, video in waiting.items()
    ]
    return OutcomeLines((f"DynamoDB table {table}: {counted}", *_messages()), tuple(complaints))


def _status(video: Progress) -> str:
    settings, upload = get_settings(), video.upload
    with transaction("demo") as connection:
        source = find_source(connection, upload.bucket, upload.key, upload.version)
    if source is None:
        return "nothing"
    key = updates.key(settings.dynamodb_key, items.key_values(source))
    answer: dict[str, Any] = dynamodb_client(settings).get_item(
        TableName=settings.dynamodb_table, Key=key, ConsistentRead=True
    )
    name = f"{settings.dynamodb_attribute_prefix}status"
    return str(answer.get("Item", {}).get(name, {}).get("S", "nothing"))


def _messages() -> list[str]:
    if DEMO_TOPIC not in str([getattr(channel, "topic_arn", "") for channel in get_settings().notifications]):
        return []
    url = f"{str(get_settings().aws_endpoint_url).rstrip('/')}/{ACCOUNT}/{DEMO_TOPIC}"
    attributes = sqs_client().get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    count = attributes["Attributes"]["ApproximateNumberOfMessages"]
    return [f"SNS topic {DEMO_TOPIC}: {count} messages in the queue {DEMO_TOPIC} that subscribes to it"]

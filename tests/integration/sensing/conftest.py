"""A watched bucket whose notifications go to a queue, a catalog, and counters of started runs."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import select, text
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.tables import source
from vodflow.sensing.queue import Message, receive
from vodflow.settings import Settings
from vodflow.stack.policies import queue_arn, queue_policy
from vodflow.storage.clients import sqs_client

_numbers = itertools.count(1)


@dataclass
class Runs:
    """Stands for whoever keeps the runs: refuses an id it has, as Airflow does."""

    started: Counter[int] = field(default_factory=Counter)

    def __call__(self, source: SourceRow) -> None:
        self.started[source.id] += 1


@dataclass
class Place:
    """The watched bucket and what the tests ask of it."""

    s3: S3Client
    bucket: str
    queue_url: str
    settings: Settings

    def put(self, key: str, body: bytes = b"video") -> str:
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"].strip('"')

    def send(self, body: str) -> None:
        sqs_client(self.settings).send_message(QueueUrl=self.queue_url, MessageBody=body)

    def lose_events(self) -> None:
        """Nobody is told of what is put from now on; what was put a moment ago may still be on its way."""
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})

    def wait_for_events(self, number: int) -> list[Message]:
        """The messages, received but not deleted."""
        found: list[Message] = []
        deadline = time.monotonic() + 60
        while len(found) < number and time.monotonic() < deadline:
            found += [one for batch in receive(self.queue_url, limit=number, settings=self.settings) for one in batch]
        assert len(found) == number
        return found

    def rows(self, columns: str = "key") -> list[tuple[object, ...]]:
        with transaction("test", self.settings) as connection:
            return [tuple(row) for row in connection.execute(select(text(columns)).select_from(source).order_by("id"))]

    def letters(self) -> list[tuple[object, ...]]:
        with transaction("test", self.settings) as connection:
            query = text("SELECT code, payload ->> 'body', occurrences FROM dead_letter ORDER BY id")
            return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def place(
    catalog: Settings, s3: S3Client, make_bucket: Callable[[], str], set_settings: Callable[..., Settings]
) -> Place:
    """Catalog, bucket and queue, joined by the settings; more settings of the rule come by ``watch``."""
    bucket = make_bucket()
    sqs = sqs_client()
    name = f"events-{next(_numbers)}"
    queue_url = sqs.create_queue(QueueName=name, Attributes={"Policy": queue_policy(name)})["QueueUrl"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": queue_arn(name), "Events": ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"]}
            ]
        },
    )
    settings = set_settings(watch=json.dumps([{"bucket": bucket}]), event_queue_url=queue_url)
    sqs.purge_queue(QueueUrl=queue_url)  # the test event, which the server sends before it answers
    return Place(s3, bucket, queue_url, settings)


@pytest.fixture
def watch(place: Place, set_settings: Callable[..., Settings]) -> Callable[..., Place]:
    """``watch(minimum_age=60)`` gives the bucket's rule other values."""

    def change(**rule: object) -> Place:
        place.settings = set_settings(watch=json.dumps([{"bucket": place.bucket, **rule}]))
        return place

    return change

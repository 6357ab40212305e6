"""The stack's table, topics and what the demo reads from them, on real AWS services."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.fixtures.values import probed_source, published_job
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.outcomes.announce import announce
from vodflow.outcomes.dynamodb.sync import dynamodb_client
from vodflow.settings import Settings
from vodflow.stack.demo.clips import DemoVideo
from vodflow.stack.demo.outcomes import outcome_lines
from vodflow.stack.demo.upload import Upload
from vodflow.stack.demo.watch import Progress
from vodflow.stack.outcome_resources import OutcomeResources, demo_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def client(aws: Settings) -> Iterator[Callable[[str], Any]]:
    def make(service: str) -> Any:
        return boto3.client(service, endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region)

    yield make
    dynamodb_client.cache_clear()


def switched_on(set_settings: Callable[..., Settings]) -> Settings:
    values = demo_settings("000000000000", "us-east-1")
    return set_settings(**{name.removeprefix("VODFLOW_").lower(): value for name, value in values.items()})


def test_everything_is_made_and_made_again(client: Callable[[str], Any], set_settings: Callable[..., Settings]) -> None:
    key = '[{"name": "pk", "value": "{tenant}"}, {"name": "sk", "value": "{video_id}", "type": "N"}]'
    fifo = {"type": "sns", "name": "fifo", "topic_arn": "arn:aws:sns:us-east-1:000000000000:ordered.fifo"}
    settings = set_settings(dynamodb_table="made-here", dynamodb_key=key, notifications=json.dumps([fifo]))
    resources = OutcomeResources(settings)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        resources.complete(client)
    for _ in range(2):
        resources.make(client)
        assert resources.complete(client)
    table = client("dynamodb").describe_table(TableName="made-here")["Table"]
    assert [(part["AttributeName"], part["KeyType"]) for part in table["KeySchema"]] == [
        ("pk", "HASH"),
        ("sk", "RANGE"),
    ]
    assert len(client("sns").list_subscriptions_by_topic(TopicArn=fifo["topic_arn"])["Subscriptions"]) == 1


def test_nothing_is_made_or_asked_for_when_nothing_is_configured(
    client: Callable[[str], Any], set_settings: Callable[..., Settings]
) -> None:
    def refuse(service: str) -> Any:
        raise AssertionError(service)

    resources = OutcomeResources(set_settings(dynamodb_table="", notifications="[]"))
    resources.make(refuse)
    assert resources.complete(refuse)


def progress(bucket: str = "footage", key: str = "acme/a.mp4") -> Progress:
    with transaction("test") as connection:
        (row,) = overview(connection, keys=[key], bucket=bucket, limit=1)
    video = DemoVideo(Path("a.mp4"), "a.mp4")
    return Progress(Upload(video, bucket, key, row.version, 1, fresh=True), row, over=True)


def test_the_demo_shows_what_others_were_told(
    catalog: Settings, client: Callable[[str], Any], set_settings: Callable[..., Settings]
) -> None:
    OutcomeResources(switched_on(set_settings)).make(client)
    with transaction("test") as connection:
        job = published_job(connection, probed_source(connection))
    late = outcome_lines([progress()], patience=0.0)
    assert late.complaints == ("The item of a.mp4 in vodflow-videos says nothing, not PUBLISHED.",)
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job.id)
    found = outcome_lines([progress()])
    assert found.complaints == ()
    assert found.lines == (
        "DynamoDB table vodflow-videos: 1 PUBLISHED",
        "SNS topic vodflow-outcomes: 1 messages in the queue vodflow-outcomes that subscribes to it",
    )

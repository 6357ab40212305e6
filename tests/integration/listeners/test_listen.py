"""What is accepted over HTTP reaches the pipelines' readers through a real SQS."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from vodflow.listeners import Accepted, Refused, Request, listen
from vodflow.sensing.intake import take_in
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

KEY = {"x-api-key": "key"}


@pytest.fixture
def queues(event_queues: dict[str, str], set_settings: Callable[..., Settings]) -> dict[str, str]:
    set_settings(listener_api_keys='["key"]')
    return event_queues


def post(document: Any) -> Accepted | Refused:
    return listen(Request(KEY, json.dumps(document).encode()))


def test_an_object_announced_over_http_becomes_a_source(
    catalog: Settings, queues: dict[str, str], s3: S3Client, source_bucket: str
) -> None:
    s3.put_object(Bucket=source_bucket, Key="acme/Größe 1.mp4", Body=b"video")
    record = {"s3": {"bucket": {"name": source_bucket}, "object": {"key": "acme/Gr%C3%B6%C3%9Fe+1.mp4"}}}
    answer = post({"Records": [{"eventName": "s3:ObjectCreated:Put", **record}]})
    assert answer.status == 202
    assert len(take_in([]).registered) == 1


def test_a_job_event_reaches_its_queue(queues: dict[str, str], aws: Settings) -> None:
    detail = {"jobId": "1-a", "status": "ERROR", "errorCode": 1040, "userMetadata": {}}
    answer = post({"source": "aws.mediaconvert", "detail-type": "MediaConvert Job State Change", "detail": detail})
    assert answer.status == 202
    sqs = boto3.client("sqs", endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region)
    (message,) = sqs.receive_message(QueueUrl=queues["mediaconvert"], WaitTimeSeconds=2)["Messages"]
    assert json.loads(message["Body"])["detail"] == detail


def test_a_queue_that_does_not_answer_asks_the_sender_to_try_again(
    queues: dict[str, str], set_settings: Callable[..., Settings]
) -> None:
    set_settings(aws_endpoint_url="http://127.0.0.1:9", event_queue_url="http://127.0.0.1:9/000000000000/x")
    document = {
        "Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]
    }
    assert post(document).status == 503
    assert listen(Request({}, b"{}")).status == 401

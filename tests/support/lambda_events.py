"""Events as AWS documents them, whole: of S3, EventBridge, SNS and SQS, as each of them calls a Lambda function.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
…/AmazonS3/latest/userguide/ev-events.html, …/lambda/latest/dg/with-sns.html, …/lambda/latest/dg/with-sqs.html.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote_plus

ETAG, VERSION, SEQUENCER = "d41d8cd98f00b204e9800998ecf8427e", "096fKKXTRTtl3on89fVO.nfljtsv6qko", "0055AED6DCD90281E5"


def s3_record(
    bucket: str, key: str, *, name: str = "ObjectCreated:Put", version: str | None = VERSION
) -> dict[str, Any]:
    """One record of an S3 notification; ``key`` is plain here and encoded there.

    :param version: none where the bucket keeps no versions
    """
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-west-2",
        "eventTime": "2026-05-01T12:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "172.16.0.1"},
        "responseElements": {
            "x-amz-request-id": "C3D13FE58DE4C810",
            "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "testConfigRule",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": 1024,
                "eTag": ETAG,
                **({"versionId": version} if version else {}),
                "sequencer": SEQUENCER,
            },
        },
    }  # fmt: skip


def s3(*records: dict[str, Any]) -> dict[str, Any]:
    """An S3 notification."""
    return {"Records": list(records)}


S3_TEST = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2014-10-13T15:57:02.089Z",
    "Bucket": "amzn-s3-demo-bucket",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
}


def eventbridge(bucket: str, key: str, *, version: str | None = VERSION) -> dict[str, Any]:
    """An event of S3 through EventBridge."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-05-01T12:00:00Z",
        "region": "ca-central-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 1024,
                "etag": ETAG,
                **({"version-id": version} if version else {}),
                "sequencer": SEQUENCER,
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def sns(message: Any) -> dict[str, Any]:
    """A function that subscribes to a topic."""
    topic = "arn:aws:sns:us-east-1:123456789012:uploads"
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{topic}:21be56ed-a058-49f5-8c98-aedd2564c486",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": "2026-05-01T12:00:00.000Z",
                    "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==",
                    "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ac565b8b.pem",
                    "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                    "Message": json.dumps(message),
                    "MessageAttributes": {},
                    "Type": "Notification",
                    "UnsubscribeUrl": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}",
                    "TopicArn": topic,
                    "Subject": "Amazon S3 Notification",
                },
            }
        ]
    }


def sns_to_sqs(message: Any) -> dict[str, Any]:
    """What a queue that subscribes to a topic receives."""
    told = sns(message)["Records"][0]["Sns"]
    renamed = {"SigningCertUrl": "SigningCertURL", "UnsubscribeUrl": "UnsubscribeURL"}
    return {renamed.get(name, name): value for name, value in told.items() if name != "MessageAttributes"}


def sqs(*bodies: Any) -> dict[str, Any]:
    """A batch of a queue; its messages are ``message-1``, ``message-2``, …"""
    records = []
    for number, body in enumerate(bodies, start=1):
        text = body if isinstance(body, str) else json.dumps(body)
        records.append(
            {
                "messageId": f"message-{number}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": text,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1777636800000",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1777636800010",
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
                "awsRegion": "us-east-2",
            }
        )
    return {"Records": records}

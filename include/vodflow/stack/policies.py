"""Who may read published media and who may not, who may send sources, and which services may send to the queues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vodflow.publication.player import LIBRARIES, PLAYER_NAME
from vodflow.stack.environment import ACCOUNT, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def let_players_read(s3: S3Client, bucket: str, prefix: str, origins: Sequence[str]) -> None:
    """Let everybody read the player and what lies below ``prefix``, and pages of ``origins`` by script.

    Safe to run twice.
    """
    names = (f"{prefix}/*" if prefix else "*", PLAYER_NAME, *LIBRARIES)
    readable = [f"arn:aws:s3:::{bucket}/{name}" for name in names]
    s3.delete_public_access_block(Bucket=bucket)
    _let_scripts_read(s3, bucket, origins)
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(Principal="*", Action="s3:GetObject", Resource=readable))


def _let_scripts_read(s3: S3Client, bucket: str, origins: Sequence[str]) -> None:
    rule: Any = {
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedOrigins": list(origins),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["Content-Length", "Content-Range", "ETag"],
        "MaxAgeSeconds": 3600,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def let_pages_send(s3: S3Client, bucket: str, origins: Sequence[str]) -> None:
    """Let scripts of pages of ``origins`` send what was signed for them. Safe to run twice."""
    rule: Any = {
        "AllowedMethods": ["PUT"],
        "AllowedOrigins": list(origins),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def keep_private(s3: S3Client, bucket: str, origins: Sequence[str] = ()) -> None:
    """Have nobody read a bucket but who signs requests with its owner's keys, or has an address that was so signed.

    Scripts of pages of ``origins`` may read what they have such an address for; so may those that the API leads there,
    for then a browser calls its page's origin ``null``. Safe to run twice.
    """
    _let_scripts_read(s3, bucket, [*origins, "null"])
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def queue_arn(name: str) -> str:
    """The ARN of a queue of the embedded stack."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def queue_policy(name: str) -> str:
    """Lets buckets, the event bus and topics send to a queue."""
    services = [f"{service}.amazonaws.com" for service in ("s3", "events", "sns")]
    return _policy(Principal={"Service": services}, Action="sqs:SendMessage", Resource=queue_arn(name))


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

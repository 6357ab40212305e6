"""Restores of archived objects, which take a server its time."""

from __future__ import annotations

import time

from mypy_boto3_s3 import S3Client


def is_under_way(s3: S3Client, bucket: str, key: str) -> bool:
    return 'ongoing-request="true"' in s3.head_object(Bucket=bucket, Key=key)["Restore"]


def wait_for_restore(s3: S3Client, bucket: str, key: str) -> None:
    deadline = time.monotonic() + 60
    while is_under_way(s3, bucket, key):
        assert time.monotonic() < deadline
        time.sleep(0.05)

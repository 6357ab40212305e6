"""Clients of the services that jobs read from, write to and tell of themselves."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from local_mediaconvert.settings import Settings, get_settings


@lru_cache(maxsize=8)
def client(service: str, settings: Settings | None = None) -> Any:
    """A boto3 client; one for a process, service and settings (boto3's clients are thread-safe)."""
    used = settings or get_settings()
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=used.aws_region,
        endpoint_url=used.aws_endpoint_url,
        config=Config(
            connect_timeout=5,
            read_timeout=used.aws_read_timeout,
            retries={"mode": "standard", "total_max_attempts": 5},
            max_pool_connections=20,
            # S3 presigns with version 2 in us-east-1 otherwise, which newer buckets refuse.
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if used.aws_endpoint_url else {},
        ),
    )

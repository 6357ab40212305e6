"""Clients of AWS: making one costs more than most calls do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vodflow.contract.plan import SourceRef
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import forget_clients, s3_client
from vodflow.storage.objects import presigned_get


def test_a_process_makes_one_client_for_its_settings() -> None:
    settings = get_settings()
    other = settings.model_copy(update={"aws_attempts": settings.aws_attempts + 1})
    assert s3_client() is s3_client(None) is s3_client(settings) is not s3_client(other)
    before = s3_client()
    forget_clients()
    assert s3_client() is not before


def test_addresses_to_read_from_are_the_regions_own(
    set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3's common host redirects requests for young buckets of other regions."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    set_settings(aws_endpoint_url="", aws_region="eu-central-1")
    url = presigned_get(SourceRef(bucket="footage", key="a b.mp4", version="v", version_id="v", size=1))
    assert url.startswith("https://footage.s3.eu-central-1.amazonaws.com/a%20b.mp4?")

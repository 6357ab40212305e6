"""Clients of AWS: making one costs more than most calls do."""

from __future__ import annotations

from vodflow.settings import get_settings
from vodflow.storage.clients import forget_clients, s3_client


def test_a_process_makes_one_client_for_its_settings() -> None:
    settings = get_settings()
    other = settings.model_copy(update={"aws_attempts": settings.aws_attempts + 1})
    assert s3_client() is s3_client(None) is s3_client(settings) is not s3_client(other)
    before = s3_client()
    forget_clients()
    assert s3_client() is not before

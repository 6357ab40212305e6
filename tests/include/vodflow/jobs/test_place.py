"""Under which key a file is noticed as whose video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from vodflow.errors import ConfigurationError
from vodflow.jobs.upload import place
from vodflow.settings import Settings
from vodflow.storage.send import MAX_PARTS, MAX_SIZE, part_size


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a b.MOV"
    path.write_bytes(b"video")
    return path


@pytest.mark.parametrize(
    ("rule", "tenant", "key"),
    [
        ({}, "acme", "acme/a b.MOV"),
        ({}, None, "a b.MOV"),
        ({"prefix": "inbox/", "tenant_pattern": "inbox/{tenant}/"}, "acme", "inbox/acme/a b.MOV"),
        ({"prefix": "inbox/", "tenant_pattern": "inbox/{tenant}/"}, None, "inbox/a b.MOV"),
        ({"prefix": "in/", "tenant_pattern": "in/x-{tenant}-y/"}, "acme", "in/x-acme-y/a b.MOV"),
        ({"tenant_pattern": "", "default_tenant": "archive"}, None, "a b.MOV"),
        ({"tenant_pattern": "", "default_tenant": "archive"}, "archive", "a b.MOV"),
    ],
)
def test_where_a_file_goes(
    rule: dict[str, object], tenant: str | None, key: str, video: Path, set_settings: Callable[..., Settings]
) -> None:
    settings = set_settings(watch=json.dumps([{"bucket": "footage", **rule}]))
    assert place(video, tenant=tenant, name=None, settings=settings) == ("footage", key)


def test_the_first_place_that_takes_it(video: Path, set_settings: Callable[..., Settings]) -> None:
    rules = [{"bucket": "masters", "suffixes": [".mxf"]}, {"bucket": "tiny", "maximum_size": 2}, {"bucket": "footage"}]
    settings = set_settings(watch=json.dumps(rules))
    assert place(video, tenant="acme", name="b.mp4", settings=settings) == ("footage", "acme/b.mp4")
    settings = set_settings(watch=json.dumps(rules[:2]))
    with pytest.raises(ConfigurationError, match=r"masters/acme/a b\.MOV: suffix; s3://tiny/acme/a b\.MOV: too_large"):
        place(video, tenant="acme", name=None, settings=settings)


def test_outputs_are_no_place_for_uploads(video: Path, set_settings: Callable[..., Settings]) -> None:
    settings = set_settings(watch='[{"bucket": "one", "prefix": "vod/"}]', media_bucket="one")
    with pytest.raises(ConfigurationError, match="output"):
        place(video, tenant=None, name=None, settings=settings)


@pytest.mark.parametrize("size", [0, 1, 16 * 1024**2, 16 * 1024**2 * MAX_PARTS, 16 * 1024**2 * MAX_PARTS + 1, MAX_SIZE])
def test_any_object_fits_into_s3s_parts(size: int) -> None:
    part = part_size(size)
    assert part >= 16 * 1024**2
    assert part % 1024**2 == 0
    assert -(-size // part) <= MAX_PARTS

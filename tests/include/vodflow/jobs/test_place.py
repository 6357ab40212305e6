"""Under which key a file is noticed as whose video."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from vodflow.errors import ConfigurationError
from vodflow.jobs.upload import place_of
from vodflow.sensing.rules import Places
from vodflow.settings import Settings
from vodflow.storage.send import MAX_PARTS, MAX_SIZE, part_size


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
    rule: dict[str, object], tenant: str | None, key: str, set_settings: Callable[..., Settings]
) -> None:
    settings = set_settings(watch=json.dumps([{"bucket": "footage", **rule}]))
    assert place_of("a b.MOV", 5, tenant, Places.of(settings)) == ("footage", key)


def test_a_name_with_folders_goes_below_the_default_tenants(set_settings: Callable[..., Settings]) -> None:
    settings = set_settings(watch=json.dumps([{"bucket": "footage", "default_tenant": "house"}]))
    assert place_of("x/b.mp4", 5, None, Places.of(settings)) == ("footage", "house/x/b.mp4")
    assert place_of("x/b.mp4", 5, "acme", Places.of(settings)) == ("footage", "acme/x/b.mp4")


def test_the_first_place_that_takes_it(set_settings: Callable[..., Settings]) -> None:
    rules = [{"bucket": "masters", "suffixes": [".mxf"]}, {"bucket": "tiny", "maximum_size": 2}, {"bucket": "footage"}]
    settings = set_settings(watch=json.dumps(rules))
    assert place_of("b.mp4", 5, "acme", Places.of(settings)) == ("footage", "acme/b.mp4")
    settings = set_settings(watch=json.dumps(rules[:2]))
    with pytest.raises(
        ConfigurationError,
        match=r"masters/acme/a b\.MOV: suffix: .*\.mxf; s3://tiny/acme/a b\.MOV: too_large: .* 2 bytes",
    ):
        place_of("a b.MOV", 5, "acme", Places.of(settings))


def test_outputs_are_no_place_for_uploads(set_settings: Callable[..., Settings]) -> None:
    settings = set_settings(watch='[{"bucket": "one", "prefix": "vod/"}]', media_bucket="one")
    with pytest.raises(ConfigurationError, match="output"):
        place_of("a b.MOV", 5, None, Places.of(settings))


@pytest.mark.parametrize("size", [0, 1, 16 * 1024**2, 16 * 1024**2 * MAX_PARTS, 16 * 1024**2 * MAX_PARTS + 1, MAX_SIZE])
def test_any_object_fits_into_s3s_parts(size: int) -> None:
    part = part_size(size)
    assert part >= 16 * 1024**2
    assert part % 1024**2 == 0
    assert -(-size // part) <= MAX_PARTS

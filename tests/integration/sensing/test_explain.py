"""Why an object is or is not taken, in words that agree with what sensing does."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product

import pytest
from integration.sensing.conftest import Place
from support.fixtures.values import media_info, published_job
from typer.testing import CliRunner
from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.catalog.sources import get_source
from vodflow.cli.sensing import app
from vodflow.contract.video_objects import VIDEO_SUFFIXES
from vodflow.errors import ConfigurationError, UnreadableReason
from vodflow.sensing.explain import explain
from vodflow.sensing.rules import Places, Watched, judge
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def told(name: str) -> str:
    result = CliRunner().invoke(app, ["explain", name])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("suffix", [".gif", ".h264", ".mp3", ".dv"])
def test_what_leaves_no_row_is_explained(place: Place, suffix: str) -> None:
    place.put(f"acme/a{suffix}")
    assert sweep().registered == 0
    said = told(f"acme/a{suffix}")
    assert f"s3://{place.bucket}/acme/a{suffix}: not taken (suffix)" in said
    assert f"rule 1 takes only keys that end with {' '.join(VIDEO_SUFFIXES)}" in said
    assert "in S3: 5 bytes, last modified" in said
    assert "in the catalog: no row" in said


def test_every_rule_has_its_say(watch: Callable[..., Place], set_settings: Callable[..., Settings]) -> None:
    place = watch()
    rules = [
        {"bucket": "elsewhere"},
        {"bucket": place.bucket, "prefix": "in/"},
        {"bucket": place.bucket, "minimum_size": 100},
        {"bucket": place.bucket, "maximum_size": 1},
        {"bucket": place.bucket, "minimum_age": 3600},
        {"bucket": place.bucket, "profile": "hd", "default_tenant": "ours", "tenant_pattern": "x"},
    ]
    set_settings(watch=json.dumps(rules))
    place.put("acme/a.mp4")
    (one,) = explain(f"s3://{place.bucket}/acme/a.mp4")
    assert one.why == "taken by rule 6 for tenant ours, profile hd"
    words = ["another bucket", "begin with in/", "below 100", "above 1 bytes", "after 3600 s", "takes it"]
    assert all(word in rule for word, rule in zip(words, one.rules, strict=True))
    assert [found.uri for found in explain("acme/a.mp4")] == [
        f"s3://{name}/acme/a.mp4" for name in ("elsewhere", place.bucket)
    ]


def test_it_agrees_with_sensing(place: Place, set_settings: Callable[..., Settings]) -> None:
    settings = set_settings(
        media_bucket=place.bucket,
        watch=json.dumps([{"bucket": place.bucket, "prefix": "in/"}, {"bucket": place.bucket, "suffixes": [".gif"]}]),
    )
    for folder, name in product(["in/", "vod/", ""], ["a.mp4", "a.gif", "A.MP4", "folder.mp4/b"]):
        (one,) = explain(f"{folder}{name}")
        assert one.taken == isinstance(judge(Places.of(settings), place.bucket, folder + name), Watched)
        assert one.taken == one.why.startswith("taken by")
    assert "Vodflow itself writes there" in told("vod/a.mp4")


def test_what_the_catalog_knows(place: Place) -> None:
    place.put("acme/a.mp4", b"one")
    sweep()
    assert "in the catalog: source 1, DISCOVERED" in told("acme/a.mp4")
    with transaction("test") as connection:
        sources.mark_probed(connection, 1, media_info())
        published_job(connection, get_source(connection, 1))
    assert "in the catalog: source 1, job 1, PUBLISHED, public" in told("acme/a.mp4")
    place.put("acme/a.mp4", b"two")
    assert "in the catalog: other bytes of this key, source 1, job 1, PUBLISHED" in told("acme/a.mp4")
    place.s3.delete_object(Bucket=place.bucket, Key="acme/a.mp4")
    assert "in S3: there is no such object" in told("acme/a.mp4")
    with transaction("test") as connection:
        sources.mark_unreadable(connection, 1, UnreadableReason.GONE, "deleted")
    place.s3.put_object(Bucket=place.bucket, Key="acme/b.mp4", Body=b"x", StorageClass="GLACIER")
    sweep()
    assert "UNREADABLE (archived: " in told("acme/b.mp4")
    document = json.loads(CliRunner().invoke(app, ["explain", "acme/b.mp4", "--json"]).output)
    assert document["objects"][0]["source"]["status"] == "UNREADABLE"


def test_nothing_to_explain_is_said(catalog: Settings, set_settings: Callable[..., Settings]) -> None:
    set_settings(watch="[]")
    with pytest.raises(ConfigurationError, match="VODFLOW_WATCH"):
        explain("a.mp4")
    with pytest.raises(ConfigurationError, match="no object"):
        explain("s3://bucket/")

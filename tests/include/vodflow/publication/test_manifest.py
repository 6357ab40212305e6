from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support import packaged
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.result import EngineResult, OutputObject
from vodflow.errors import PublicationError
from vodflow.publication.manifest import bucket_url, build_manifest, manifest_schema, validate_manifest
from vodflow.settings import Settings
from vodflow.verification import MeasuredRendition, Verification

GOLDEN = Path(__file__).with_name("manifest.golden.json")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass(frozen=True)
class Job:
    plan: TranscodePlan
    engine: str = "local"
    bucket: str = "vodflow-media"
    prefix: str = "vod/demo/clip/0123"
    queued_at: datetime = MOMENT
    encoded_at: datetime | None = MOMENT + timedelta(seconds=10)
    verified_at: datetime | None = MOMENT + timedelta(seconds=11)
    finished_at: datetime | None = MOMENT + timedelta(seconds=12)


def measured(name: str, kind: str, **fields: Any) -> MeasuredRendition:
    values = {"bytes": 375_000, "duration": 5.0, "segments": 3, "average_bitrate": 600_000, "peak_bitrate": 650_000}
    codec = "avc1.64001e" if kind == "video" else "mp4a.40.2"
    return MeasuredRendition(name=name, kind=kind, codec=codec, **{**values, **fields})


def verification() -> Verification:
    return Verification(
        bucket="vodflow-media",
        prefix="vod/demo/clip/0123",
        rules=("object-present", "decodes"),
        renditions=(
            measured("360p", "video", width=640, height=360, frame_rate="25/1", mp4_bytes=460_000),
            measured("180p", "video", width=320, height=180, frame_rate="25/1", mp4_bytes=207_000),
            measured("audio", "audio", channels=2, sample_rate=48_000),
        ),
        duration=5.0,
        objects=2,
        bytes=1_288_715,
        sizes={"hls/master.m3u8": 863, "thumbnails/thumb_00001.jpg": 3317},
        thumbnails=("thumbnails/thumb_00001.jpg",),
    )


def result() -> EngineResult:
    return EngineResult(
        bucket="vodflow-media",
        prefix="vod/demo/clip/0123",
        objects=(
            OutputObject(name="thumbnails/thumb_00001.jpg", size=3317, checksum="AAAAAA==", content_type="image/jpeg"),
            OutputObject(name="hls/master.m3u8", size=863, content_type="application/vnd.apple.mpegurl"),
        ),
        tracks=(),
        download_seconds=0.1, encode_seconds=2.5, package_seconds=0.2, upload_seconds=0.3, wall_seconds=3.2,
        cpu_seconds=4.5, speed=2.0,
    )  # fmt: skip


def build(job: Job | None = None, base_url: str | None = "http://127.0.0.1:9000/vodflow-media") -> dict[str, Any]:
    return build_manifest(job or Job(packaged.small_plan()), verification(), result(), base_url=base_url)


def test_the_whole_manifest() -> None:
    """Golden; write it anew with ``json.dumps(manifest, indent=2) + "\\n"`` when the change is meant."""
    assert json.dumps(build(), indent=2) + "\n" == GOLDEN.read_text()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(manifest_schema())


def test_times_do_not_depend_on_the_time_zone() -> None:
    job = Job(packaged.small_plan())
    elsewhere = replace(job, queued_at=MOMENT.astimezone(timezone(timedelta(hours=9))))
    assert build(elsewhere) == build(job)


def test_without_a_base_url_there_are_paths_only() -> None:
    manifest = build(base_url=None)
    assert manifest["outputs"]["hls"] == {"path": "hls/master.m3u8"}
    assert "http" not in json.dumps({key: manifest[key] for key in ("outputs", "poster", "thumbnails")})


def test_urls_are_quoted() -> None:
    manifest = build(replace(Job(packaged.small_plan()), prefix="vod/dé mo/clip+1"))
    assert manifest["outputs"]["hls"]["url"].endswith("/vodflow-media/vod/d%C3%A9%20mo/clip%2B1/hls/master.m3u8")


def test_only_planned_outputs_are_named() -> None:
    plan = packaged.small_plan((Output.DASH,), thumbnails=False)
    manifest = build(Job(plan))
    assert set(manifest["outputs"]) == {"dash"}
    assert manifest["poster"] is None
    assert manifest["thumbnails"] is None


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("schema_version", 2, "schema_version"),
        ("renditions", [], "renditions"),
        ("duration", -1, "duration"),
        ("outputs", {}, "outputs"),
        ("surprise", 1, "(top)"),
    ],
)
def test_a_broken_manifest_names_its_field(field: str, value: Any, named: str) -> None:
    with pytest.raises(PublicationError, match=f"field {named}".replace("(", r"\(").replace(")", r"\)")):
        validate_manifest({**build(), field: value})


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"public_base_url": "https://cdn.example.org/"}, "https://cdn.example.org"),
        ({"aws_endpoint_url": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/media"),
        ({"aws_region": "eu-west-1"}, "https://media.s3.eu-west-1.amazonaws.com"),
    ],
)
def test_where_a_bucket_is_served(settings: dict[str, str], url: str) -> None:
    assert bucket_url("media", Settings(**settings)) == url

"""Downloads and uploads against a real S3 API."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from s3transfer.manager import TransferCoordinatorController
from vodflow.errors import EngineCanceled, SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.copies import Outputs
from vodflow.storage.download import RANGE_SIZE, download
from vodflow.storage.objects import list_objects, parse_s3_uri, presigned_get, put_json, resolve_source
from vodflow.storage.send import send_file
from vodflow.storage.upload import PART_SIZE, checksums, upload_tree

pytestmark = pytest.mark.integration

KEY = "a b/é+ü 日本 100%.mp4"
#: Three ranges, the last one short; a pattern that no shifted or swapped range would reproduce.
LARGE = b"".join(i.to_bytes(4, "big") for i in range((2 * RANGE_SIZE + 1000) // 4))


@pytest.fixture
def bucket(make_bucket: Callable[[], str]) -> str:
    return make_bucket()


@pytest.fixture
def versioned(bucket: str, s3: S3Client) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_odd_keys_resolve_to_their_etag_and_download_whole(bucket: str, s3: S3Client, tmp_path: Path) -> None:
    etag = s3.put_object(Bucket=bucket, Key=KEY, Body=LARGE)["ETag"].strip('"')
    found = resolve_source(*parse_s3_uri(f"s3://{bucket}/{KEY}"))
    assert (found.ref.version, found.ref.version_id, found.ref.size) == (etag, None, len(LARGE))
    seen: list[int] = []
    download(found.ref, tmp_path / "file", seen.append)
    assert (tmp_path / "file").read_bytes() == LARGE
    assert seen == sorted(seen)
    assert seen[-1] == len(LARGE)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_overwritten_source_is_gone_without_versions(bucket: str, s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"first")
    ref = resolve_source(bucket, KEY).ref
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"other")
    with pytest.raises(SourceNotFound, match="overwritten"):
        download(ref, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_an_overwritten_source_is_still_there_with_versions(versioned: str, s3: S3Client, tmp_path: Path) -> None:
    version = s3.put_object(Bucket=versioned, Key=KEY, Body=LARGE)["VersionId"]
    first = resolve_source(versioned, KEY).ref
    s3.put_object(Bucket=versioned, Key=KEY, Body=b"second")
    assert first.version == first.version_id == version
    assert resolve_source(versioned, KEY).ref != first
    assert resolve_source(versioned, KEY, version).ref == first
    download(first, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == LARGE


def test_what_is_not_there(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="does not exist"):
        resolve_source(bucket, "nothing")
    with pytest.raises(SourceNotFound):
        resolve_source("no-such-bucket-here", "nothing")
    with pytest.raises(SourceNotFound):
        list_objects("no-such-bucket-here", "")


def test_an_empty_object_downloads_as_an_empty_file(bucket: str, s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    download(resolve_source(bucket, "empty").ref, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b""


def test_a_cancelled_download_leaves_nothing(bucket: str, s3: S3Client, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=LARGE)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(EngineCanceled):
        download(resolve_source(bucket, KEY).ref, tmp_path / "file", cancel=cancel)
    assert list(tmp_path.iterdir()) == []


def test_a_presigned_url_reads_without_credentials(bucket: str, s3: S3Client) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"picture")
    url = presigned_get(resolve_source(bucket, KEY).ref, 60)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"picture"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "hls/master.m3u8": b"#EXTM3U\n",
        "cmaf/video_360p/00001.m4s": b"segment",
        "mp4/video_360p.mp4": LARGE[: PART_SIZE + 5],
        "thumbnails/poster.jpg": b"jpeg",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_tree_arrives_whole_with_headers_and_checksums(tree: Path, bucket: str, s3: S3Client, aws: Settings) -> None:
    seen: list[int] = []
    objects = {item.name: item for item in upload_tree(tree, bucket, "vod/x", seen.append)}
    listed = list_objects(bucket, "vod/x")
    assert listed == {name: item.size for name, item in objects.items()}
    assert set(listed) == {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert max(seen) == sum(listed.values())
    for name, item in objects.items():
        head = s3.head_object(Bucket=bucket, Key=f"vod/x/{name}", ChecksumMode="ENABLED")
        sums = checksums(tree / name)
        assert item.checksum == sums.whole
        assert head["ChecksumCRC32"] == (sums.whole if item.size <= PART_SIZE else sums.composite)
        assert head["ContentType"] == item.content_type
        short = name.endswith(".m3u8")
        assert head["CacheControl"] == (aws.manifest_cache_control if short else aws.segment_cache_control)
    body = s3.get_object(Bucket=bucket, Key="vod/x/mp4/video_360p.mp4")["Body"].read()
    assert body == (tree / "mp4/video_360p.mp4").read_bytes()


def test_uploading_again_changes_nothing(tree: Path, bucket: str) -> None:
    first = upload_tree(tree, bucket, "again")
    assert upload_tree(tree, bucket, "again") == first
    assert len(list_objects(bucket, "again")) == len(first)


def test_a_cancelled_upload_stops(tree: Path, bucket: str) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(EngineCanceled):
        upload_tree(tree, bucket, "cancelled", cancel=cancel)
    assert list_objects(bucket, "cancelled") == {}


def test_upload_to_a_missing_bucket_is_said(tree: Path, aws: Settings) -> None:
    with pytest.raises(SourceNotFound, match="no-such-bucket-here"):
        upload_tree(tree, "no-such-bucket-here", "x")


def test_a_file_without_a_content_type_is_refused_before_anything_is_sent(tree: Path, bucket: str) -> None:
    (tree / "core.dump").write_bytes(b"x")
    with pytest.raises(KeyError, match="dump"):
        upload_tree(tree, bucket, "odd")


def test_listing_goes_over_several_pages(bucket: str, s3: S3Client) -> None:
    pages: list[object] = []
    s3_client(None).meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2}
    )
    s3_client(None).meta.events.register("after-call.s3.ListObjectsV2", lambda parsed, **_: pages.append(parsed))
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"many/{number:05d}", Body=b"")
    assert len(list_objects(bucket, "many")) == 5
    assert len(pages) == 3


def test_put_json_is_served_as_json(bucket: str, s3: S3Client, aws: Settings) -> None:
    put_json(bucket, "manifest.json", {"title": "Über"})
    answer = s3.get_object(Bucket=bucket, Key="manifest.json")
    assert answer["ContentType"] == "application/json"
    assert answer["CacheControl"] == aws.manifest_cache_control
    assert '"Über"' in answer["Body"].read().decode()


def test_s3s_own_error_is_never_lost(tree: Path, aws: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own upload_file loses it where a transfer is struck off late."""
    strike_off = TransferCoordinatorController.remove_transfer_coordinator

    def late(self: TransferCoordinatorController, transfer: Any) -> None:
        time.sleep(0.2)
        strike_off(self, transfer)

    monkeypatch.setattr(TransferCoordinatorController, "remove_transfer_coordinator", late)
    with pytest.raises(SourceNotFound, match="no-such-bucket-here"):
        upload_tree(tree / "mp4", "no-such-bucket-here", "x")
    with pytest.raises(SourceNotFound, match="no-such-bucket-here"):
        send_file(tree / "mp4/video_360p.mp4", "no-such-bucket-here", "a.mp4")


def test_what_was_changed_since_its_upload_is_told_by_its_checksum(bucket: str, s3: S3Client, tmp_path: Path) -> None:
    for name, size in (("small.mp4", 5), ("large.mp4", PART_SIZE + 5), ("gone.mp4", 5), ("other.mp4", 5)):
        (tmp_path / name).write_bytes(LARGE[:size])
    objects = {item.name: item.checksums for item in upload_tree(tmp_path, bucket, "films")}
    assert {name: len(checksums) for name, checksums in objects.items() if len(checksums) > 1} == {"large.mp4": 2}
    s3.delete_object(Bucket=bucket, Key="films/gone.mp4")
    s3.put_object(Bucket=bucket, Key="films/other.mp4", Body=b"12345", ChecksumAlgorithm="CRC32")
    assert Outputs(bucket, "films").unchanged(objects) == {"small.mp4", "large.mp4"}
    (tmp_path / "large.mp4").write_bytes(LARGE[1 : PART_SIZE + 6])
    upload_tree(tmp_path, bucket, "films")
    assert "large.mp4" not in Outputs(bucket, "films").unchanged(objects)

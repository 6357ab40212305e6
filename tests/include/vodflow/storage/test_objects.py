from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from vodflow.contract.plan import SourceRef
from vodflow.errors import AccountUnavailable, ConfigurationError, EngineError, SourceNotFound, StorageUnavailable
from vodflow.settings import Settings
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import parse_s3_uri, pin
from vodflow.storage.upload import cache_control, checksums, upload_order


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("s3://bucket/a.mp4", "a.mp4"),
        ("s3://bucket/a b/é+ü 日本?x=1#y%20z.mp4", "a b/é+ü 日本?x=1#y%20z.mp4"),
        ("S3://bucket//double//slash.mp4", "/double//slash.mp4"),
    ],
)
def test_keys_are_taken_as_they_stand(uri: str, key: str) -> None:
    assert parse_s3_uri(uri) == ("bucket", key)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("https://bucket/a.mp4", "not an S3 URI"),
        ("bucket/a.mp4", "not an S3 URI"),
        ("s3:///a.mp4", "no bucket"),
        ("s3://bucket", "no object"),
        ("s3://bucket/", "no object"),
        ("s3://bucket/folder/", "no object"),
    ],
)
def test_what_is_no_object_uri_is_said(uri: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        parse_s3_uri(uri)


def test_a_source_is_pinned_by_version_or_else_by_etag() -> None:
    plain = SourceRef(bucket="b", key="k", version="abc", size=1)
    assert pin(plain) == {"IfMatch": '"abc"'}
    assert pin(plain.model_copy(update={"version_id": "v7", "version": "v7"})) == {"VersionId": "v7"}


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (client_error("NoSuchKey"), SourceNotFound, False),
        (client_error("404"), SourceNotFound, False),
        (client_error("NoSuchBucket"), SourceNotFound, False),
        (client_error("PreconditionFailed"), SourceNotFound, False),
        (client_error("AccessDenied"), ConfigurationError, False),
        (client_error("400"), SourceNotFound, False),
        (client_error("SlowDown"), StorageUnavailable, True),
        (client_error("InternalError"), StorageUnavailable, True),
        (client_error("ExpiredToken"), AccountUnavailable, True),
        (client_error("Unheard"), EngineError, True),
        (ConnectTimeoutError(endpoint_url="http://x"), StorageUnavailable, True),
        (NoCredentialsError(), ConfigurationError, False),
    ],
)
def test_meaning_of_s3_errors(error: ClientError, kind: type[Exception], retryable: bool) -> None:
    found = storage_error(error, "read", "s3://b/k")
    assert type(found) is kind
    assert found.retryable is retryable
    assert "s3://b/k" in str(found)


def test_what_names_other_objects_goes_up_after_them() -> None:
    names = ["hls/master.m3u8", "manifest.json", "cmaf/a/1.m4s", "dash/manifest.mpd", "hls/a.m3u8", "mp4/a.mp4"]
    assert upload_order(names) == [
        ["cmaf/a/1.m4s", "mp4/a.mp4"],
        ["hls/a.m3u8"],
        ["dash/manifest.mpd", "hls/master.m3u8", "manifest.json"],
    ]
    assert upload_order(["mp4/a.mp4"]) == [["mp4/a.mp4"]]


def test_cache_lifetimes_by_kind() -> None:
    settings = Settings(segment_cache_control="long", manifest_cache_control="short")
    assert cache_control("hls/master.m3u8", settings) == "short"
    assert cache_control("cmaf/a/1.m4s", settings) == "long"


def test_checksums_as_s3_states_them(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"123456789")
    # 0xCBF43926 is the check value of CRC-32 (ISO-HDLC).
    assert checksums(file).whole == base64.b64encode(bytes.fromhex("cbf43926")).decode()
    parts = [b"1234", b"5678", b"9"]
    digests = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in parts)
    expected = base64.b64encode(zlib.crc32(digests).to_bytes(4, "big")).decode()
    found = checksums(file, part_size=4)
    assert found.composite == f"{expected}-3"
    assert found.whole == checksums(file).whole

"""One large file to S3: parts, checksums, once, and stopped in the middle."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, SourceNotFound
from vodflow.storage import send
from vodflow.storage.send import send_file

pytestmark = pytest.mark.integration

MIB = 1024**2


@pytest.fixture
def bucket(make_bucket: Callable[[], str]) -> str:
    return make_bucket()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two parts and a bit."""
    path = tmp_path / "large ü.mov"
    path.write_bytes(os.urandom(33 * MIB + 7))
    return path


@pytest.mark.parametrize("size", [0, 1, 16 * MIB, 33 * MIB + 7])
def test_every_byte_arrives_once(size: int, bucket: str, s3: S3Client, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(os.urandom(size))
    seen: list[int] = []
    found, new = send_file(path, bucket, "acme/a b+ü.mp4", metadata={"vodflow-outputs": "hls"}, progress=seen.append)
    assert new
    assert (found.ref.size, found.metadata) == (size, {"vodflow-outputs": "hls"})
    assert not size or seen[-1] == size
    stored = s3.get_object(Bucket=bucket, Key="acme/a b+ü.mp4")
    assert stored["Body"].read() == path.read_bytes()
    assert stored["ContentType"] == "video/mp4"
    again, new = send_file(path, bucket, "acme/a b+ü.mp4", metadata={"vodflow-outputs": "hls"})
    assert not new
    assert again.ref == found.ref
    # Other metadata, or one other byte, is another object.
    assert send_file(path, bucket, "acme/a b+ü.mp4")[1]
    path.write_bytes(os.urandom(size) if size > 1 else b"zz")
    assert send_file(path, bucket, "acme/a b+ü.mp4")[1]


def test_stopping_leaves_nothing(bucket: str, s3: S3Client, large: Path) -> None:
    cancel = threading.Event()
    with pytest.raises(EngineCanceled, match=r"acme/a\.mov was cancelled"):
        send_file(large, bucket, "acme/a.mov", progress=lambda _: cancel.set(), cancel=cancel)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_what_arrived_is_held_against_what_was_meant(
    bucket: str, s3: S3Client, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes the same key in the moment between the upload and the look at it."""
    sent = send._Sending.send

    def send_and_lose(self: send._Sending) -> None:
        sent(self)
        s3.put_object(Bucket=bucket, Key="acme/a.mov", Body=b"other", ChecksumAlgorithm="CRC32")

    monkeypatch.setattr(send._Sending, "send", send_and_lose)
    with pytest.raises(EngineError, match="is not what was sent: 5 bytes") as caught:
        send_file(large, bucket, "acme/a.mov")
    assert caught.value.retryable


def test_what_cannot_be_sent_is_said(bucket: str, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        send_file(tmp_path / "nothing.mov", bucket, "a.mov")
    with pytest.raises(ConfigurationError, match="is a folder"):
        send_file(tmp_path, bucket, "a.mov")
    with pytest.raises(SourceNotFound, match="no-such-bucket"):
        send_file(large, "no-such-bucket", "a.mov")
    monkeypatch.setattr(send, "MAX_SIZE", 1)
    with pytest.raises(ConfigurationError, match="holds at most 1"):
        send_file(large, bucket, "a.mov")

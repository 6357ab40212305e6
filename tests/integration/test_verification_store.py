"""Verification reads the same from S3 as from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from support import packaged
from vodflow.contract.plan import Output
from vodflow.errors import VerificationError
from vodflow.settings import Settings
from vodflow.verification import DirectoryStore, Rule, S3Store, verify

pytestmark = pytest.mark.integration


def test_s3_and_a_folder_are_the_same(
    aws: Settings, s3: S3Client, make_bucket: Callable[[], str], tmp_path: Path
) -> None:
    plan = packaged.small_plan((Output.HLS, Output.DASH, Output.MP4), seconds=3)
    packaged.make_outputs(plan, tmp_path / "out", tmp_path / "work")
    bucket, prefix = make_bucket(), "vod/a prefix/é+1"
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(tmp_path / 'out').as_posix()}")
    s3.put_object(Bucket=bucket, Key=f"{prefix}-other/hls/master.m3u8", Body=b"not ours")
    found = verify(plan, bucket, prefix, S3Store(aws))
    local = verify(plan, "", "", DirectoryStore(tmp_path / "out"))
    assert found == local.model_copy(update={"bucket": bucket, "prefix": prefix})

    key = f"{prefix}/cmaf/video_180p/00001.m4s"
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(VerificationError) as raised:
        verify(plan, bucket, prefix, S3Store(aws))
    assert raised.value.uri == f"s3://{bucket}/{key}"
    assert raised.value.rule == Rule.SEGMENT_NUMBERING


def test_ranges_and_missing_objects(aws: Settings, s3: S3Client, make_bucket: Callable[[], str]) -> None:
    bucket, store = make_bucket(), S3Store(aws)
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    assert store.read(bucket, "a") == b"0123456789"
    assert store.read(bucket, "a", 2, 3) == b"234"
    assert store.read(bucket, "a", 8, 100) == b"89"
    assert store.read(bucket, "a", 7) == b"789"
    assert store.read(bucket, "a", 10, 5) == b""
    with pytest.raises(FileNotFoundError, match=f"s3://{bucket}/b"):
        store.read(bucket, "b")

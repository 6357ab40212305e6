"""Jobs of the transcoder: real FFmpeg, packager and S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from local_mediaconvert.settings import Settings as LocalSettings
from mypy_boto3_s3 import S3Client
from support.transcode_jobs import TranscodeBench
from vodflow.settings import Settings


@pytest.fixture
def transcoder(s3: S3Client, aws: Settings, make_bucket: Callable[[], str], tmp_path: Path) -> TranscodeBench:
    work = tmp_path / "work"
    work.mkdir()
    return TranscodeBench(make_bucket(), work, LocalSettings(aws_endpoint_url=aws.aws_endpoint_url), s3)

"""Divided plans: real FFmpeg, packager and S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from support.engine_jobs import Bench
from vodflow.settings import Settings


@pytest.fixture
def bench(
    s3: S3Client, aws: Settings, make_bucket: Callable[[], str], tmp_path: Path, set_settings: Callable[..., Settings]
) -> Bench:
    work = tmp_path / "work"
    work.mkdir()
    return Bench(make_bucket(), make_bucket(), set_settings(work_dir=str(work), disk_reserve=0), s3)

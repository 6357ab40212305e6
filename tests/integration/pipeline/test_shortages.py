"""A helper that the machine kills, or cannot start, strands no video."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.states import JobStatus
from vodflow.engines.local.run_job import transcode_local
from vodflow.errors import ResourceError
from vodflow.pipeline.prepare import prepare_job
from vodflow.pipeline.publish import verify_and_publish
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def test_a_good_encode_outlives_a_check_that_was_killed(
    catalog: Settings,
    s3: S3Client,
    source_bucket: str,
    media_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    s3.put_object(Bucket=source_bucket, Key="acme/small.mp4", Body=clip("small").read_bytes())
    asked = {"source_uri": f"s3://{source_bucket}/acme/small.mp4", "profile": "sd", "outputs": ["mp4"]}
    job = prepare_job(TranscodeRequest.from_params(asked), "manual-1")
    assert transcode_local(job.id, run_id="manual-1")
    (killed := tmp_path / "ffmpeg").write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr("vodflow.verification.decode.ffmpeg_path", lambda: str(killed))
        with pytest.raises(ResourceError, match="Killed") as raised:
            verify_and_publish(job.id)
    assert raised.value.retryable
    with transaction("test") as connection:
        assert jobs.get_job(connection, job.id).status == JobStatus.VERIFYING
    assert verify_and_publish(job.id).manifest.startswith(f"s3://{media_bucket}/")

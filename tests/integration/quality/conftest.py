"""Published jobs to measure, on real PostgreSQL, S3 and FFmpeg."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.rows import JobRow
from vodflow.engines.local.run_job import transcode_local
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings

Publish = Callable[..., JobRow]


@pytest.fixture
def publish(catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str) -> Publish:
    """``publish("small", outputs=["hls"])``: the published job of a clip."""

    def make(name: str, **values: object) -> JobRow:
        key, run_id = f"acme/{name}.mp4", f"manual-{name}"
        s3.put_object(Bucket=source_bucket, Key=key, Body=clip(name).read_bytes())
        asked = {"source_uri": f"s3://{source_bucket}/{key}", "profile": "sd", **values}
        request = TranscodeRequest.from_params(asked)
        job = plan_job(probe_source(request, run_id), request, run_id)
        transcode_local(job.id, run_id=run_id)
        verify_job(job.id)
        publish_job(job.id)
        with transaction("test") as connection:
            return get_job(connection, job.id)

    return make

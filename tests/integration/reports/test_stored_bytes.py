"""What the reports say is stored is what S3 lists."""

from __future__ import annotations

from datetime import date

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.contract import layout
from vodflow.engines.local.run_job import transcode_local
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.reports import frames, refresh
from vodflow.settings import Settings
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.integration


def test_a_published_video(catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, today: date) -> None:
    s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=clip("small").read_bytes())
    request = TranscodeRequest.from_params({"source_uri": f"s3://{source_bucket}/acme/clip.mp4", "profile": "sd"})
    job = plan_job(probe_source(request, "manual-1"), request, "manual-1")
    transcode_local(job.id, run_id="manual-1")
    verify_job(job.id)
    publish_job(job.id)
    refresh.recompute([today])
    listed = list_objects(media_bucket, job.prefix)
    sizes = {name: getattr(found, "size", found) for name, found in listed.items()}
    growth = frames.read("storage_growth", today, today)
    # manifest.json is written last, and never verified: it is no artifact.
    assert growth["net_bytes"].sum() == sum(sizes.values()) - sizes[layout.MANIFEST]

"""A catalog, a watched bucket, and an Airflow that keeps runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from airflow_server import AirflowServer
from clips import clip
from mypy_boto3_s3 import S3Client
from vodflow.airflow_client import AirflowClient
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.probing import probe_source
from vodflow.pipeline.publishing import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.pipeline.transcoding import transcode_local
from vodflow.settings import Settings


@dataclass
class Place:
    """Where the tests work."""

    s3: S3Client
    bucket: str
    airflow: AirflowServer
    client: AirflowClient

    def put(self, key: str, body: bytes | None = None, **arguments: object) -> str:
        data = clip("small").read_bytes() if body is None else body
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data, **arguments)
        return f"s3://{self.bucket}/{key}"

    def carry_out(self, run_id: str, *, until: str = "publish") -> int:
        """What the tasks of this run do; returns the job's id."""
        request = TranscodeRequest.from_params(self.airflow.runs[run_id]["conf"])
        self.airflow.runs[run_id]["state"] = "running"
        job = plan_job(probe_source(request, run_id), request, run_id)
        steps = {"transcode": transcode_local, "verify": verify_job, "publish": publish_job}
        if until != "plan" and job.status != "PUBLISHED":
            for name, step in steps.items():
                step(job.id)
                if name == until:
                    break
            else:
                self.airflow.runs[run_id]["state"] = "success"
        return job.id


@pytest.fixture
def place(
    catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, set_settings: Callable[..., Settings]
) -> Iterator[Place]:
    with AirflowServer() as airflow:
        settings = set_settings(airflow_url=airflow.url, airflow_user=airflow.USER, airflow_password=airflow.PASSWORD)
        with AirflowClient.of(settings) as client:
            yield Place(s3, source_bucket, airflow, client)

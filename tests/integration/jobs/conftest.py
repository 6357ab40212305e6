"""A catalog, a watched bucket, and an Airflow that keeps runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from mypy_boto3_s3 import S3Client
from support.airflow_server import AirflowServer
from support.clips import clip
from support.fixtures.values import artifact, engine_result, rendition
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import JobRow
from vodflow.engines.local.run_job import transcode_local
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
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

    def carry_out(self, run_id: str, *, until: str = "publish", really: bool = False) -> int:
        """What the tasks of this run do; returns the job's id.

        :param really: encode and verify too; otherwise the catalog and ``manifest.json`` look as if that were done
        """
        request = TranscodeRequest.from_params(self.airflow.runs[run_id]["conf"])
        self.airflow.runs[run_id]["state"] = "running"
        job = plan_job(probe_source(request, run_id), request, run_id)
        if until == "plan":
            return job.id
        if job.status != "PUBLISHED":
            (_transcode if really else self._pretend)(job)
        self.airflow.runs[run_id]["state"] = "success"
        return job.id

    def _pretend(self, job: JobRow) -> None:
        manifest = f"{job.prefix}/manifest.json"
        with transaction("worker") as connection:
            jobs.begin(connection, job.id, engine="local", worker="host")
        with transaction("worker") as connection:
            jobs.store_result(connection, job.id, engine_result(job))
        with transaction("worker") as connection:
            made = [rendition(item.name) for item in job.plan.renditions]
            publish(connection, job.id, made, [artifact()], f"s3://{job.bucket}/{manifest}")
        self.s3.put_object(Bucket=job.bucket, Key=manifest, Body=b"{}")


def _transcode(job: JobRow) -> None:
    transcode_local(job.id)
    verify_job(job.id)
    publish_job(job.id)


@pytest.fixture
def place(
    catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, set_settings: Callable[..., Settings]
) -> Iterator[Place]:
    with AirflowServer() as airflow:
        settings = set_settings(airflow_url=airflow.url, airflow_user=airflow.USER, airflow_password=airflow.PASSWORD)
        with AirflowClient.of(settings) as client:
            yield Place(s3, source_bucket, airflow, client)

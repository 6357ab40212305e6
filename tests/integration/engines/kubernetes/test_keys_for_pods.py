"""A pod that encrypts gets its keys with its plan: sealed in S3, and opened with what its environment alone has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from sqlalchemy import select
from support.clips import clip
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.tables import job_attempt
from vodflow.engines.kubernetes.submit import submit_job
from vodflow.engines.local.order import KEY_VARIABLE, open_keys, split_order
from vodflow.keys import content_keys
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


class OnePod:
    """As much of a cluster as a submission asks: a pod is made once, and found again."""

    namespace = "video"

    def __init__(self) -> None:
        self.pods: dict[str, Mapping[str, Any]] = {}

    def create(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.pods.setdefault(manifest["metadata"]["name"], {**manifest, "status": {"phase": "Pending"}})

    def read(self, name: str) -> Mapping[str, Any] | None:
        return self.pods.get(name)

    def delete(self, name: str) -> bool:
        return self.pods.pop(name, None) is not None


@pytest.fixture
def job(
    catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, make_bucket: Callable[[], str],
    set_settings: Callable[..., Settings],
) -> JobRow:  # fmt: skip
    set_settings(
        protected_bucket=make_bucket(), sealing_keys=f'["{Fernet.generate_key().decode()}"]',
        kubernetes_namespace="video", kubernetes_image="worker:1",
    )  # fmt: skip
    s3.upload_file(str(clip("small")), source_bucket, "acme/clip.mp4")
    asked = {"source_uri": f"s3://{source_bucket}/acme/clip.mp4", "profile": "protected", "engine": "kubernetes"}
    request = TranscodeRequest.from_params(asked)
    return plan_job(probe_source(request, "run"), request, "run")


def environment(pod: Mapping[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}


def test_a_pod_opens_the_keys_behind_its_plan(job: JobRow, s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, keys = OnePod(), content_keys(job.plan, job.prefix)
    assert keys is not None
    submit_job(job.id, run_id="run", cluster=cluster)  # type: ignore[arg-type]
    (pod,) = cluster.pods.values()
    arguments = pod["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--bucket") + 1] == job.bucket
    uri = arguments[arguments.index("--plan") + 1]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    assert bucket == job.bucket, "the private one"
    order = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()

    secrets = [item.key for item in keys.keys]
    with transaction("test") as connection:
        attempts = str(connection.execute(select(job_attempt)).all())
    for text in (order, json.dumps(pod), attempts):
        assert not [secret for secret in secrets if secret in text]

    monkeypatch.setenv(KEY_VARIABLE, environment(pod)[KEY_VARIABLE])
    assert open_keys(split_order(order)[1]) == keys
    # A task that is tried again finds the pod, whose environment opens what is written anew.
    submit_job(job.id, run_id="run", cluster=cluster)  # type: ignore[arg-type]
    again = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert len(cluster.pods) == 1
    assert open_keys(split_order(again)[1]) == keys

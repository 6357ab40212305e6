"""``transcode_video`` in one process: every task, every way out."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.settings import Settings

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

WHOLE_WAY = {"prepare", "transcode_local", "publish"}


@pytest.fixture
def run(
    airflow_db: None,
    catalog: Settings,
    s3: S3Client,
    source_bucket: str,
    media_bucket: str,
    set_settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The DAG as it is where no other engine is configured."""
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    set_settings()
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[str, str]]:
        result = module.transcode_video().test(run_conf=conf)
        states = {task.task_id: str(task.state) for task in result.get_task_instances()}
        return str(result.state), states

    return start


def put(s3: S3Client, bucket: str, name: str) -> str:
    s3.put_object(Bucket=bucket, Key=f"acme/{name}.mp4", Body=clip(name).read_bytes())
    return f"s3://{bucket}/acme/{name}.mp4"


def test_publishes_then_finds_it_published(run: Any, s3: S3Client, source_bucket: str) -> None:
    conf = {"source_uri": put(s3, source_bucket, "small"), "profile": "sd", "outputs": ["hls", "mp4"]}
    state, tasks = run(**conf)
    assert state == "success"
    assert tasks == dict.fromkeys(WHOLE_WAY, "success")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == "PUBLISHED"
    # Once more by hand: `prepare` finds the work done and goes straight to publish.
    state, tasks = run(**conf)
    assert state == "success"
    assert tasks == {"prepare": "success", "transcode_local": "skipped", "publish": "success"}


def test_a_rejected_input_skips_the_rest(run: Any, s3: S3Client, source_bucket: str) -> None:
    state, tasks = run(source_uri=put(s3, source_bucket, "audio_only"))
    assert state == "success"
    assert tasks == dict.fromkeys(WHOLE_WAY, "skipped")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (row.verdict, row.job_id) == ("REJECTED", None)


@pytest.mark.parametrize(
    "conf",
    [
        {"source_uri": "ftp://somewhere/a.mp4"},
        {"source_uri": "s3://bucket/a.mp4", "priority": 101},
        {"source_uri": "s3://bucket/a.mp4", "outputs": ["avi"]},
        {"source_uri": "s3://bucket/a.mp4", "engine": "abacus"},
        {"source_uri": "s3://bucket/a.mp4", "engine": "mediaconvert"},
        {"source_uri": "s3://bucket/a.mp4", "force": "yes"},
    ],
)
def test_the_form_refuses_wrong_values(run: Any, conf: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError, match=next(iter(set(conf) - {"source_uri"}), "source_uri")):
        run(**conf)


def test_what_does_not_exist_fails_at_once(run: Any, source_bucket: str) -> None:
    state, tasks = run(source_uri=f"s3://{source_bucket}/nothing.mp4")
    assert state == "failed"
    assert tasks["prepare"] == "failed"
    assert tasks["publish"] == "upstream_failed"

"""A protected video's way through the pipeline: where it goes, who may read it, and where its keys are not."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from sqlalchemy import MetaData, select, text
from support.clips import clip
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus, MeasurementState
from vodflow.engines.chunks.steps import join_parts, make_part, parts_to_make
from vodflow.engines.local import worker_process
from vodflow.engines.local.run_job import transcode_local
from vodflow.errors import ConfigurationError
from vodflow.jobs import delete_outputs
from vodflow.keys import content_keys
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import verify_and_publish
from vodflow.pipeline.request import TranscodeRequest
from vodflow.quality.measure import measure_job
from vodflow.settings import Settings
from vodflow.stack.policies import keep_private
from vodflow.storage.copies import Outputs
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.integration

PROFILE = """
description: quick
access: token
outputs: [hls, dash]
encryption: {scheme: cbcs, systems: [clearkey], keys: kinds}
preset: ultrafast
segment_duration: 2
rungs: [{name: 240p, height: 240, bitrate: 400k}, {name: 144p, height: 144, bitrate: 200k}]
"""


@pytest.fixture
def protected(make_bucket: Callable[[], str], s3: S3Client) -> str:
    name = make_bucket()
    keep_private(s3, name)
    return name


@pytest.fixture
def site(
    catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, protected: str, tmp_path: Path,
    set_settings: Callable[..., Settings],
) -> Callable[..., JobRow]:  # fmt: skip
    """Registers a clip with the profile above, and plans it."""
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (profiles / "quick.yaml").write_text(PROFILE)
    set_settings(
        profiles_dir=str(profiles), protected_bucket=protected, sealing_keys=f'["{Fernet.generate_key().decode()}"]',
        default_profile="quick",
    )  # fmt: skip

    def plan(name: str = "small") -> JobRow:
        s3.upload_file(str(clip(name)), source_bucket, "acme/clip.mp4")
        request = TranscodeRequest.from_params({"source_uri": f"s3://{source_bucket}/acme/clip.mp4"})
        return plan_job(probe_source(request, "manual-1"), request, "manual-1")

    return plan


def reread(job: JobRow) -> JobRow:
    with transaction("test") as connection:
        return get_job(connection, job.id)


def test_outputs_go_to_the_private_bucket_and_have_no_address(
    site: Callable[..., JobRow], s3: S3Client, protected: str, media_bucket: str
) -> None:
    job = site()
    assert (job.bucket, job.plan.access) == (protected, "token")
    transcode_local(job.id, run_id="manual-1")
    published = verify_and_publish(job.id)
    assert (published.manifest_url, published.player_url) == (None, None)
    assert list_objects(media_bucket, "") == {}
    names = list_objects(protected, job.prefix)
    assert {"hls/master.m3u8", "dash/manifest.mpd", "manifest.json"} <= set(names)
    manifest = json.loads(s3.get_object(Bucket=protected, Key=f"{job.prefix}/manifest.json")["Body"].read())
    assert manifest["access"] == "token"
    assert manifest["encryption"] == {"scheme": "cbcs", "systems": ["clearkey"]}
    assert '"url"' not in json.dumps(manifest)
    assert {"encrypted", "encryption-keys", "encryption-signals"} <= set(manifest["verification"]["rules"])


def test_nobody_reads_the_private_bucket_without_a_signature(
    site: Callable[..., JobRow], aws: Settings, protected: str
) -> None:
    job = site()
    transcode_local(job.id, run_id="manual-1")
    stranger = boto3.client(
        "s3", endpoint_url=aws.aws_endpoint_url, region_name=aws.aws_region,
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )  # fmt: skip
    for name in (*list_objects(protected, job.prefix), "nothing"):
        with pytest.raises(ClientError) as refused:
            stranger.get_object(Bucket=protected, Key=f"{job.prefix}/{name}")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {403, 404}, name


def test_without_a_private_bucket_it_is_said_what_to_set(
    site: Callable[..., JobRow], set_settings: Callable[..., Settings]
) -> None:
    set_settings(protected_bucket="")
    with pytest.raises(ConfigurationError, match="Set VODFLOW_PROTECTED_BUCKET"):
        site()


def test_its_quality_is_measured_and_its_outputs_can_be_deleted(site: Callable[..., JobRow], protected: str) -> None:
    job = site()
    transcode_local(job.id, run_id="manual-1")
    verify_and_publish(job.id)
    assert measure_job(job.id) == MeasurementState.MEASURED
    with transaction("test") as connection:
        measured = text("SELECT vmaf FROM rendition_measurement WHERE vmaf IS NOT NULL")
        found = connection.execute(measured).scalars().all()
        connection.execute(text("DELETE FROM publication"))
    assert len(found) == 2
    assert min(found) > 20, "the pictures are those of the source"
    delete_outputs(job.id)
    assert list_objects(protected, job.prefix) == {}
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(*) FROM content_key")) == 0, "nobody opens a copy that was kept"


def test_another_try_has_the_same_keys(site: Callable[..., JobRow], protected: str) -> None:
    job = site()
    first = content_keys(job.plan, job.prefix)
    transcode_local(job.id, run_id="manual-1")
    before = key_ids(protected, job)
    with transaction("test") as connection:
        connection.execute(text("UPDATE job_attempt SET outcome = 'failed', finished_at = now()"))
    assert content_keys(job.plan, job.prefix) == first
    assert before == {key.key_id for key in first.keys}  # type: ignore[union-attr]


def key_ids(bucket: str, job: JobRow) -> set[str]:
    read = Outputs(bucket, job.prefix).read(["dash/manifest.mpd"])["dash/manifest.mpd"].decode()
    return {found.replace("-", "") for found in re.findall(r'default_KID="([^"]+)"', read)}


@pytest.fixture(params=["fork", "new process"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which a worker gets its process, and its keys."""
    monkeypatch.setattr(worker_process, "can_fork", lambda: request.param == "fork")


@pytest.mark.usefixtures("way")
def test_keys_are_nowhere_in_the_clear(site: Callable[..., JobRow], caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the catalog, nor in logs, nor in anybody's arguments, nor in the plan."""
    job = site()
    keys = content_keys(job.plan, job.prefix)
    assert keys is not None
    secrets = [item.key for item in keys.keys]
    stop, seen = threading.Event(), set[str]()

    def watch() -> None:
        while not stop.is_set():
            for process in psutil.process_iter(["cmdline"]):
                seen.add(" ".join(process.info["cmdline"] or ()))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    logs = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(logs)
    watcher.start()
    try:
        with caplog.at_level(logging.DEBUG):
            transcode_local(job.id, run_id="manual-1")
            verify_and_publish(job.id)
    finally:
        stop.set()
        watcher.join()
        logging.getLogger().removeHandler(logs)
    dumped = "\n".join(_dump())
    assert job.prefix in dumped
    assert "transcode" in dumped
    for secret in secrets:
        for form in (secret, secret.upper(), bytes.fromhex(secret).decode("latin-1")):
            assert form not in dumped
            assert form not in caplog.text
            assert not [argument for argument in seen if form in argument]
            assert form not in reread(job).plan.to_json()


def _dump() -> Iterator[str]:
    """Every row of every table."""
    with transaction("test") as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                yield f"{table.name} {tuple(row)!r}"


def test_a_divided_plan_is_encrypted_when_its_parts_are_joined(
    site: Callable[..., JobRow], set_settings: Callable[..., Settings], protected: str
) -> None:
    set_settings(strategy="chunks", chunk_seconds=10)
    job = site("moving_twice")
    assert [part["name"] for part in parts_to_make(job.id)] == ["audio", "chunk-001", "chunk-002"]
    for part in parts_to_make(job.id):
        make_part(job.id, part["name"], run_id="manual-1")
    join_parts(job.id, run_id="manual-1")
    verify_and_publish(job.id)
    assert reread(job).status == JobStatus.PUBLISHED
    assert list_objects(protected, "work") == {}


def test_the_plan_in_hand_says_what_is_asked(site: Callable[..., JobRow]) -> None:
    plan: Any = json.loads(site().plan.to_json())
    assert plan["access"] == "token"
    assert plan["packaging"]["encryption"]["scheme"] == "cbcs"

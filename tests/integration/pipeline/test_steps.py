"""One video's way through the five steps, on real PostgreSQL, S3 and FFmpeg, without Airflow."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from pydantic import BaseModel
from support.clips import clip
from vodflow.catalog import jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.overview import overview
from vodflow.catalog.publications import get_publication
from vodflow.catalog.rows import JobRow
from vodflow.catalog.sources import get_source
from vodflow.catalog.states import JobStatus, PartState, SourceStatus
from vodflow.contract.result import EngineResult
from vodflow.engines.kubernetes.wait import _Listener
from vodflow.engines.local import run_job
from vodflow.engines.local.run_job import transcode_local
from vodflow.engines.local.worker_process import run_part, run_worker
from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    ProfileError,
    RejectionReason,
    SourceNotFound,
    SourceUnreadable,
    UnreadableReason,
    VerificationError,
)
from vodflow.media import probe as media_probe
from vodflow.pipeline import prepare
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.integration


@pytest.fixture
def upload(catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str) -> Any:
    def put(source: str | bytes, key: str = "acme/clip.mp4") -> str:
        body = clip(source).read_bytes() if isinstance(source, str) else source
        s3.put_object(Bucket=source_bucket, Key=key, Body=body)
        return f"s3://{source_bucket}/{key}"

    return put


def ask(uri: str, **values: Any) -> TranscodeRequest:
    return TranscodeRequest.from_params({"source_uri": uri, "profile": "sd"} | values)


def until_planned(request: TranscodeRequest, run_id: str = "manual-1") -> JobRow:
    return plan_job(probe_source(request, run_id), request, run_id)


def all_the_way(request: TranscodeRequest, run_id: str = "manual-1") -> JobRow:
    job = until_planned(request, run_id)
    transcode_local(job.id, run_id=run_id)
    verify_job(job.id)
    publish_job(job.id)
    return reread(job)


def reread(job: JobRow) -> JobRow:
    with transaction("test") as connection:
        return get_job(connection, job.id)


def test_upload_to_publication_and_again(upload: Any, s3: S3Client, media_bucket: str) -> None:
    uri = upload("small", "acme/Größe & mehr+1.mp4")
    job = all_the_way(ask(uri))
    assert job.status == JobStatus.PUBLISHED
    assert job.prefix.startswith("vod/acme/groesse-mehr-1-") or job.prefix.startswith("vod/acme/grosse-mehr-1-")
    names = set(list_objects(media_bucket, job.prefix))
    assert {"manifest.json", "hls/master.m3u8", "dash/manifest.mpd", "mp4/video_360p.mp4"} <= names

    def manifest() -> Any:
        body = s3.get_object(Bucket=media_bucket, Key=f"{job.prefix}/manifest.json")["Body"].read()
        return json.loads(body), body

    document, first = manifest()
    assert document["source"]["key"] == uri.split("/", 3)[3]
    # The same request once more: no engine work, the same publication, the same bytes.
    again = until_planned(ask(uri), "manual-2")
    assert (again.id, again.status) == (job.id, JobStatus.PUBLISHED)
    publish_job(job.id)
    assert manifest()[1] == first
    with transaction("test") as connection:
        (row,) = overview(connection)
        assert (row.verdict, row.rungs) == (JobStatus.PUBLISHED, ["360p", "240p"])
        assert row.encode_speed
        assert get_publication(connection, job.video_id).job_id == job.id


def test_force_makes_new_outputs_and_flips(upload: Any) -> None:
    uri = upload("small")
    first = all_the_way(ask(uri, outputs=["mp4"]))
    forced = ask(uri, outputs=["mp4"], force=True)
    second = all_the_way(forced, "manual-2")
    assert second.id != first.id
    assert second.prefix != first.prefix
    # A retry of the forced run finds its own work, and makes no third.
    assert until_planned(forced, "manual-2").id == second.id
    with transaction("test") as connection:
        assert get_publication(connection, first.video_id).job_id == second.id


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", RejectionReason.NOT_A_VIDEO),
        ("audio_only", RejectionReason.NO_VIDEO_TRACK),
        ("truncated", RejectionReason.TRUNCATED),
        ("empty", RejectionReason.EMPTY),
    ],
)
def test_bad_inputs_are_rejected_by_name(upload: Any, name: str, reason: RejectionReason) -> None:
    request = ask(upload(name))
    for run_id in ("manual-1", "manual-2"):
        with pytest.raises(InputRejected) as caught:
            probe_source(request, run_id)
        assert caught.value.reason is reason
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == SourceStatus.REJECTED
    assert row.reason is not None
    assert row.reason.startswith(f"{reason.value}: ")


def test_limits_are_checked_and_force_tries_again(upload: Any, set_settings: Any) -> None:
    uri = upload("small")
    set_settings(max_duration=1)
    with pytest.raises(InputRejected, match="too_long"):
        probe_source(ask(uri), "manual-1")
    set_settings(max_duration=60)
    with pytest.raises(InputRejected, match="too_long"):
        probe_source(ask(uri), "manual-2")
    source_id = probe_source(ask(uri, force=True), "manual-3")
    with transaction("test") as connection:
        assert get_source(connection, source_id).status == SourceStatus.PROBED


def test_an_overwritten_source_is_gone_and_the_new_one_works(upload: Any, s3: S3Client, source_bucket: str) -> None:
    uri = upload("small")
    source_id = probe_source(ask(uri), "manual-1")
    with transaction("test") as connection:
        old = get_source(connection, source_id)
    upload("silent")
    with pytest.raises(SourceUnreadable) as caught:
        probe_source(TranscodeRequest(source_id=source_id, force=True), "source-1")
    assert caught.value.reason is UnreadableReason.GONE
    new_id = probe_source(ask(uri), "manual-2")
    assert new_id != source_id
    with transaction("test") as connection:
        new = get_source(connection, new_id)
    assert new.video_id == old.video_id


@pytest.mark.parametrize("archived", [False, True])
def test_a_source_that_goes_while_its_job_waits_is_made_when_it_is_back(
    upload: Any, s3: S3Client, source_bucket: str, archived: bool
) -> None:
    """Deleted, or moved to an archive, after it was planned; then put again."""
    uri = upload("small")
    job = until_planned(ask(uri, outputs=["mp4"]))
    if archived:
        body = clip("small").read_bytes()
        s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=body, StorageClass="GLACIER")
    else:
        s3.delete_object(Bucket=source_bucket, Key="acme/clip.mp4")
    reason = UnreadableReason.ARCHIVED if archived else UnreadableReason.GONE
    with pytest.raises(SourceUnreadable) as caught:
        transcode_local(job.id, run_id="manual-1")
    assert caught.value.reason is reason
    failed = reread(job)
    assert (failed.status, failed.error_code, failed.retryable) == (JobStatus.FAILED, reason.value, False)
    with transaction("test") as connection:
        (row,) = overview(connection)
        assert row.verdict == SourceStatus.UNREADABLE
        assert row.reason is not None
        assert row.reason.startswith(f"{reason.value}: ")
        assert row.over
    # Whoever runs it by hand meanwhile hears the same.
    with pytest.raises(SourceUnreadable):
        probe_source(TranscodeRequest(source_id=job.source_id), "source-1")
    upload("small")
    again = all_the_way(ask(uri, outputs=["mp4"]), "manual-2")
    assert (again.id, again.status) == (job.id, JobStatus.PUBLISHED)
    with transaction("test") as connection:
        assert get_source(connection, job.source_id).status == SourceStatus.PROBED


def test_bytes_that_were_replaced_while_they_were_read_are_not_judged(
    upload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = upload("small")

    def replaced(*arguments: Any) -> Any:
        upload("text")
        return media_probe.probe(*arguments)

    monkeypatch.setattr(prepare, "probe", replaced)
    with pytest.raises(SourceUnreadable, match="gone"):
        probe_source(ask(uri), "manual-1")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == SourceStatus.UNREADABLE


def test_what_does_not_exist_is_said(upload: Any, source_bucket: str) -> None:
    with pytest.raises(SourceNotFound, match=r"nothing\.mp4"):
        probe_source(ask(f"s3://{source_bucket}/nothing.mp4"), "manual-1")
    source_id = probe_source(ask(upload("small")), "manual-1")
    with pytest.raises(ProfileError, match="cinema"):
        plan_job(source_id, TranscodeRequest(source_id=source_id, profile="cinema"), "manual-1")
    with pytest.raises(ConfigurationError):
        ask("s3://bucket-only")


@pytest.mark.parametrize("ends_well", [False, True])
def test_a_process_that_was_taken_for_dead_has_no_say_in_the_next_attempt(
    upload: Any, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    job = until_planned(ask(upload("small")))

    def stopped_for_a_while(*arguments: Any, **named: Any) -> EngineResult:
        with transaction("test") as connection:
            jobs.begin(connection, job.id, engine="local", worker="another", run_id="manual-1")
        if not ends_well:
            raise EngineCanceled("The task was killed.")
        return run_worker(*arguments, **named)

    monkeypatch.setattr(run_job, "run_worker", stopped_for_a_while)
    with pytest.raises(EngineError if ends_well else EngineCanceled):
        transcode_local(job.id, run_id="manual-1")
    assert reread(job).status == JobStatus.PROGRESSING


def test_a_broken_output_publishes_nothing_and_can_be_repaired(upload: Any, s3: S3Client, media_bucket: str) -> None:
    job = until_planned(ask(upload("small")))
    transcode_local(job.id, run_id="manual-1")
    victim = f"{job.prefix}/cmaf/video_360p/00001.m4s"
    s3.delete_object(Bucket=media_bucket, Key=victim)
    with pytest.raises(VerificationError, match=r"cmaf/video_360p/00001\.m4s"):
        verify_job(job.id)
    failed = reread(job)
    assert failed.status == JobStatus.FAILED
    assert failed.error_code
    assert "manifest.json" not in list_objects(media_bucket, job.prefix)
    # Clearing the engine's task is all it takes.
    transcode_local(job.id, run_id="manual-1")
    verify_job(job.id)
    publish_job(job.id)
    assert reread(job).status == JobStatus.PUBLISHED


def test_cancel_is_recorded_and_the_next_try_succeeds(upload: Any) -> None:
    job = until_planned(ask(upload("plain")))
    cancel = threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    with pytest.raises(EngineCanceled):
        transcode_local(job.id, run_id="manual-1", cancel=cancel)
    timer.cancel()
    assert reread(job).status == JobStatus.CANCELED
    transcode_local(job.id, run_id="manual-1")
    assert reread(job).status == JobStatus.VERIFYING
    # The same task once more, as after a lost answer: nothing is encoded again.
    before = reread(job).result
    transcode_local(job.id, run_id="manual-1")
    assert reread(job).result == before


def test_no_work_files_are_left(upload: Any, set_settings: Any, tmp_path: Path) -> None:
    set_settings(work_dir=tmp_path)
    all_the_way(ask(upload("small"), outputs=["hls"]))
    assert list(tmp_path.iterdir()) == []


def test_the_parts_that_one_pod_says_it_has_made_are_noted_once(upload: Any, set_settings: Any) -> None:
    set_settings(strategy="chunks", chunk_seconds=10)
    job = until_planned(ask(upload("moving_twice"), outputs=["mp4"]))
    said: list[BaseModel] = []
    said.append(run_worker(job.plan, job.bucket, job.prefix, on_part=said.append))
    for pod in ("media/first", "media/second"):  # of the same lines, heard once more
        listener = _Listener(job.id, pod)
        for line in said:
            listener.hear(line.model_dump_json())
            listener.write()
        with transaction("test") as connection:
            rows = part_rows.parts_of(connection, job.id)
        assert [(row.part, row.state, row.worker, row.attempt) for row in rows] == [
            (name, PartState.DONE, "media/first", 1) for name in ("audio", "chunk-001", "chunk-002")
        ]
        assert all(row.size_bytes and row.seconds for row in rows)


def test_a_plan_divided_on_one_machine_notes_its_parts_and_makes_what_is_missing(
    upload: Any, set_settings: Any
) -> None:
    set_settings(strategy="chunks", chunk_seconds=10)
    job = until_planned(ask(upload("moving_twice"), outputs=["mp4"]))
    earlier = run_part(job.plan, "chunk-002", job.bucket, job.prefix)
    for attempt in (1, 2):  # the second one finds the work done
        assert transcode_local(job.id, run_id=f"manual-{attempt}", host="machine")
        with transaction("test") as connection:
            rows = part_rows.parts_of(connection, job.id)
        assert [(row.part, row.state, row.worker, row.attempt) for row in rows] == [
            (name, PartState.DONE, "machine", 1) for name in ("audio", "chunk-001", "chunk-002")
        ]
        assert rows[2].cpu_seconds == earlier.cpu_seconds
        assert all(row.size_bytes and row.seconds for row in rows)
    verify_job(job.id)

"""One video's way with a metadata table and a webhook: what others see while it goes on, and while they are away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import text
from support.clips import clip
from support.fixtures.dynamodb import TestTable
from support.fixtures.receiver import Receiver
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.rows import JobRow
from vodflow.engines.local.run_job import transcode_local
from vodflow.errors import EngineCanceled, InputRejected, VerificationError
from vodflow.outcomes import announce
from vodflow.outcomes.announce import ProgressFeed, deliver_outcomes
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.integration

EVENTS = ["published", "failed", "rejected", "canceled"]


@pytest.fixture
def site(
    catalog: Settings,
    s3: S3Client,
    source_bucket: str,
    media_bucket: str,
    table: TestTable,
    receiver: Receiver,
    set_settings: Callable[..., Settings],
) -> Callable[..., TranscodeRequest]:
    """``site("small")`` uploads that clip and returns the request for it; everything is switched on."""
    channel = {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s", "events": EVENTS, "timeout": 60}
    set_settings(notifications=json.dumps([channel]), dynamodb_timeout=30, notification_patience=60)

    def ask(name: str) -> TranscodeRequest:
        s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=clip(name).read_bytes())
        params = {"source_uri": f"s3://{source_bucket}/acme/clip.mp4", "profile": "sd", "outputs": ["mp4"]}
        return TranscodeRequest.from_params(params)

    return ask


def planned(request: TranscodeRequest) -> JobRow:
    return plan_job(probe_source(request, "run-1"), request, "run-1")


def finish(job: JobRow) -> None:
    verify_job(job.id)
    publish_job(job.id)


def make_due() -> None:
    with transaction("test") as connection:
        for name in ("notification_delivery", "metadata_sync"):
            connection.execute(text(f"UPDATE {name} SET due_at = now() - interval '1 min'"))  # noqa: S608


def test_others_hear_of_it_at_once(site: Callable[..., TranscodeRequest], table: TestTable, receiver: Receiver) -> None:
    job = planned(site("small"))
    assert table.items() == [], "a state that passes costs no call"
    transcode_local(job.id, run_id="run-1")
    finish(job)
    item = table.item()
    assert (item["status"], item["job_id"]) == ("PUBLISHED", job.id)
    assert set(item["outputs"]) == {"mp4"}
    assert item["outputs"]["mp4"]["qualities"]["360p"].endswith("/mp4/video_360p.mp4")
    assert abs(float(item["duration"]) - float(item["published_duration"])) < 0.2
    (request,) = receiver.requests
    assert request.document["publication"]["manifest_uri"] == item["manifest_uri"]
    publish_job(job.id)
    assert len(receiver.requests) == 1


def test_progress_is_seen_while_it_goes_on(
    site: Callable[..., TranscodeRequest],
    table: TestTable,
    set_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = planned(site("small"))
    set_settings(dynamodb_progress_interval=1)
    seen: list[dict[str, Any]] = []
    call = ProgressFeed.__call__

    def eager(feed: ProgressFeed) -> None:
        feed._due = 0.0  # a short clip is over before the first interval is
        call(feed)
        assert feed._running is not None
        feed._running.join(60)
        seen.extend(table.items())

    monkeypatch.setattr(ProgressFeed, "__call__", eager)
    transcode_local(job.id, run_id="run-1")
    assert {item["status"] for item in seen} == {"PROGRESSING"}
    assert "encode" in {item["stage"] for item in seen}
    progress = [item["progress"] for item in seen]
    assert progress == sorted(progress)
    assert len(set(progress)) > 1


def test_a_rejected_input(site: Callable[..., TranscodeRequest], table: TestTable, receiver: Receiver) -> None:
    request = site("audio_only")
    with pytest.raises(InputRejected):
        planned(request)
    assert table.item()["rejection"]["reason"] == "no_video_track"
    assert [received.document["rejection"]["reason"] for received in receiver.requests] == ["no_video_track"]
    with pytest.raises(InputRejected):
        planned(request)
    assert len(receiver.requests) == 1


def test_broken_outputs(
    site: Callable[..., TranscodeRequest], table: TestTable, receiver: Receiver, s3: S3Client, media_bucket: str
) -> None:
    job = planned(site("small"))
    transcode_local(job.id, run_id="run-1")
    name = next(name for name in list_objects(media_bucket, job.prefix) if name.endswith(".mp4"))
    s3.put_object(Bucket=media_bucket, Key=f"{job.prefix}/{name}", Body=b"x")
    with pytest.raises(VerificationError):
        verify_job(job.id)
    assert (table.item()["status"], table.item()["error"]["retryable"]) == ("FAILED", False)
    assert [received.document["type"] for received in receiver.requests] == ["video.failed"]


def test_a_cancellation(site: Callable[..., TranscodeRequest], table: TestTable, receiver: Receiver) -> None:
    job = planned(site("small"))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(EngineCanceled):
        transcode_local(job.id, run_id="run-1", cancel=cancel)
    assert table.item()["status"] == "CANCELED"
    assert [received.document["type"] for received in receiver.requests] == ["video.canceled"]


def test_a_video_is_published_while_nobody_listens_and_told_later(
    site: Callable[..., TranscodeRequest], table: TestTable, receiver: Receiver
) -> None:
    job = planned(site("small"))
    table.drop()
    receiver.answers = [503]
    transcode_local(job.id, run_id="run-1")
    finish(job)
    with transaction("test") as connection:
        assert get_job(connection, job.id).published
    assert announce.due_in() is not None
    table.create()
    receiver.answers = [200]
    make_due()
    assert announce.due_in() == 0.0
    assert deliver_outcomes() == {
        "items_written": 1, "items_failed": 0, "delivered": 1, "postponed": 0, "given_up": 0,
    }  # fmt: skip
    assert table.item()["status"] == "PUBLISHED"
    assert announce.due_in() is None


def test_a_black_hole_holds_no_step_up(
    site: Callable[..., TranscodeRequest], receiver: Receiver, set_settings: Callable[..., Settings]
) -> None:
    job = planned(site("small"))
    transcode_local(job.id, run_id="run-1")
    verify_job(job.id)
    receiver.answers = [receiver.silence]
    channel = {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s", "timeout": 60}
    set_settings(notifications=json.dumps([channel]), notification_patience=0.5)
    before = time.monotonic()
    publish_job(job.id)
    assert time.monotonic() - before < 30, "the receiver would be silent for 30 s, its timeout is 60 s"

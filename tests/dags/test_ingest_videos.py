"""``ingest_videos`` in one process: sweeps, drains the queue, queues runs of ``transcode_video``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import delete, select, text
from support.fixtures.values import media_info, probed_source, published_job
from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.pipeline.asset_event import PublishedVideo, public_again
from vodflow.settings import Settings
from vodflow.storage.clients import sqs_client

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def ingest(airflow_db: None, catalog: Settings, s3: S3Client, source_bucket: str) -> Callable[..., Any]:
    """Run the DAG; returns the run's state and what the task returned."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415  (after Airflow's environment is set)
    from airflow.utils.session import create_session  # noqa: PLC0415
    from vodflow_dags.ingest.ingest_videos_dag import ingest_videos  # noqa: PLC0415

    with create_session() as session:
        # Each test has a fresh catalog, whose ids begin at 1 again.
        session.execute(delete(DagRun).where(DagRun.dag_id == "transcode_video"))

    def run(**conf: Any) -> tuple[str, Any]:
        result = ingest_videos().test(run_conf=conf)
        (task,) = result.get_task_instances()
        return str(result.state), task.xcom_pull(task_ids="ingest")

    return run


def transcode_runs() -> dict[str, tuple[str, Any]]:
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        rows = session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.conf).where(DagRun.dag_id == "transcode_video")
        )
        return {run_id: (str(state), conf) for run_id, state, conf in rows}


def test_a_manual_run_sweeps_and_queues_one_run_a_video(
    ingest: Callable[..., Any], s3: S3Client, source_bucket: str
) -> None:
    for key in ("acme/a b+ü.mp4", "acme/b.MOV", "acme/c.txt"):
        s3.put_object(Bucket=source_bucket, Key=key, Body=b"x")
    state, summary = ingest()
    assert state == "success"
    assert (summary["objects_swept"], summary["registered_by_sweep"], summary["started"]) == (3, 2, 2)
    assert transcode_runs() == {f"source-{number}": ("queued", {"source_id": number}) for number in (1, 2)}
    state, summary = ingest()
    assert (state, summary["registered_by_sweep"], summary["started"]) == ("success", 0, 0)
    assert len(transcode_runs()) == 2


def test_an_object_says_what_is_made_of_it(ingest: Callable[..., Any], s3: S3Client, source_bucket: str) -> None:
    asked = {"vodflow-qualities": "360p", "vodflow-outputs": "mp4", "vodflow-priority": "90"}
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"x", Metadata=asked)
    s3.put_object(Bucket=source_bucket, Key="acme/b.mp4", Body=b"x", Metadata={"vodflow-outputs": "avi"})
    state, summary = ingest()
    assert (state, summary["started"]) == ("success", 2)
    assert {run_id: conf for run_id, (_, conf) in transcode_runs().items()} == {
        "source-1": {"source_id": 1, "qualities": ["360p"], "outputs": ["mp4"], "priority": 90},
        "source-2": {"source_id": 2},
    }
    with transaction("test") as connection:
        (letter,) = connection.execute(text("SELECT origin, source_id, message FROM dead_letter")).all()
    assert letter[:2] == ("ingest_videos.request", 2)
    assert "outputs.0" in letter[2]


def test_a_place_may_forbid_objects_to_ask(
    ingest: Callable[..., Any], s3: S3Client, source_bucket: str, set_settings: Callable[..., Settings]
) -> None:
    set_settings(watch=json.dumps([{"bucket": source_bucket, "object_requests": False}]))
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"x", Metadata={"vodflow-priority": "100"})
    ingest()
    assert transcode_runs() == {"source-1": ("queued", {"source_id": 1})}


def test_a_run_that_exists_counts_as_started(ingest: Callable[..., Any], s3: S3Client, source_bucket: str) -> None:
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"x")
    ingest()
    with transaction("test") as connection:
        connection.execute(text("UPDATE source SET status = 'DISCOVERED', run_id = NULL, dispatched_at = NULL"))
    state, summary = ingest()
    assert (state, summary["started"]) == ("success", 1)
    assert len(transcode_runs()) == 1
    with transaction("test") as connection:
        assert connection.execute(text("SELECT status, run_id FROM source")).one() == ("DISPATCHED", "source-1")


def told() -> list[Any]:
    """What the asset of published videos was changed for."""
    from airflow.models.asset import AssetEvent  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        return [
            event.extra
            for event in session.scalars(select(AssetEvent).order_by(AssetEvent.id))
            if event.asset.name == "vodflow_published_video"
        ]


def test_bytes_that_come_back_are_told_of_as_published(
    ingest: Callable[..., Any], s3: S3Client, source_bucket: str, set_settings: Callable[..., Settings]
) -> None:
    channel = {"type": "webhook", "name": "crm", "url": "http://127.0.0.1:9/", "secret": "x", "events": ["published"]}
    set_settings(notifications=json.dumps([channel]), dynamodb_table="videos")
    keys = ("acme/a.mp4", "acme/b.mp4")

    def put(body: bytes) -> list[int]:
        """Put these bytes to both keys, sweep; the jobs that are public then."""
        for key in keys:
            s3.put_object(Bucket=source_bucket, Key=key, Body=body)
        assert ingest()[0] == "success"
        with transaction("test") as connection:
            ids = connection.scalars(text("SELECT id FROM source WHERE status = 'DISPATCHED' ORDER BY id")).all()
            for source_id in ids:
                sources.mark_probed(connection, source_id, media_info())
                published_job(connection, sources.get_source(connection, source_id))
            # S3 dates objects by the second.
            connection.execute(text("UPDATE source SET current_since = current_since - interval '1 minute'"))
            connection.execute(text("UPDATE metadata_sync SET synced_version = version"))
            return list(connection.scalars(text("SELECT job_id FROM publication ORDER BY video_id")))

    before = len(told())
    first, other = put(b"first"), put(b"other")
    assert (len(set(first + other)), told()[before:]) == (4, []), "publish itself tells of those"
    assert put(b"first") == first
    events = told()[before:]
    assert sorted(event["job_id"] for event in events) == first
    assert {event["source"] for event in events} == {f"s3://{source_bucket}/{key}" for key in keys}
    assert set(events[0]) == {field.name for field in dataclasses.fields(PublishedVideo)}
    assert events[0]["manifest_url"].endswith("/manifest.json")
    assert ingest()[0] == "success"
    assert len(told()[before:]) == 2, "once"
    assert put(b"other") == other
    assert sorted(event["job_id"] for event in told()[before + 2 :]) == other
    with transaction("test") as connection:
        documents = connection.scalars(text("SELECT payload FROM notification_delivery ORDER BY id")).all()
        due = connection.scalars(text("SELECT due_at <= now() FROM metadata_sync")).all()
    assert [document["job"]["id"] for document in documents] == [*first, *other, *first, *other]
    assert all(document["publication"]["current"] for document in documents)
    assert due == [True, True]


def test_a_round_that_breaks_off_tells_again(catalog: Settings) -> None:
    with transaction("test") as connection:
        job = published_job(connection, probed_source(connection))
        connection.execute(text("UPDATE publication SET again_told_by = ''"))
    assert [video.job_id for video in public_again("run-1")] == [job.id]
    assert [video.job_id for video in public_again("run-1")] == [job.id], "a retry of the same run"
    assert public_again("run-2") == []


def test_a_prefix_narrows_a_manual_sweep(ingest: Callable[..., Any], s3: S3Client, source_bucket: str) -> None:
    for key in ("acme/a.mp4", "globex/a.mp4"):
        s3.put_object(Bucket=source_bucket, Key=key, Body=b"x")
    assert ingest(prefix="globex/")[1]["registered_by_sweep"] == 1
    assert ingest()[1]["registered_by_sweep"] == 1


def test_garbage_in_the_queue_stops_nothing(
    ingest: Callable[..., Any], s3: S3Client, source_bucket: str, set_settings: Callable[..., Settings]
) -> None:
    queue = sqs_client().create_queue(QueueName="garbage")["QueueUrl"]
    set_settings(event_queue_url=queue)
    sqs_client().send_message(QueueUrl=queue, MessageBody="garbage")
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"x")
    state, summary = ingest()
    assert (state, summary["problems"], summary["started"]) == ("success", 1, 1)


def test_a_missing_bucket_fails_at_once_and_says_so(
    ingest: Callable[..., Any], set_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    set_settings(watch='[{"bucket": "never-made"}]')
    assert ingest()[0] == "failed"


def test_the_watcher_keeps_messages_until_they_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib  # noqa: PLC0415

    from vodflow.settings import get_settings  # noqa: PLC0415
    from vodflow_dags.ingest import assets  # noqa: PLC0415

    monkeypatch.setenv("VODFLOW_EVENT_QUEUE_URL", "http://127.0.0.1:1/000000000000/events")
    get_settings.cache_clear()
    try:
        (watcher,) = importlib.reload(assets).S3_NOTIFICATIONS.watchers
        path, arguments = watcher.trigger.serialize()
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
        importlib.reload(assets)
    assert path == "airflow.providers.amazon.aws.triggers.sqs.SqsSensorTrigger"
    assert arguments["sqs_queue"] == "http://127.0.0.1:1/000000000000/events"
    assert arguments["delete_message_on_reception"] is False
    assert arguments["waiter_delay"] == 0

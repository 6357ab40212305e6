"""Sensing through the real queue, triggerer and scheduler: events, lost events, duplicates, a burst."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.stack import Stack
from vodflow.storage.clients import forget_clients, s3_client, sqs_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

log = logging.getLogger(__name__)

PATIENCE = 150.0
BURST = 500


class Live:
    """The session's stack with ``transcode_video`` paused: its runs are queued and not carried out."""

    def __init__(self, stack: Stack, airflow_database: Engine) -> None:
        self.stack = stack
        self.bucket = get_settings().watch[0].bucket
        self.folder = f"live-{uuid.uuid4().hex[:8]}"
        self._airflow = airflow_database

    def put(self, name: str, body: bytes = b"not a video") -> str:
        key = f"{self.folder}/{name}"
        s3_client().put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def source_ids(self) -> list[int]:
        query = text("SELECT id FROM source WHERE starts_with(key, :folder) ORDER BY id")
        with transaction("test") as connection:
            return list(connection.scalars(query, {"folder": self.folder}))

    def runs(self) -> list[str]:
        """Run ids of this test's sources, each as often as Airflow has it."""
        run_ids = [f"source-{source_id}" for source_id in self.source_ids()]
        query = text("SELECT run_id FROM dag_run WHERE dag_id = 'transcode_video' AND run_id = ANY(:ids)")
        with self._airflow.connect() as connection:
            return sorted(connection.scalars(query, {"ids": run_ids}))

    def pause(self, *, paused: bool) -> None:
        with self._airflow.begin() as connection:
            connection.execute(text("UPDATE dag SET is_paused = :p WHERE dag_id = 'transcode_video'"), {"p": paused})

    def is_sensing(self) -> bool:
        """Whether a run of ``ingest_videos`` is under way: the sweep of the stack's start, for example."""
        query = text("SELECT count(*) FROM dag_run WHERE dag_id = 'ingest_videos' AND state IN ('queued', 'running')")
        with self._airflow.connect() as connection:
            return bool(connection.scalar(query))

    def forget_runs(self) -> None:
        with self._airflow.begin() as connection:
            connection.execute(
                text("DELETE FROM dag_run WHERE dag_id = 'transcode_video' AND run_id = ANY(:ids)"),
                {"ids": [f"source-{source_id}" for source_id in self.source_ids()]},
            )

    def wait_until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                pytest.fail(
                    f"{what}: not within {PATIENCE:.0f} s; {len(self.source_ids())} rows, {len(self.runs())} runs"
                )
            time.sleep(0.2)


@pytest.fixture
def live(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    environment = stack.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _forget()
    database = create_engine(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    place = Live(stack, database)
    place.pause(paused=True)
    try:
        # Every quarter of an hour a sweep may be faster than the event.
        place.wait_until(lambda: 30 < time.time() % 900 < 840, "no sweep to come")
        place.wait_until(lambda: not place.is_sensing(), "no sweep under way")
        yield place
        place.forget_runs()
    finally:
        place.pause(paused=False)
        database.dispose()
        _forget()


def _forget() -> None:
    dispose_engines()
    get_settings.cache_clear()
    forget_clients()


def test_an_upload_starts_a_run_by_itself(live: Live) -> None:
    live.put("Übung 1+1 映画.MP4")
    live.wait_until(lambda: len(live.runs()) == 1, "one run")
    assert live.runs() == [f"source-{source_id}" for source_id in live.source_ids()]
    with transaction("test") as connection:
        found = connection.execute(
            text("SELECT discovered_by, key FROM source WHERE id = :id"), {"id": live.source_ids()[0]}
        ).one()
    assert tuple(found) == ("event", f"{live.folder}/Übung 1+1 映画.MP4")


def test_a_lost_event_is_found_by_a_sweep_by_hand(live: Live) -> None:
    notifications = s3_client().get_bucket_notification_configuration(Bucket=live.bucket)
    kept: Any = {name: value for name, value in notifications.items() if name != "ResponseMetadata"}
    s3_client().put_bucket_notification_configuration(Bucket=live.bucket, NotificationConfiguration={})
    try:
        live.put("untold.mp4")
    finally:
        s3_client().put_bucket_notification_configuration(Bucket=live.bucket, NotificationConfiguration=kept)
    with AirflowApi(live.stack.config) as airflow:
        run_id = airflow.start_run("ingest_videos", {"prefix": f"{live.folder}/"})
        assert airflow.wait_for_run("ingest_videos", run_id, PATIENCE) == "success"
    assert len(live.source_ids()) == len(live.runs()) == 1


def test_duplicate_events_and_garbage_make_one_run(live: Live) -> None:
    key = live.put("twice.mp4")
    queue = get_settings().event_queue_url
    assert queue is not None
    told = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": live.bucket}, "object": {"key": key}}}
    for body in (json.dumps({"Records": [told, told]}), "garbage", json.dumps({"Records": [told]})):
        sqs_client().send_message(QueueUrl=queue, MessageBody=body)
    live.wait_until(lambda: len(live.runs()) == 1, "one run")
    live.wait_until(lambda: _waiting(queue) == 0, "an empty queue")
    assert len(live.source_ids()) == len(live.runs()) == 1


def _waiting(queue: str) -> int:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs_client().get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_a_burst_makes_one_row_and_one_run_each(live: Live) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: live.put(f"{number}.mp4", b"x"), range(BURST)))
    live.wait_until(lambda: len(live.runs()) >= BURST, f"{BURST} runs")
    log.info("%d uploads became %d queued runs in %.1f s", BURST, BURST, time.monotonic() - began)
    assert len(live.source_ids()) == BURST
    assert live.runs() == sorted(f"source-{source_id}" for source_id in live.source_ids())

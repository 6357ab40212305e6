"""The sensor and its trigger against a real S3 API."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TriggerEvent
from mypy_boto3_s3 import S3Client
from vodflow.errors import ConfigurationError, EngineError
from vodflow.settings import Settings
from vodflow_airflow.sensors.s3_new_videos import S3NewVideosSensor
from vodflow_airflow.triggers.s3_new_videos import S3NewVideosTrigger

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def bucket(aws: Settings, make_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    connection = {"conn_type": "aws", "extra": {"region_name": aws.aws_region, "endpoint_url": aws.aws_endpoint_url}}
    connection |= {"login": os.environ["AWS_ACCESS_KEY_ID"], "password": os.environ["AWS_SECRET_ACCESS_KEY"]}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    return make_bucket()


def put(s3: S3Client, bucket: str, key: str, body: bytes = b"video") -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=body)


def sensor(bucket: str, **arguments: Any) -> S3NewVideosSensor:
    return S3NewVideosSensor(task_id="wait", bucket=bucket, **{"poke_interval": 0.1, "timeout": 20, **arguments})


def keys(videos: list[dict[str, Any]]) -> list[str]:
    return [video["key"] for video in videos]


def deferred(task: S3NewVideosSensor) -> S3NewVideosTrigger:
    with pytest.raises(TaskDeferred) as deferral:
        task.execute({})  # type: ignore[arg-type]
    assert deferral.value.method_name == "execute_complete"
    trigger = deferral.value.trigger
    assert isinstance(trigger, S3NewVideosTrigger)
    return trigger


def recreated(trigger: S3NewVideosTrigger) -> S3NewVideosTrigger:
    """What a restarted triggerer makes of the row in its database."""
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    assert path == f"{S3NewVideosTrigger.__module__}.{S3NewVideosTrigger.__qualname__}"
    return S3NewVideosTrigger(**arguments)


async def first_event(trigger: S3NewVideosTrigger, during: Callable[[], object] = lambda: None) -> TriggerEvent:
    waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(during)
    return await asyncio.wait_for(waiting, 120)


def test_poke_waits_for_what_was_not_there(s3: S3Client, bucket: str) -> None:
    put(s3, bucket, "in/old.mp4")
    task = sensor(bucket, prefix="in/")
    assert not task.poke({}).is_done  # type: ignore[arg-type]
    put(s3, bucket, "in/a b+ü.MP4")
    put(s3, bucket, "in/notes.txt")
    put(s3, bucket, "in/empty.mp4", b"")
    put(s3, bucket, "out/b.mp4")
    put(s3, bucket, "in/old.mp4", b"overwritten")
    found = task.poke({})  # type: ignore[arg-type]
    assert found.is_done
    assert keys(found.xcom_value) == ["in/a b+ü.MP4", "in/old.mp4"]
    assert found.xcom_value[0]["uri"] == f"s3://{bucket}/in/a b+ü.MP4"


def test_execute_returns_the_videos(s3: S3Client, bucket: str) -> None:
    put(s3, bucket, "a.mp4")
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert keys(sensor(bucket, since=since).execute({"ti": None})) == ["a.mp4"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("minutes", "done"), [(-1, True), (1, False)])
@pytest.mark.parametrize("text", [True, False])
def test_since(s3: S3Client, bucket: str, minutes: int, done: bool, text: bool) -> None:
    put(s3, bucket, "a.mp4")
    since = datetime.now(UTC) + timedelta(minutes=minutes)
    assert sensor(bucket, since=since.isoformat() if text else since).poke({}).is_done is done  # type: ignore[arg-type]


def test_a_time_without_zone_is_utc(s3: S3Client, bucket: str) -> None:
    put(s3, bucket, "a.mp4")
    since = (datetime.now(UTC) - timedelta(minutes=1)).replace(tzinfo=None)
    assert sensor(bucket, since=since).poke({}).is_done  # type: ignore[arg-type]


def test_minimum_age_and_the_most_objects(s3: S3Client, bucket: str) -> None:
    for name in "abc":
        put(s3, bucket, f"{name}.mp4")
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert not sensor(bucket, since=since, minimum_age=3600).poke({}).is_done  # type: ignore[arg-type]
    assert keys(sensor(bucket, since=since, max_objects=2).poke({}).xcom_value) == ["a.mp4", "b.mp4"]  # type: ignore[arg-type]


def test_deferrable_returns_at_once_when_something_is_there(s3: S3Client, bucket: str) -> None:
    put(s3, bucket, "a.mp4")
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert keys(sensor(bucket, since=since, deferrable=True).execute({})) == ["a.mp4"]  # type: ignore[arg-type]


def test_deferral_goes_on_after_a_restart_of_the_triggerer(s3: S3Client, bucket: str) -> None:
    put(s3, bucket, "old.mp4")
    task = sensor(bucket, deferrable=True)
    trigger = deferred(task)
    # Uploaded while no triggerer ran: new all the same.
    put(s3, bucket, "meanwhile.mp4")
    again = recreated(recreated(trigger))
    assert again.serialize() == trigger.serialize()
    event = asyncio.run(first_event(again))
    assert keys(task.execute_complete({}, event.payload)) == ["meanwhile.mp4"]  # type: ignore[arg-type]


def test_the_trigger_waits(s3: S3Client, bucket: str) -> None:
    trigger = deferred(sensor(bucket, deferrable=True, since=datetime.now(UTC) - timedelta(minutes=1)))
    event = asyncio.run(first_event(trigger, lambda: put(s3, bucket, "late.mp4")))
    assert keys(event.payload["objects"]) == ["late.mp4"]


def test_the_trigger_reports_what_s3_says(s3: S3Client, bucket: str) -> None:
    task = sensor(bucket, deferrable=True)
    trigger = deferred(task)
    s3.delete_bucket(Bucket=bucket)
    event = asyncio.run(first_event(trigger))
    with pytest.raises(EngineError, match="NoSuchBucket"):
        task.execute_complete({}, event.payload)  # type: ignore[arg-type]


def test_a_wrong_time_is_named() -> None:
    with pytest.raises(ConfigurationError, match="since='yesterday'"):
        sensor("some-bucket", since="yesterday").poke({})  # type: ignore[arg-type]


def test_reschedule_needs_a_time() -> None:
    with pytest.raises(ValueError, match="give `since`"):
        sensor("some-bucket", mode="reschedule")
    sensor("some-bucket", mode="reschedule", since="{{ data_interval_start }}")
    sensor("some-bucket", mode="reschedule", deferrable=True)


def test_templated_fields() -> None:
    assert set(S3NewVideosSensor.template_fields) >= {"bucket", "prefix", "suffixes", "since", "aws_conn_id"}


def test_the_example_dag_runs(airflow_db: None, s3: S3Client, bucket: str) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: PLC0415
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: PLC0415  (after the environment is set)

    put(s3, bucket, "inbox/a.mp4")
    bag = DagBag(str(EXAMPLES / "new_videos_dag.py"))
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    dag = bag.dags["new_videos"]
    dag.get_task("wait").since = datetime(2026, 1, 1, tzinfo=UTC)
    run = dag.test(run_conf={"bucket": bucket})
    assert {task.task_id: str(task.state) for task in run.get_task_instances()} == {
        "wait": "success",
        "handle": "success",
    }
    (handled,) = [task for task in run.get_task_instances() if task.task_id == "handle"]
    assert handled.xcom_pull(task_ids="handle") == [f"s3://{bucket}/inbox/a.mp4"]

"""What stops every video alike, met by the real DAG: the videos wait, spend no try, and go on by themselves."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.models import TaskInstance
from airflow.models.taskreschedule import TaskReschedule
from airflow.utils.session import create_session
from mypy_boto3_s3 import S3Client
from sqlalchemy import func, select
from support.clips import clip
from support.fixtures.postgres import TestPostgres
from support.fixtures.small_disk import SmallDisk
from vodflow.catalog import holds, job_details
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.catalog.overview import overview
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import forget_clients

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


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
    """One video's whole way; its run's state, and the number of tries and of postponements of each of its tasks."""
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    set_settings(hold_interval=1, disk_reserve=0)
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))
    s3.put_object(Bucket=source_bucket, Key="acme/small.mp4", Body=clip("small").read_bytes())

    def start() -> tuple[str, dict[str, int], dict[str, int]]:
        conf = {"source_uri": f"s3://{source_bucket}/acme/small.mp4", "profile": "sd", "outputs": ["mp4"]}
        result = module.transcode_video().test(run_conf=conf)
        tasks = result.get_task_instances()
        return str(result.state), {task.task_id: task.try_number for task in tasks}, postponements(result.run_id)

    return start


def postponements(run_id: str) -> dict[str, int]:
    query = (
        select(TaskInstance.task_id, func.count())
        .join(TaskReschedule, TaskReschedule.ti_id == TaskInstance.id)
        .where(TaskInstance.run_id == run_id)
        .group_by(TaskInstance.task_id)
    )
    with create_session() as session:
        return dict(map(tuple, session.execute(query)))


@contextmanager
def meanwhile(true: Callable[[], Any], then: Callable[[], None]) -> Iterator[None]:
    """Do something beside, as soon as something is true."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            if true():
                then()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def held() -> list[holds.HoldRow]:
    with transaction("test") as connection:
        return holds.holds(connection)


def put_off() -> bool:
    with create_session() as session:
        return session.scalar(select(func.count()).where(TaskInstance.state == "up_for_reschedule")) > 0


def history() -> list[str]:
    with transaction("test") as connection:
        (row,) = overview(connection)
        assert row.job_id is not None
        return [str(event["new_status"]) for event in job_details.history(connection, row.job_id)]


def test_a_full_disk_costs_no_try(run: Any, small_disk: SmallDisk, set_settings: Any) -> None:
    set_settings(work_dir=small_disk.folder)
    small_disk.fill()
    seen: list[holds.HoldRow] = []

    def free() -> None:
        seen.extend(held())
        small_disk.free()

    with meanwhile(held, free):
        state, tries, waits = run()
    assert state == "success"
    assert set(tries.values()) == {1}
    assert set(waits) == {"transcode_local"}
    assert history() == ["QUEUED", "PROGRESSING", "VERIFYING", "PUBLISHED"]
    assert [(row.step, row.cause, row.waiting) for row in seen] == [("transcode_local", "disk", 1)]
    assert "GB free; this job needs" in seen[0].message
    assert held() == []


def test_s3_that_is_away_costs_no_try(run: Any, set_settings: Any) -> None:
    there = get_settings().aws_endpoint_url

    def move(endpoint: str | None) -> None:
        set_settings(aws_endpoint_url=endpoint)
        forget_clients()

    move("http://127.0.0.1:9")
    with meanwhile(held, lambda: move(there)):
        state, tries, waits = run()
    assert state == "success"
    assert set(tries.values()) == {1}
    assert set(waits) == {"prepare"}
    assert held() == []


def test_a_catalog_that_is_away_costs_no_try(run: Any, postgres: TestPostgres, catalog: Settings) -> None:
    name = catalog.catalog_url.get_secret_value().rpartition("/")[2]

    def open_for_connections(answer: bool) -> None:
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {answer}")

    open_for_connections(False)
    dispose_engines()
    with meanwhile(put_off, lambda: open_for_connections(True)):
        state, tries, waits = run()
    assert state == "success"
    assert set(tries.values()) == {1}
    assert set(waits) == {"prepare"}


def test_who_has_waited_long_enough_fails_visibly(run: Any, small_disk: SmallDisk, set_settings: Any) -> None:
    set_settings(work_dir=small_disk.folder, hold_limit=0)
    small_disk.fill()
    state, tries, waits = run()
    assert (state, tries["transcode_local"], waits) == ("failed", 1, {})
    assert history()[-1] == "FAILED"
    assert [(row.waiting, row.given_up) for row in held()] == [(0, 1)]

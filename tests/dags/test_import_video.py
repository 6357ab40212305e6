"""``import_video`` in one process: fetches, and queues the run of what has arrived; the sweep brings both in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from dags.test_ingest_videos import ingest, transcode_runs
from mypy_boto3_s3 import S3Client
from sqlalchemy import delete, select, text
from support.import_server import ImportServer, import_server
from vodflow import jobs
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

__all__ = ["ingest"]

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def server(
    ingest: Callable[..., Any], source_bucket: str, set_settings: Callable[..., Settings]
) -> Iterator[ImportServer]:
    from airflow.models.dagrun import DagRun  # noqa: PLC0415  (after Airflow's environment is set)
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == "import_video"))
    keys = json.dumps([Fernet.generate_key().decode()])
    set_settings(import_hosts='["127.0.0.1"]', import_private='["127.0.0.1"]', sealing_keys=keys)
    with import_server(body=b"film" * 1000) as made:
        yield made


def fetch(import_id: int) -> tuple[str, Any]:
    """Run the DAG; the run's state and what the task returned."""
    from vodflow_dags.ingest.import_video_dag import import_video  # noqa: PLC0415

    result = import_video().test(run_conf={"import_id": import_id})
    (task,) = result.get_task_instances()
    return str(result.state), task.xcom_pull(task_ids="fetch")


def test_a_video_is_fetched_and_gets_its_run(server: ImportServer, s3: S3Client) -> None:
    row, _ = jobs.create_import(server.url(), tenant="acme", priority=80)
    assert fetch(row.id) == ("success", "COMPLETED")
    assert s3.get_object(Bucket=row.bucket, Key=row.key)["Body"].read() == server.body
    assert transcode_runs() == {"source-1": ("queued", {"source_id": 1, "priority": 80})}
    assert fetch(row.id) == ("success", "COMPLETED")
    assert len(server.asked) == 1


def test_what_is_refused_ends_its_run_quietly(server: ImportServer) -> None:
    server.answers = [(404, {})]
    row, _ = jobs.create_import(server.url(), tenant="acme")
    state, said = fetch(row.id)
    assert (state, said) == ("success", f"REFUSED: {server.url()} answers 404 Not Found.")
    assert transcode_runs() == {}


def test_the_sweep_brings_uploads_and_imports_in_order(
    server: ImportServer, ingest: Callable[..., Any], source_bucket: str
) -> None:
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    row, _ = jobs.create_import(server.url(), tenant="acme")  # no Airflow is named: nobody has started it
    upload = jobs.create_upload("film.mp4", 10, tenant="acme")
    with transaction("test") as connection:
        connection.execute(text("UPDATE upload SET expires_at = now() - interval '1 second'"))
    for started in (1, 1):
        state, summary = ingest()
        assert (state, summary["imports_started"]) == ("success", started)
    assert jobs.get_upload(upload.public_id).status == "ABANDONED"
    with create_session() as session:
        runs = session.execute(select(DagRun.run_id, DagRun.conf).where(DagRun.dag_id == "import_video")).all()
    assert [tuple(one) for one in runs] == [("import-1", {"import_id": row.id})]

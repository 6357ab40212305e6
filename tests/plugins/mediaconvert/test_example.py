"""The example DAG runs in a real Airflow against the local MediaConvert, with nothing else of ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mediaconvert_service import ROLE, MediaConvert, shared_hook
from vodflow_airflow.links.mediaconvert import MediaConvertJobLink

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "mediaconvert_dag.py"

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def example(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("VODFLOW_")]:
        monkeypatch.delenv(name)
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: PLC0415  (slow)
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: PLC0415

    bag = DagBag(str(EXAMPLE))
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    return bag.dags["mediaconvert_example"]


def states(run: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def test_it_runs(service: MediaConvert, example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIACONVERT_ROLE_ARN")
    run = example.test(run_conf={"role_arn": ROLE, "source": "s3://footage/b.mp4"})
    assert states(run) == {
        "transcode": "success",
        "poster": "success",
        "poster_done": "success",
        "cancel_poster": "skipped",
    }
    (transcode,) = [task for task in run.get_task_instances() if task.task_id == "transcode"]
    job_id = transcode.xcom_pull(task_ids="transcode")
    job = shared_hook(service.url).get_job(job_id)
    assert job["Status"] == "COMPLETE"
    assert job["Settings"]["Inputs"][0]["FileInput"] == "s3://footage/b.mp4"
    assert job["UserMetadata"]["title"] == "s3://footage/b.mp4"
    assert job["UserMetadata"]["airflow-task"] == "mediaconvert_example.transcode"
    assert job["UserMetadata"]["airflow-run"] == run.run_id
    assert transcode.xcom_pull(task_ids="transcode", key=MediaConvertJobLink.key)["job_id"] == job_id
    assert service.counted["CreateJob"] == 2


def test_a_failing_poster_is_cleaned_up(service: MediaConvert, example: Any) -> None:
    for task in example.tasks:
        task.retries = 0
    service.faults(fail=[{"metadata": {"airflow-task": "mediaconvert_example.poster"}}])
    assert states(example.test()) == {
        "transcode": "success",
        "poster": "success",
        "poster_done": "failed",
        "cancel_poster": "success",
    }

"""The example DAG runs in a real Airflow against the local MediaConvert, with nothing else of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.mediaconvert_service import ROLE, SETTINGS, MediaConvert, shared_hook
from vodflow_airflow.links.mediaconvert import MediaConvertJobLink
from vodflow_airflow.operators.mediaconvert import MediaConvertCreateJobOperator
from vodflow_airflow.sensors.mediaconvert import MediaConvertJobSensor

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


def test_mapped_tasks_and_links_survive_serialisation(service: MediaConvert, airflow_db: None) -> None:
    from airflow.sdk import DAG  # noqa: PLC0415  (slow)
    from airflow.serialization.serialized_objects import DagSerialization  # noqa: PLC0415

    with DAG("mapped", schedule=None) as dag:
        jobs = MediaConvertCreateJobOperator.partial(
            task_id="transcode", deferrable=True, region_name="eu-west-1", waiter_delay=10
        ).expand(settings=[SETTINGS, SETTINGS])
        MediaConvertJobSensor.partial(task_id="wait").expand(job_id=jobs.output)
    document = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    again = DagSerialization.from_dict(document)
    for task in again.tasks:
        assert [link.name for link in task.operator_extra_links] == ["MediaConvert Job"], task.task_id

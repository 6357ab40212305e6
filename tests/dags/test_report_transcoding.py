"""The whole DAG by ``dag.test()``, on a real catalog and a real S3."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.fixtures.values import probed_source, published_job
from vodflow.catalog.database import transaction
from vodflow.reports.transcoding import read_days

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="module")
def report_dag(airflow_db):
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415  (slow)

    bag = DagBag(str(DAGS / "vodflow_dags" / "reports"))
    assert bag.import_errors == {}
    return bag.dags["report_transcoding"]


def test_daily_run(catalog, media_bucket, s3, report_dag):
    earliest = datetime.now(UTC).date()  # the day may end while this runs
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    run = report_dag.test()
    latest = datetime.now(UTC).date()
    assert str(run.state) == "success"
    (task,) = [task for task in run.get_task_instances() if task.task_id == "choose_days"]
    yesterday, today = map(date.fromisoformat, task.xcom_pull(task_ids="choose_days"))
    assert yesterday + timedelta(days=1) == today
    assert today in {earliest, latest}
    with transaction("test") as conn:
        (row,) = read_days(conn, yesterday, today)
    assert row.day in {earliest, latest}
    assert row.videos == 1
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=media_bucket)["Contents"]]
    tables = ("report_transcoding_daily", "report_transcoding_problem_daily")
    days = (yesterday, today)
    assert keys == [
        *(f"reports/csv/{table}/{day}.csv" for table in tables for day in days),
        *(f"reports/{table}/day={day}/data.parquet" for table in tables for day in days),
    ]


def test_a_range_by_hand(catalog, media_bucket, s3, report_dag):
    run = report_dag.test(run_conf={"date_from": "2026-02-27", "date_to": "2026-03-01"})
    assert str(run.state) == "success"
    assert s3.list_objects_v2(Bucket=media_bucket)["KeyCount"] == 12


def test_a_wrong_range_fails_without_a_retry(catalog, media_bucket, s3, report_dag, caplog):
    run = report_dag.test(run_conf={"date_from": "2026-03-02", "date_to": "2026-03-01"})
    assert str(run.state) == "failed"
    states = {task.task_id: str(task.state) for task in run.get_task_instances()}
    assert states == {"choose_days": "failed", "recompute": "upstream_failed", "export": "upstream_failed"}
    assert s3.list_objects_v2(Bucket=media_bucket)["KeyCount"] == 0

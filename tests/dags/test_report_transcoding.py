"""The whole DAG by ``dag.test()``, on a real catalog and a real S3."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.fixtures.values import probed_source, published_job
from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.reports import watermark
from vodflow.reports.export import EARLIER, TABLES
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
    days = (yesterday, today)
    assert keys == sorted([
        *(f"reports/csv/{table}/{day}.csv" for table in {*TABLES, *EARLIER} for day in days),
        *(f"reports/{table}/day={day}/data.parquet" for table in {*TABLES, *EARLIER} for day in days),
        f"reports/html/{today - timedelta(days=29)}_{today}.html",
    ])  # fmt: skip


def test_a_range_by_hand(catalog, media_bucket, s3, report_dag):
    run = report_dag.test(run_conf={"date_from": "2026-02-27", "date_to": "2026-03-01"})
    assert str(run.state) == "success"
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=media_bucket)["Contents"]}
    assert len(keys) == 3 * 2 * len({*TABLES, *EARLIER}) + 1
    assert "reports/html/2026-02-27_2026-03-01.html" in keys


def test_one_tenant_and_format_by_hand(catalog, media_bucket, s3, report_dag):
    with transaction("test") as conn:
        probed_source(conn)  # of acme
    run = report_dag.test(run_conf={"date_from": "2026-02-27", "tenant": "acme", "formats": ["parquet"]})
    assert str(run.state) == "success"
    states = {task.task_id: str(task.state) for task in run.get_task_instances()}
    assert (states["html"], states["summary"]) == ("skipped", "skipped")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=media_bucket)["Contents"]]
    assert "reports/tenants/acme/failures/day=2026-02-27/data.parquet" in keys
    assert all(key.startswith("reports/tenants/acme/") and key.endswith(".parquet") for key in keys)


def test_a_wrong_range_fails_without_a_retry(catalog, media_bucket, s3, report_dag, caplog):
    run = report_dag.test(run_conf={"date_from": "2026-03-02", "date_to": "2026-03-01"})
    assert str(run.state) == "failed"
    states = {task.task_id: str(task.state) for task in run.get_task_instances()}
    assert states == {"gather": "success", "choose_days": "failed", "recompute": "upstream_failed",
                      "export": "upstream_failed", "html": "upstream_failed", "summary": "upstream_failed"}  # fmt: skip
    assert s3.list_objects_v2(Bucket=media_bucket)["KeyCount"] == 0


def test_a_run_takes_late_days_and_notes_them(catalog, media_bucket, s3, report_dag):
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    assert str(report_dag.test(run_conf={"date_from": None, "date_to": None}).state) == "success"
    late = datetime.now(UTC).date() - timedelta(days=9)
    with transaction("test") as conn:
        conn.execute(
            text("INSERT INTO dead_letter (origin, identity, code, message) VALUES (:origin, 'run-9', 'x', 'x')"),
            {"origin": "transcode_video.prepare"},
        )
        row = probed_source(conn, key="acme/late.mp4")
        sources.reject_source(conn, row.id, "truncated", "short")
        conn.execute(text("SET LOCAL session_replication_role = replica"))  # only to move time
        values = {"late": datetime.combine(late, time(12), UTC), "id": row.id}
        conn.execute(text("UPDATE source SET rejected_at = :late WHERE id = :id"), values)
    assert late in watermark.look().days
    run = report_dag.test(run_conf={"date_from": None, "date_to": None})
    assert str(run.state) == "success"
    (task,) = [task for task in run.get_task_instances() if task.task_id == "choose_days"]
    assert str(late) in task.xcom_pull(task_ids="choose_days")
    with transaction("test") as conn:
        (row,) = read_days(conn, late, late)
    assert row.rejected == 1
    assert late not in watermark.look().days


def test_a_backfill_has_a_run_for_each_day(catalog, media_bucket, s3, report_dag, airflow_db):
    from airflow.models.backfill import ReprocessBehavior, _create_backfill  # noqa: PLC0415  (slow)
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    backfill = _create_backfill(
        dag_id="report_transcoding", from_date=datetime(2026, 2, 27, tzinfo=UTC),
        to_date=datetime(2026, 3, 1, tzinfo=UTC), max_active_runs=2, reverse=False, dag_run_conf={},
        reprocess_behavior=ReprocessBehavior.NONE, triggering_user_name="test",
    )  # fmt: skip
    with create_session() as session:
        runs = session.query(DagRun).filter(DagRun.backfill_id == backfill.id).order_by(DagRun.logical_date).all()
        assert [str(run.data_interval_start.date()) for run in runs] == ["2026-02-27", "2026-02-28", "2026-03-01"]
        assert {(run.data_interval_end - run.data_interval_start) for run in runs} == {timedelta(days=1)}

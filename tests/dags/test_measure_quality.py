"""The whole DAG by ``dag.test()``, on a real catalog, S3 and FFmpeg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.fixtures.values import probed_source, published_job
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import job_measurement
from vodflow_airflow.assets import MEASURED_QUALITY, PUBLISHED_VIDEO

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture
def quality_dag(airflow_db):  # a new one for each test: ``dag.test`` keeps the Params of a run in it
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415  (slow)

    bag = DagBag(str(DAGS / "vodflow_dags" / "quality"))
    assert bag.import_errors == {}
    return bag.dags["measure_quality"]


def rows() -> list[Any]:
    with transaction("test") as connection:
        return list(connection.execute(select(job_measurement)))


def told(after: int = 0) -> list[str]:
    """Names of the assets that changed, in their order; other tests of the session leave events too."""
    from airflow.models.asset import AssetEvent  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        events = session.scalars(select(AssetEvent).order_by(AssetEvent.id))
        return [event.asset.name for event in events][after:]


def test_it_is_woken_by_publications_and_gives_way(quality_dag):
    assert PUBLISHED_VIDEO in quality_dag.timetable.asset_condition.objects
    task = quality_dag.get_task("measure")
    assert quality_dag.get_task("gather").downstream_task_ids == {task.task_id}
    assert (task.pool, task.pool_slots, task.priority_weight, task.weight_rule) == (
        "vodflow_quality",
        1,
        1,
        "absolute",
    )
    assert quality_dag.max_active_runs == 3


def test_a_job_that_cannot_be_measured_fails_no_run(catalog, media_bucket, s3, quality_dag):
    with transaction("test") as connection:
        job_id = published_job(connection, probed_source(connection)).id
    before = len(told())
    run = quality_dag.test()
    assert str(run.state) == "success"
    (row,) = rows()
    assert (row.job_id, row.state, row.run_id) == (job_id, "failed", run.run_id)
    assert row.error_message
    assert told(before) == [MEASURED_QUALITY.name], "reports hear of it"
    assert str(quality_dag.test().state) == "success"
    assert told(before) == [MEASURED_QUALITY.name], "there was nothing to do"
    # Asked for by hand it is tried again at once.
    assert str(quality_dag.test(run_conf={"job": job_id, "every": 5}).state) == "success"
    assert rows()[0].every == 5


def test_the_share_may_be_given(catalog, media_bucket, s3, quality_dag):
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
    assert str(quality_dag.test(run_conf={"share": 0}).state) == "success"
    assert [row.state for row in rows()] == ["skipped"]


def test_a_job_that_is_none_fails_the_run(catalog, media_bucket, s3, quality_dag):
    assert str(quality_dag.test(run_conf={"job": 99}).state) == "failed"
    assert rows() == []

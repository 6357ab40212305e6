"""Another priority for a run, in Airflow's own database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from vodflow_airflow.ui import DAG_ID
from vodflow_airflow.ui.run_priority import set_run_priority

pytestmark = pytest.mark.airflow

#: Tasks of a run whose encode is under way, with what each then weighs. What has its place in a queue keeps it.
WEIGHTS = {
    ("prepare", "success"): 50, ("transcode_local", "running"): 50, ("publish", None): 90,
    ("in_a_queue", "queued"): 50, ("planned", "scheduled"): 90, ("again", "up_for_retry"): 90,
    ("later", "up_for_reschedule"): 90, ("waits", "deferred"): 50,
}  # fmt: skip


@pytest.fixture
def runs(airflow_db: None) -> Iterator[tuple[str, str]]:
    """Two runs with these tasks, of which one is somebody else's."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415 - slow
    from airflow.models.taskinstance import TaskInstance, uuid7  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from airflow.utils.types import DagRunTriggeredByType, DagRunType  # noqa: PLC0415

    names = ("source-71", "source-72")
    by: dict[str, Any] = {"run_type": DagRunType.MANUAL, "triggered_by": DagRunTriggeredByType.REST_API}
    with create_session() as session:
        session.add_all(
            DagRun(dag_id=DAG_ID, run_id=name, conf={"source_id": 7, "priority": 50}, **by) for name in names
        )
        session.flush()
        for name in names:
            for task_id, state in WEIGHTS:
                row = {
                    "id": uuid7(), "dag_id": DAG_ID, "run_id": name, "task_id": task_id, "map_index": -1,
                    "state": state, "pool": "default_pool", "pool_slots": 1, "queue": "default",
                    "priority_weight": 50, "try_number": 1, "max_tries": 1,
                }  # fmt: skip
                session.execute(insert(TaskInstance).values(row))
    yield names
    with create_session() as session:
        for table in (TaskInstance, DagRun):
            session.execute(delete(table).where(table.run_id.in_(names)))


def kept(run_id: str) -> tuple[Any, dict[str, int]]:
    """A run's conf, and the weights of its tasks."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415 - slow
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        found = select(TaskInstance.task_id, TaskInstance.priority_weight).where(TaskInstance.run_id == run_id)
        weights = {row.task_id: row.priority_weight for row in session.execute(found)}
        return session.scalar(select(DagRun.conf).where(DagRun.run_id == run_id)), weights


def test_what_has_not_begun_weighs_as_asked_and_an_encode_goes_on(runs: tuple[str, str]) -> None:
    mine, other = runs
    before = kept(other)
    for _ in range(2):
        set_run_priority(mine, 90)
        conf, weights = kept(mine)
        assert conf == {"source_id": 7, "priority": 90}
        assert weights == {task_id: weight for (task_id, _), weight in WEIGHTS.items()}
    assert kept(other) == before


def test_a_run_that_is_gone_is_no_error(airflow_db: None) -> None:
    set_run_priority("source-999", 10)

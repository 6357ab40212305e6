"""Runs that publications cause begin by waiting for more of them; no other run does."""

from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from vodflow_airflow.operators.gather_events import GatherEventsOperator


class _Task:
    """What the operator asks Airflow: how many of its kind wait."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting

    def get_ti_count(self, *, dag_id: str, task_ids: list[str], states: list[str]) -> int:
        assert (dag_id, task_ids, states) == ("reports", ["gather"], ["deferred"])
        return self.waiting


def _execute(run_type: str, seconds: float, waiting: int = 0) -> None:
    with DAG("reports", schedule=None):
        operator = GatherEventsOperator(task_id="gather", seconds=seconds)
    operator.execute({"dag_run": SimpleNamespace(run_type=run_type), "ti": _Task(waiting)})


def test_a_run_of_publications_waits_without_a_worker():
    with pytest.raises(TaskDeferred) as caught:
        _execute("asset_triggered", 60)
    path, arguments = caught.value.trigger.serialize()
    assert path.startswith("airflow.providers.standard.triggers.temporal.")
    assert arguments["end_from_trigger"] is True


def test_one_run_waits_for_all():
    with pytest.raises(AirflowSkipException, match="Another run gathers already"):
        _execute("asset_triggered", 60, waiting=1)


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "backfill"])
def test_other_runs_begin_at_once(run_type):
    _execute(run_type, 60)


def test_no_delay():
    _execute("asset_triggered", 0)

"""Runs that publications cause begin by waiting for more of them; no other run does."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred
from vodflow_airflow.operators.gather_events import GatherEventsOperator


def _execute(run_type: str, seconds: float) -> None:
    operator = GatherEventsOperator(task_id="gather", seconds=seconds)
    operator.execute({"dag_run": SimpleNamespace(run_type=run_type)})


def test_a_run_of_publications_waits_without_a_worker():
    with pytest.raises(TaskDeferred) as caught:
        _execute("asset_triggered", 60)
    path, arguments = caught.value.trigger.serialize()
    assert path.startswith("airflow.providers.standard.triggers.temporal.")
    assert arguments["end_from_trigger"] is True


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "backfill"])
def test_other_runs_begin_at_once(run_type):
    _execute(run_type, 60)


def test_no_delay():
    _execute("asset_triggered", 0)

"""Another priority for a run that is there already; Airflow's API changes neither a run's conf nor a task's weight."""

from __future__ import annotations

from typing import Final

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import or_, select, update

from vodflow_airflow.ui import DAG_ID

#: States of tasks that have their place in a queue before them.
_BEFORE: Final = (TaskInstanceState.SCHEDULED, TaskInstanceState.UP_FOR_RETRY, TaskInstanceState.UP_FOR_RESCHEDULE)


def set_run_priority(run_id: str, priority: int) -> None:
    """Weigh what the run has not begun, and keep the priority for what it tries later; nothing without such a run.

    :param priority: 0 to 100, higher first
    """
    with create_session() as session:
        whose = (DagRun.dag_id == DAG_ID, DagRun.run_id == run_id)
        run = session.scalar(select(DagRun).where(*whose).with_for_update())
        if run is None:
            return
        run.conf = {**(run.conf or {}), "priority": priority}
        state = TaskInstance.state
        session.execute(
            update(TaskInstance)
            .where(
                TaskInstance.dag_id == DAG_ID, TaskInstance.run_id == run_id, or_(state.is_(None), state.in_(_BEFORE))
            )
            .values(priority_weight=priority)
            .execution_options(synchronize_session=False)
        )

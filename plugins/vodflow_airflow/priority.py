"""The ``priority`` Param of a run orders its tasks in their pool.

Airflow's ``PriorityWeightStrategy`` cannot do it: a task instance is weighed before it is bound to its run, so a
strategy sees neither the run's conf nor its Params, and must not query for them. The cluster policy
``task_instance_mutation_hook`` is handed the run, and may set ``priority_weight``. ``airflow_local_settings`` beside
this package installs it.
"""

from __future__ import annotations

from typing import Any, Final

#: DAGs that take the Param.
DAG_IDS: Final = frozenset({"transcode_video"})

#: The Param's default; runs that were started without a conf have it too.
DEFAULT: Final = 50
LOWEST: Final = 0
HIGHEST: Final = 100


def priority_of(conf: object) -> int:
    """The priority in a run's conf, held to 0..100; the default where there is none."""
    value = conf.get("priority") if isinstance(conf, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        return DEFAULT
    return max(LOWEST, min(HIGHEST, value))


def weigh_by_run(task_instance: Any, dag_run: Any | None = None) -> None:
    """Set the task instance's ``priority_weight`` to its run's priority.

    Runs inside the scheduler and the API server, where an exception would stop them and a query is forbidden: so it
    only reads what is loaded. Without a run (Airflow calls it twice) the task's own weight stays.
    """
    if dag_run is not None and task_instance.dag_id in DAG_IDS:
        task_instance.priority_weight = priority_of(dag_run.conf)

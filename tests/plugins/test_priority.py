from __future__ import annotations

from types import SimpleNamespace

import pytest
from vodflow_airflow.priority import priority_of, weigh_by_run


@pytest.mark.parametrize(
    ("conf", "priority"),
    [
        ({"priority": 0}, 0),
        ({"priority": 70, "source_id": 1}, 70),
        ({"priority": 100}, 100),
        ({"priority": 101}, 100),
        ({"priority": -1}, 0),
        ({"priority": None}, 50),
        ({"priority": "high"}, 50),
        ({"priority": True}, 50),
        ({}, 50),
        (None, 50),
        ("priority", 50),
    ],
)
def test_priorities(conf: object, priority: int) -> None:
    assert priority_of(conf) == priority


@pytest.mark.parametrize(
    ("dag_id", "dag_run", "weight"),
    [
        ("transcode_video", SimpleNamespace(conf={"priority": 90}), 90),
        ("transcode_video", SimpleNamespace(conf=None), 50),
        ("transcode_video", None, 7),
        ("other", SimpleNamespace(conf={"priority": 90}), 7),
    ],
)
def test_weights(dag_id: str, dag_run: object, weight: int) -> None:
    task_instance = SimpleNamespace(dag_id=dag_id, priority_weight=7)
    weigh_by_run(task_instance, dag_run)
    assert task_instance.priority_weight == weight


@pytest.mark.airflow
def test_airflow_finds_the_policy_beside_the_plugins() -> None:
    from airflow.settings import get_policy_plugin_manager, task_instance_mutation_hook  # noqa: PLC0415

    # Otherwise Airflow takes its fast path, which asks no policy.
    assert task_instance_mutation_hook.is_noop is False  # type: ignore[attr-defined]
    task_instance = SimpleNamespace(dag_id="transcode_video", priority_weight=1)
    get_policy_plugin_manager().hook.task_instance_mutation_hook(
        task_instance=task_instance, dag_run=SimpleNamespace(conf={"priority": 33})
    )
    assert task_instance.priority_weight == 33

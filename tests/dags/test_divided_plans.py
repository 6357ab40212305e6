"""Which tasks ``transcode_video`` has for the parts of divided plans, and who makes them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from vodflow_airflow.operators.kubernetes_parts import KubernetesMakePartOperator
from vodflow_airflow.operators.kubernetes_transcode import KubernetesTranscodeOperator
from vodflow_airflow.operators.parts import JoinPartsOperator, MakePartOperator

pytestmark = pytest.mark.airflow

CLUSTER = {"kubernetes_namespace": "video", "kubernetes_image": "registry/vodflow-worker:1"}
PARTS = {"list_parts", "make_part", "join_parts"}


@pytest.fixture
def dag(set_settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The DAG as these settings make it."""
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)

    def load(**settings: Any) -> Any:
        set_settings(**settings)
        module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))
        return module.transcode_video()

    return load


@pytest.mark.parametrize("strategy", ["auto", "single"])
@pytest.mark.parametrize("role", ["", "arn:aws:iam::123456789012:role/mediaconvert"])
def test_where_nothing_is_divided_there_are_no_such_tasks(dag: Callable[..., Any], strategy: str, role: str) -> None:
    made = dag(strategy=strategy, mediaconvert_role=role)
    engines = {"transcode_local", *(["transcode_mediaconvert"] if role else [])}
    assert set(made.task_ids) == {"prepare", *engines, "publish"}
    assert made.get_task("prepare").divides is None


@pytest.mark.parametrize("strategy", ["auto", "chunks"])
def test_where_pods_are_each_part_is_one(dag: Callable[..., Any], strategy: str) -> None:
    made = dag(strategy=strategy, max_parallel_chunks=7, **CLUSTER)
    assert set(made.task_ids) == {"prepare", "transcode_local", "transcode_kubernetes", "publish"} | PARTS
    assert made.get_task("prepare").divides == "kubernetes"
    part, join = made.get_task("make_part"), made.get_task("join_parts")
    assert part.operator_class is KubernetesMakePartOperator
    assert part.pool == "vodflow_parts"
    assert part.max_active_tis_per_dagrun == 7
    assert part.map_index_template == "{{ task.part['title'] }}"
    assert (type(join), join.join) == (KubernetesTranscodeOperator, True)
    assert not made.get_task("transcode_kubernetes").join


def test_where_a_divided_plan_is_asked_for_processes_make_it(dag: Callable[..., Any]) -> None:
    made = dag(strategy="renditions")
    assert set(made.task_ids) == {"prepare", "transcode_local", "publish"} | PARTS
    part = made.get_task("make_part")
    assert (part.operator_class, part.pool) == (MakePartOperator, "vodflow_local")
    assert type(made.get_task("join_parts")) is JoinPartsOperator

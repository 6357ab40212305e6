"""``FFmpegPodOperator`` as in a stranger's DAG, on a real cluster: sync and deferrable, good and bad ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from support.engine_plans import planned
from support.fixtures.kubernetes import IMAGE, NAMESPACE, Pods
from vodflow.contract.plan import TranscodePlan
from vodflow.storage.objects import list_objects, parse_s3_uri, resolve_source
from vodflow_airflow.operators.ffmpeg_pod import FFmpegPodOperator
from vodflow_airflow.triggers.ffmpeg_pod import FFmpegPodTrigger

pytestmark = [pytest.mark.kubernetes, pytest.mark.airflow]


def plan_of(pods: Pods, name: str, source: str | None = None) -> TranscodePlan:
    """A plan of one clip whose source may be another one."""
    ref = resolve_source(*parse_s3_uri(pods.upload(source or name))).ref
    plan = planned(name, ref)
    return plan.model_copy(update={"renditions": plan.renditions[-2:]})


def run(pods: Pods, plan: TranscodePlan, **arguments: Any) -> tuple[str, Any]:
    """The task's state and its result, of a DAG with this one task."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: PLC0415  (slow)
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: PLC0415

    given = {"image": IMAGE, "namespace": NAMESPACE, "pod_template_file": str(pods.template)} | arguments
    with DAG("ffmpeg_pod", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        FFmpegPodOperator(
            task_id="encode", plan=plan.to_json(), bucket=pods.settings.media_bucket, prefix="out", **given
        )
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    (task,) = dag.test().get_task_instances()
    return str(task.state), task.xcom_pull(task_ids="encode", key="result")


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_plan_is_carried_out(pods: Pods, deferrable: bool, caplog: pytest.LogCaptureFixture) -> None:
    state, result = run(pods, plan_of(pods, "small"), deferrable=deferrable)
    assert state == "success"
    objects = list_objects(pods.settings.media_bucket, "out")
    assert (result["objects"], result["bytes"]) == (len(objects), sum(objects.values()))
    assert result["cpu_seconds"] > 0
    assert "hls/master.m3u8" in objects
    pods.until(lambda: not pods.names())


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_damaged_source_skips(pods: Pods, deferrable: bool, capfd: pytest.CaptureFixture[str]) -> None:
    state, result = run(pods, plan_of(pods, "small", "undecodable"), deferrable=deferrable)
    assert (state, result) == ("skipped", None)
    pods.until(lambda: not pods.names())


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_an_image_that_is_not_there_fails_for_good(
    pods: Pods, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    arguments = {"image": "localhost/no-such-image:1", "deferrable": deferrable, "startup_timeout_seconds": 40}
    state, result = run(pods, plan_of(pods, "small"), **arguments)
    assert (state, result) == ("failed", None)
    pods.until(lambda: not pods.names())


class _TaskInstance:
    dag_id, run_id, task_id, map_index, try_number = "d", "r", "encode", -1, 1


def test_the_name_is_the_same_for_the_same_try() -> None:
    operator = FFmpegPodOperator(task_id="En_code.x", plan="{}", bucket="b", prefix="p", image="i")
    first: Any = {"ti": _TaskInstance()}
    second: Any = {"ti": type("Next", (_TaskInstance,), {"try_number": 2})()}
    assert operator._pod_name(first) == operator._pod_name(first) != operator._pod_name(second)
    assert operator._pod_name(first).startswith("en-code-x-")


def test_the_trigger_survives_the_triggerers_database(pods: Pods) -> None:
    trigger = FFmpegPodTrigger(
        pod_name="none", pod_namespace=NAMESPACE, base_container_name="worker", trigger_start_time=datetime.now(UTC),
        config_dict=json.loads(json.dumps(_kubeconfig())),
    )  # fmt: skip
    path, arguments = trigger.serialize()
    assert path == "vodflow_airflow.triggers.ffmpeg_pod.FFmpegPodTrigger"

    async def fired() -> Any:
        async with asyncio.timeout(30):
            return (await anext(aiter(FFmpegPodTrigger(**arguments).run()))).payload

    event = asyncio.run(fired())
    assert (event["status"], event["name"], event["message"]) == ("failed", "none", "The pod is gone")


def _kubeconfig() -> Any:
    import yaml  # noqa: PLC0415

    return yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())

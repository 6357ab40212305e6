"""``FFmpegPodOperator`` as in a stranger's DAG, on a real cluster: sync and deferrable, good and bad ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from airflow.sdk import DAG
from support.engine_plans import planned
from support.fixtures.kubernetes import HUNGRY, IMAGE, NAMESPACE, Pods
from vodflow.contract.plan import TranscodePlan
from vodflow.storage.objects import list_objects, parse_s3_uri, resolve_source
from vodflow_airflow.operators.ffmpeg_pod import FFmpegPodOperator
from vodflow_airflow.triggers.ffmpeg_pod import FFmpegPodTrigger

pytestmark = [pytest.mark.kubernetes, pytest.mark.airflow]

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "ffmpeg_pod_dag.py"


def plan_of(pods: Pods, name: str, source: str | None = None) -> TranscodePlan:
    """A plan of one clip whose source may be another one."""
    ref = resolve_source(*parse_s3_uri(pods.upload(source or name))).ref
    plan = planned(name, ref)
    return plan.model_copy(update={"renditions": plan.renditions[-2:]})


@dataclass
class Done:
    """What became of a DAG with one task."""

    state: str
    result: Any
    tries: int


def known_to_airflow(dags: str | DAG) -> Any:
    """The DAG bag of a file, or with one DAG."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: PLC0415  (slow)
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: PLC0415

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dags if isinstance(dags, str) else os.devnull)
    if isinstance(dags, DAG):
        bag.bag_dag(dags)
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    return bag


def run(
    pods: Pods, plan: TranscodePlan | str, operator: type[FFmpegPodOperator] = FFmpegPodOperator, **arguments: Any
) -> Done:
    """Run a DAG with this one task, on threads of this process."""
    given = {"image": IMAGE, "namespace": NAMESPACE, "pod_template_file": str(pods.template)} | arguments
    asked = plan if isinstance(plan, str) else plan.to_json()
    with DAG("ffmpeg_pod", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        operator(task_id="encode", plan=asked, bucket=pods.settings.media_bucket, prefix="out", **given)
    known_to_airflow(dag)
    (task,) = dag.test().get_task_instances()
    return Done(str(task.state), task.xcom_pull(task_ids="encode", key="result"), task.try_number)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that the task has said."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + "".join(capfd.readouterr())


def nothing_left(pods: Pods) -> None:
    pods.until(lambda: not pods.names())
    assert not [name for name in list_objects(pods.settings.media_bucket, "out") if name.startswith("_work/")]


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_plan_is_carried_out(pods: Pods, deferrable: bool) -> None:
    done = run(pods, plan_of(pods, "small"), deferrable=deferrable)
    assert done.state == "success"
    objects = list_objects(pods.settings.media_bucket, "out")
    assert (done.result["objects"], done.result["bytes"]) == (len(objects), sum(objects.values()))
    assert done.result["cpu_seconds"] > 0
    assert "hls/master.m3u8" in objects
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
def test_the_example_of_the_docs_makes_its_outputs(pods: Pods) -> None:
    example = known_to_airflow(str(EXAMPLE)).dags["ffmpeg_pod_example"]
    # For what its reader does by a service account: the pod's credentials, here of the tests' S3.
    example.get_task("encode").pod_template_file = str(pods.template)
    asked = {"source": pods.upload("small"), "bucket": pods.settings.media_bucket, "prefix": "out", "profile": "sd"}
    tasks = example.test(run_conf=asked | {"namespace": NAMESPACE, "image": IMAGE}).get_task_instances()
    assert {task.task_id: str(task.state) for task in tasks} == {"plan": "success", "encode": "success"}
    made = list_objects(pods.settings.media_bucket, "out").keys()
    assert {"hls/master.m3u8", "dash/manifest.mpd", "mp4/video_360p.mp4"} <= made
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_damaged_source_skips(pods: Pods, deferrable: bool, told: Callable[[], str]) -> None:
    done = run(pods, plan_of(pods, "small", "undecodable"), deferrable=deferrable)
    assert (done.state, done.result) == ("skipped", None)
    assert "Input rejected, undecodable" in told()
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_an_image_that_is_not_there_fails_for_good(pods: Pods, deferrable: bool, told: Callable[[], str]) -> None:
    # Were it found by the time a pod may take to start, this test would be stopped first.
    arguments = {"image": "localhost/no-such-image:1", "deferrable": deferrable, "startup_timeout_seconds": 3600}
    done = run(pods, plan_of(pods, "small"), retries=3, **arguments)
    assert (done.state, done.result, done.tries) == ("failed", None, 1)
    said = told()
    assert "its image localhost/no-such-image:1 cannot be pulled; check the name" in said
    assert "imagePullSecrets" in said
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_too_little_memory_gets_twice_as_much_once(pods: Pods, deferrable: bool, told: Callable[[], str]) -> None:
    pods.change(command=["python", "-c", HUNGRY], variables={"HUNGRY_BYTES": str(300 * 2**20)})
    made = pods.made_from_now()
    again = {"retries": 2, "retry_delay": timedelta(0), "deferrable": deferrable, "memory_factor": 0.5}
    done = run(pods, plan_of(pods, "small"), **again)
    assert (done.state, done.tries) == ("success", 2)
    assert "killed for want of memory" in told()
    first, second = (int(pod.spec.containers[0].resources.limits["memory"]) for pod in made())
    assert second == pytest.approx(2 * first, abs=4 * 2**20)  # each is rounded to MiB
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_task_whose_time_is_up_leaves_no_pod(pods: Pods, deferrable: bool) -> None:
    pods.change(command=["sh", "-c", "trap exit TERM; sleep 600 & wait"])
    done = run(pods, plan_of(pods, "small"), deferrable=deferrable, execution_timeout=timedelta(seconds=10))
    assert done.state == "failed"
    pods.until(lambda: not pods.names())


class LosesItsWorker(FFmpegPodOperator):
    """Its first try makes the pod and is lost with its worker when the pod is in a phase."""

    def __init__(self, *, phase: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.phase = phase

    def execute(self, context: Any) -> None:
        if context["ti"].try_number > 1:
            super().execute(context)
            return
        self.name = self._pod_name(context)
        made = self.get_or_create_pod(self.build_pod_request_obj(context), context).metadata
        while self.hook.get_pod(made.name, made.namespace).status.phase != self.phase:
            time.sleep(0.2)
        raise RuntimeError("The worker is lost.")


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_a_later_try_goes_on_with_the_pod_of_a_lost_one(pods: Pods, deferrable: bool, phase: str) -> None:
    made = pods.made_from_now()
    asked = {"retries": 1, "retry_delay": timedelta(0), "deferrable": deferrable, "phase": phase}
    done = run(pods, plan_of(pods, "small"), LosesItsWorker, **asked)
    assert (done.state, done.tries, len(made())) == ("success", 2, 1)
    assert done.result["objects"] == len(list_objects(pods.settings.media_bucket, "out"))
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_pod_deleted_in_mid_encode_is_made_again(pods: Pods, deferrable: bool, told: Callable[[], str]) -> None:
    made, begun = pods.made_from_now(), Event()

    def delete_the_first() -> None:
        with pods.halting():
            begun.set()
            (name,) = pods.until(pods.names)
            pods.halted(name)
        pods.core.delete_namespaced_pod(name, NAMESPACE)

    with ThreadPoolExecutor(1) as beside:
        deleted = beside.submit(delete_the_first)
        begun.wait()
        done = run(pods, plan_of(pods, "small"), retries=1, retry_delay=timedelta(0), deferrable=deferrable)
        deleted.result()
    assert (done.state, done.tries, len(made())) == ("success", 2, 2)
    assert "Another pod begins anew." in told()
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"namespace": "nowhere"}, "Make it (kubectl create namespace nowhere)"),
        ({"config_file": "/nonexistent/config"}, "There is no Kubernetes cluster to be found"),
        ({"kubernetes_conn_id": "not_there"}, "There is no Kubernetes cluster to be found"),
        ({"config_file": "nobody"}, "Give that user or service account the role of docs/kubernetes-engine.md"),
        ({"image": "localhost/busybox:1"}, "could not start the worker in image localhost/busybox:1"),
        (
            {"image": "localhost/busybox:1", "deferrable": True},
            "could not start the worker in image localhost/busybox:1",
        ),
        ({"plan": "{}"}, "The argument `plan` is no plan"),
        ({"pod_template_dict": {"spec": {"priorityClassName": "none-such"}}}, "Change what the message names"),
        ({"pod_template_dict": {"spec": {"volumes": [{"name": "Not a name"}]}}}, "Correct the pod template"),
    ],
)
def test_what_no_try_can_help_fails_at_once(
    pods: Pods, wrong: dict[str, Any], words: str, told: Callable[[], str]
) -> None:
    if wrong.get("config_file") == "nobody":
        wrong = {"config_file": str(pods.account([]))}
    plan = wrong.get("plan") or plan_of(pods, "small")
    rest = {name: value for name, value in wrong.items() if name != "plan"}
    done = run(pods, plan, retries=3, **rest)
    assert (done.state, done.tries) == ("failed", 1)
    assert words in told()
    nothing_left(pods)


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_another_try_may_help_has_one(pods: Pods, deferrable: bool, told: Callable[[], str]) -> None:
    again = {"retries": 1, "retry_delay": timedelta(0), "deferrable": deferrable}
    with pods.full_quota():
        done = run(pods, plan_of(pods, "small"), **again)
    assert (done.state, done.tries) == ("failed", 2)
    assert "exceeded quota: few" in told()
    pods.change(resources={"requests": {"cpu": "500"}})
    done = run(pods, plan_of(pods, "small"), startup_timeout_seconds=2, **again)
    assert (done.state, done.tries) == ("failed", 2)
    said = told()
    assert "Insufficient cpu" in said
    assert "Add nodes, or have the pod template ask for less" in said
    nothing_left(pods)


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

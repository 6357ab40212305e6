"""``transcode_video`` in the embedded stack, with pods: real triggerer and scheduler processes die in mid-encode."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import yaml
from support.clips import clip
from support.fixtures.kubernetes import IMAGE, NAMESPACE, Pods
from support.fixtures.parts import new_root, remove_home
from support.halting import halting
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.states import JobStatus
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.config import prepare_config
from vodflow.stack.stack import Stack
from vodflow.stack.status import read_status
from vodflow.storage.clients import forget_clients, s3_client

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

#: No event and no sweep looks there.
BUCKET = "footage"


def template(keys: dict[str, str]) -> dict[str, Any]:
    worker = {"name": "worker", "env": [{"name": name, "value": value} for name, value in keys.items()]}
    return halting({"kind": "Pod", "spec": {"hostNetwork": True, "containers": [worker]}}, IMAGE)


@pytest.fixture(scope="module")
def live(kubernetes_core: Any) -> Iterator[Stack]:
    """A stack whose tasks have the cluster."""
    root = new_root("vodflow-pods-", 11)
    root.chmod(0o755)
    stack = Stack.load(root)
    secrets = prepare_config(stack.home).secrets
    path = root / "pod.yaml"
    keys = {"AWS_ACCESS_KEY_ID": secrets.aws_access_key_id, "AWS_SECRET_ACCESS_KEY": secrets.aws_secret_access_key}
    path.write_text(yaml.safe_dump(template(keys)))
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith(("AIRFLOW_", "VODFLOW_", "AWS_")):
            patch.delenv(name)
    patch.setenv("VODFLOW_KUBERNETES_NAMESPACE", NAMESPACE)
    patch.setenv("VODFLOW_KUBERNETES_IMAGE", IMAGE)
    patch.setenv("VODFLOW_KUBERNETES_CONFIG", os.environ["KUBECONFIG"])
    patch.setenv("VODFLOW_KUBERNETES_TEMPLATE", str(path))
    try:
        stack.up()
        yield stack
    finally:
        patch.undo()
        stack.down()
        remove_home(root)


@pytest.fixture
def cluster(live: Stack, kubernetes_core: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pods]:
    """The pods of the stack's tasks; this process works with the stack's catalog and S3."""
    for name, value in live.environment().items():
        monkeypatch.setenv(name, value)
    forget()
    settings = get_settings()
    yield Pods(kubernetes_core, settings, s3_client(), live.home.root / "pod.yaml", lambda **_: settings)
    for pod in kubernetes_core.list_namespaced_pod(NAMESPACE).items:
        kubernetes_core.delete_namespaced_pod(pod.metadata.name, NAMESPACE, grace_period_seconds=0)
    forget()


def forget() -> None:
    dispose_engines()
    get_settings.cache_clear()
    forget_clients()


def started(pods: Pods, airflow: AirflowApi, key: str) -> tuple[str, str]:
    """A run of transcode_video whose pod is in mid-encode, and stays there: run and pod."""
    pods.s3.create_bucket(Bucket=BUCKET)
    pods.s3.put_object(Bucket=BUCKET, Key=key, Body=clip("small").read_bytes())
    conf = {"source_uri": f"s3://{BUCKET}/{key}", "engine": "kubernetes", "profile": "sd"}
    run_id = airflow.start_run("transcode_video", conf)
    (name,) = pods.until(pods.names, 180)
    pods.halted(name)
    pods.until(lambda: task_state(airflow, run_id) == "deferred")
    return run_id, name


def task_state(airflow: AirflowApi, run_id: str) -> str:
    answer = airflow._call("GET", f"/api/v2/dags/transcode_video/dagRuns/{run_id}/taskInstances/transcode_kubernetes")
    return str(answer["state"])


def kill(stack: Stack, part: str) -> None:
    """SIGKILL a part's first process, and wait until another has taken its place."""

    def pid() -> int | None:
        return next(item.pid for item in read_status(stack.home).parts if item.name == part)

    before = pid()
    assert before is not None
    psutil.Process(before).kill()
    until(lambda: stack.is_healthy() and pid() not in {None, before})


def until(condition: Callable[[], Any], patience: float = 180.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_killed_triggerers_and_schedulers_go_on_with_the_same_pod(live: Stack, cluster: Pods) -> None:
    made = cluster.made_from_now()
    with AirflowApi(live.config) as airflow:
        run_id, name = started(cluster, airflow, "killed/small.mp4")
        kill(live, "triggerer")
        kill(live, "scheduler")
        assert (task_state(airflow, run_id), cluster.names()) == ("deferred", [name])
        cluster.go_on(name)
        assert airflow.wait_for_run("transcode_video", run_id, 240) == "success"
    assert [pod.metadata.name for pod in made()] == [name]
    with transaction("test") as connection:
        (row,) = (row for row in overview(connection) if row.key == "killed/small.mp4")
    assert (row.verdict, row.engine) == ("PUBLISHED", "kubernetes")
    cluster.until(lambda: not cluster.names())


def test_a_run_marked_failed_leaves_no_pod(live: Stack, cluster: Pods) -> None:
    with AirflowApi(live.config) as airflow:
        run_id, name = started(cluster, airflow, "failed/small.mp4")
        assert airflow.fail_run("transcode_video", run_id)
        cluster.gone(name)
    with transaction("test") as connection:
        (row,) = (row for row in overview(connection) if row.key == "failed/small.mp4")
    assert row.verdict == JobStatus.CANCELED

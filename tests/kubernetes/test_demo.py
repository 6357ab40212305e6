"""``make demo ENGINE=kubernetes``: through pods to the player page, and what it says where that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from support.clips import clip
from support.fixtures.kubernetes import IMAGE, NAMESPACE
from support.fixtures.parts import new_root, remove_home
from vodflow.stack.stack import Stack

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]


def demo(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """The demo as a person starts it who has no variable of any stack in his shell."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VODFLOW_", "AWS_", "AIRFLOW_"))}
    own |= {"VODFLOW_HOME": str(home), "VODFLOW_KUBERNETES_NAMESPACE": NAMESPACE, "VODFLOW_KUBERNETES_IMAGE": IMAGE}
    argv = [sys.executable, "-m", "vodflow", "demo", "--engine", "kubernetes", str(clip("small"))]
    return subprocess.run(argv, env=own | settings, capture_output=True, text=True, timeout=400, check=False)


def pods_of(core: Any, namespace: str) -> list[str]:
    return [pod.metadata.name for pod in core.list_namespaced_pod(namespace).items]


@pytest.fixture
def nowhere(kubernetes_core: Any) -> Iterator[str]:
    """The name of a namespace that is not there, and is not afterwards."""
    import kubernetes.client  # noqa: PLC0415 - slow, and few tests need it

    name = f"vodflow-demo-{uuid4().hex[:8]}"
    yield name
    # The tests' cluster has no controller that would take a deleted one away.
    with suppress(kubernetes.client.ApiException):
        kubernetes_core.replace_namespace_finalize(name, {"metadata": {"name": name}, "spec": {"finalizers": []}})


def refused(done: subprocess.CompletedProcess[str], home: Path) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert not list(home.iterdir())
    return done.stdout


def test_the_demo_goes_through_pods(kubernetes_core: Any) -> None:
    home = new_root("vodflow-demo-", 11)
    home.chmod(0o755)
    try:
        done = demo(home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 published, 0 rejected" in done.stdout
        assert "player.html?manifest=" in done.stdout
        assert "kubernetes" in done.stdout.split("4. The report")[1]
        assert pods_of(kubernetes_core, NAMESPACE) == []
        assert (home / "demo" / "pod.yaml").stat().st_mode & 0o077 == 0
    finally:
        Stack.load(home).down()
        remove_home(home)


def test_an_image_that_is_not_there_is_told_how_to_get_there(
    kubernetes_core: Any, nowhere: str, tmp_path: Path
) -> None:
    done = demo(tmp_path, VODFLOW_KUBERNETES_NAMESPACE=nowhere, VODFLOW_KUBERNETES_IMAGE="localhost/no-such-image:1")
    said = refused(done, tmp_path)
    assert "The worker image localhost/no-such-image:1 is not in the cluster: build it with" in said
    assert "`docker build --target worker -t localhost/no-such-image:1 .`" in said
    # Made, and removed again.
    assert kubernetes_core.read_namespace(nowhere).metadata.deletion_timestamp is not None
    assert pods_of(kubernetes_core, nowhere) == []


def test_an_image_of_something_else_and_a_node_elsewhere_are_told(kubernetes_core: Any, tmp_path: Path) -> None:
    told = refused(demo(tmp_path, VODFLOW_KUBERNETES_IMAGE="localhost/busybox:1"), tmp_path)
    assert "localhost/busybox:1 is not the worker of this checkout" in told
    apart = tmp_path.with_name(f"{tmp_path.name}.yaml")
    apart.write_text(yaml.safe_dump({"kind": "Pod", "spec": {"hostNetwork": False}}))
    told = refused(demo(tmp_path, VODFLOW_KUBERNETES_TEMPLATE=str(apart)), tmp_path)
    assert "The cluster's pods do not reach 127.0.0.1 of this machine" in told
    assert pods_of(kubernetes_core, NAMESPACE) == []

"""The demo with pods where there is no cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from vodflow.settings import Settings
from vodflow.stack.config import prepare_config
from vodflow.stack.demo import pods
from vodflow.stack.demo.run import run_demo
from vodflow.stack.environment import keep_settings
from vodflow.stack.home import Home
from vodflow.stack.stack import Stack


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, set_settings: Callable[..., Settings]) -> Path:
    """A state folder, for a caller with no Kubernetes in his shell."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    own = tmp_path / "home"
    monkeypatch.setenv("VODFLOW_HOME", str(own))
    set_settings()
    return own


def kubeconfig(path: Path, port: int) -> Path:
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("there", ["no file", "nobody listens"])
def test_where_no_cluster_is_reached_one_sentence_says_what_to_do(
    there: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = tmp_path / "none" if there == "no file" else kubeconfig(tmp_path / "config", port)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert run_demo([], "kubernetes") == 1
    said = capsys.readouterr().out
    assert "The demo failed. No Kubernetes cluster can be reached (" in said
    assert "start one whose node is this machine" in said
    assert "have KUBECONFIG name its kubeconfig file" in said
    assert "The stack" not in said
    assert not home.exists()


def test_a_stack_that_runs_without_kubernetes_must_be_stopped_first(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Stack, "is_healthy", lambda _: True)
    assert run_demo([], "kubernetes") == 1
    assert "The stack is up without Kubernetes: stop it with `make down`" in capsys.readouterr().out


def test_the_stacks_own_settings_win_while_it_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack.load(home)
    prepare_config(Home(home))
    (home / "run").mkdir(exist_ok=True)
    given = {"VODFLOW_KUBERNETES_IMAGE": "a:1", "VODFLOW_KUBERNETES_NAMESPACE": "a", "VODFLOW_AWS_REGION": "x"}
    keep_settings(stack.home, given)
    monkeypatch.setenv("VODFLOW_KUBERNETES_IMAGE", "b:1")
    monkeypatch.setenv("KUBECONFIG", "config")
    fresh = pods._values(stack)
    assert (fresh["VODFLOW_KUBERNETES_IMAGE"], fresh["VODFLOW_KUBERNETES_NAMESPACE"]) == ("b:1", pods.NAMESPACE)
    assert fresh["VODFLOW_KUBERNETES_CONFIG"] == str(Path("config").absolute())
    monkeypatch.setattr(Stack, "is_healthy", lambda _: True)
    assert pods._values(stack) == {name: given[name] for name in sorted(given) if "KUBERNETES" in name}

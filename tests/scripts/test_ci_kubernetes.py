"""What continuous integration does with a cluster: every path's exit status, and that it is always taken down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "kubernetes"
LOG = 'echo "$(basename "$0")" >>"$(dirname "$0")/log"'
UP = "echo 'export KUBECONFIG=\"a place\"'; echo progress >&2"


def run(folder: Path, **limits: str) -> tuple[int, list[str], str]:
    """Exit status, which tools were called in which order, and what was said."""
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **limits}
    done = subprocess.run(
        [SCRIPT, folder],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    log = folder / "log"
    return done.returncode, log.read_text().split() if log.exists() else [], done.stdout + done.stderr


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    for name in ("kubernetes-up", "kubernetes-image", "kubernetes-down", "make"):
        write(tmp_path, name, UP if name == "kubernetes-up" else ":")
    return tmp_path


def write(folder: Path, name: str, does: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{LOG}\n{does}\n")
    path.chmod(0o755)


def test_without_the_tools_it_is_left_out(tmp_path: Path) -> None:
    code, called, said = run(tmp_path)
    assert (code, called) == (0, [])
    assert "Left out: there is no" in said


def test_up_image_tests_down(tools: Path) -> None:
    write(tools, "make", '[ "$KUBECONFIG" = "a place" ] && [ "$*" = test-kubernetes ]')
    write(tools, "kubernetes-image", '[ "$*" = "vodflow-worker:test ." ] && [ -e Dockerfile ]')
    assert run(tools)[:2] == (0, ["kubernetes-up", "kubernetes-image", "make", "kubernetes-down"])


def test_a_cluster_has_two_tries(tools: Path) -> None:
    write(
        tools, "kubernetes-up", f'[ -e "$(dirname "$0")/again" ] || {{ touch "$(dirname "$0")/again"; exit 3; }}; {UP}'
    )
    code, called, said = run(tools)
    assert (code, called[:3]) == (0, ["kubernetes-up", "kubernetes-down", "kubernetes-up"])
    assert "kubernetes-up failed with exit status 3" in said
    write(tools, "kubernetes-up", "exit 3")
    (tools / "log").unlink()
    code, called, said = run(tools)
    assert (code, called.count("kubernetes-up"), called[-1]) == (1, 2, "kubernetes-down")
    assert "The cluster does not come up" in said
    assert "make" not in called


@pytest.mark.parametrize(("tool", "code"), [("kubernetes-image", 7), ("make", 2)])
def test_what_fails_fails_the_run(tools: Path, tool: str, code: int) -> None:
    write(tools, tool, f"exit {code}")
    found, called, said = run(tools)
    assert (found, called[-2:]) == (code, [tool, "kubernetes-down"])
    assert f"{tool} failed with exit status {code}" in said


def test_what_hangs_is_stopped(tools: Path) -> None:
    write(tools, "make", "sleep 600 & sleep 600")
    code, called, said = run(tools, TEST_SECONDS="1")
    assert (code, called[-1]) == (124, "kubernetes-down")
    assert "make was stopped: it had not ended after 1 s" in said


def test_a_cluster_that_does_not_go_down_changes_nothing(tools: Path) -> None:
    write(tools, "kubernetes-down", "exit 9")
    assert run(tools)[0] == 0
    write(tools, "make", "exit 2")
    assert run(tools)[0] == 2

"""What .github says: checked as GitHub would, and held to what the repository has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from vodflow.stack.home import REPOSITORY

FOLDER = REPOSITORY / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yaml"))
PROGRAMS = Path(sys.executable).parent


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


def test_actionlint_finds_nothing() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "kubernetes", "release"]
    command = [PROGRAMS / "actionlint", "-no-color", "-shellcheck=", "-pyflakes=", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_hash_and_say_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text("utf-8"))
    assert used
    for line in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_action_has_one_version() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text("utf-8"))}
    assert len({line.partition("@")[0] for line in used}) == len(used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_end_and_may_only_read(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        written = {right for right, level in job.get("permissions", {}).items() if level == "write"}
        assert not written or path.stem == "release", "what changes something runs on tags alone"
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_what_they_name_is_there() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (REPOSITORY / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    for path in WORKFLOWS:
        jobs = load(path)["jobs"]
        for step in (step for job in jobs.values() for step in job["steps"]):
            for target in re.findall(r"\bmake ([\w-]+)", step.get("run", ""), re.MULTILINE):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for job in (job for name, job in jobs.items() if name == "images"):
            matrix = job["strategy"]["matrix"]
            built = {*matrix.get("target", ()), *(one["target"] for one in matrix.get("include", ()))}
            assert built == {"vodflow", "team", "worker"}
            assert built <= stages
    chart = load(FOLDER / "workflows" / "kubernetes.yaml")["env"]["CHART"]
    assert f"--version {chart}" in (REPOSITORY / "deploy" / "kubernetes" / "README.md").read_text("utf-8")
    version = (REPOSITORY / "include" / "vodflow" / "__init__.py").read_text("utf-8")
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', version, re.MULTILINE)


def test_a_cluster_pulls_what_a_release_publishes() -> None:
    version = re.search(
        r'__version__ = "(.+)"', (REPOSITORY / "include" / "vodflow" / "__init__.py").read_text("utf-8")
    )
    assert version
    steps = load(FOLDER / "workflows" / "release.yaml")["jobs"]["images"]["steps"]
    (named,) = (step["run"] for step in steps if step.get("id") == "image")
    build, home = REPOSITORY / "deploy" / "kubernetes", "ghcr.io/vodflow/vodflow-"
    variables = {
        "GITHUB_REPOSITORY_OWNER": "Vodflow",
        "GITHUB_REF_NAME": f"v{version[1]}",
        "GITHUB_OUTPUT": "/dev/stdout",
    }
    published = {}
    for target in ("team", "worker"):
        command = ["bash", "-ec", named]
        done = subprocess.run(
            command, env={**variables, "TARGET": target}, capture_output=True, text=True, timeout=30, check=True
        )
        outputs = dict(line.split("=", 1) for line in done.stdout.splitlines())
        published[target] = f"{outputs['name']}:{outputs['version']}"
    assert published == {target: f"{home}{target}:{version[1]}" for target in published}
    values = load(build / "airflow" / "values.yaml")
    assert published["team"] == f"{values['defaultAirflowRepository']}:{values['defaultAirflowTag']}"
    assert f"VODFLOW_KUBERNETES_IMAGE={published['worker']}\n" in (build / "base" / "settings.env").read_text("utf-8")


def test_make_uses_the_python_that_was_set_up() -> None:
    """Not the newest that the runner has beside it: the matrix would mean nothing, and an environment be made twice."""
    for path in WORKFLOWS:
        workflow = load(path)
        for name, job in workflow["jobs"].items():
            steps = job["steps"]
            if any("make " in step.get("run", "") for step in steps):
                assert workflow["env"]["PYTHON"] == "python3", path.name
                assert any("actions/setup-python" in step.get("uses", "") for step in steps), name


def test_every_kind_of_dependency_is_kept_current() -> None:
    kinds = {update["package-ecosystem"] for update in load(FOLDER / "dependabot.yml")["updates"]}
    assert kinds == {"pip", "npm", "docker", "github-actions"}


def test_pre_commit_runs_what_lint_runs_and_fetches_nothing() -> None:
    config = REPOSITORY / ".pre-commit-config.yaml"
    done = subprocess.run([PROGRAMS / "pre-commit", "validate-config", config], timeout=60, check=False)
    assert done.returncode == 0
    (repository,) = load(config)["repos"]
    assert repository["repo"] == "local"
    entries = {re.sub(r"^(env \S+ )?\.venv/bin/", "", hook["entry"]).split(" -")[0] for hook in repository["hooks"]}
    lint = re.search(r"^lint:.*?(?=^\w)", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert lint
    tools = {line.split(" -")[0] for line in re.findall(r"\.venv/bin/(.*)", lint[0])}
    assert {tool.removesuffix(" .") for tool in tools} <= entries

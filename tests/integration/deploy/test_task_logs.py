"""Logs of tasks outlive the machine or pod that the task ran on: Airflow's own code, a real S3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mypy_boto3_s3 import S3Client
from vodflow.stack.environment import stack_environment
from vodflow.stack.home import REPOSITORY, Home

pytestmark = [pytest.mark.integration, pytest.mark.airflow]

LOG = "dag_id=transcode_video/run_id=source-1/task_id=publish/attempt=1.log"
#: What a task's supervisor does with its log: the functions that `airflow.sdk.execution_time.supervisor` calls.
TASK = f"""
from airflow.sdk.execution_time.supervisor import _configure_logging
from airflow.sdk.log import upload_to_remote
logger, file = _configure_logging({LOG!r}, None)
logger.info("Published %s", "holiday.mp4")
file.flush()
upload_to_remote(logger)
"""
#: What the API server does for whoever looks at the task.
READ = f"""
from airflow.sdk.log import load_remote_log_handler
sources, lines = load_remote_log_handler().read({LOG!r}, None)
print(*sources, *lines, sep="\\n")
"""


def run(script: str, environment: dict[str, str], home: Path) -> str:
    """In a process with a home of its own, as a pod has."""
    home.mkdir()
    variables = {**environment, "AIRFLOW_HOME": str(home), "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def environment(aws_server: str, stack_home: Home) -> dict[str, str]:
    """Of the session's AWS services, with the logging variables of deploy/kubernetes."""
    lines = (REPOSITORY / "deploy/kubernetes/base/settings.env").read_text("utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line.startswith("AIRFLOW__LOGGING__"))
    own = stack_environment(stack_home)
    aws = {name: value for name, value in own.items() if name.startswith("AWS_") or name == "AIRFLOW_CONN_AWS_DEFAULT"}
    return {**os.environ, **settings, **aws}


def test_a_log_is_there_when_the_pod_is_not(
    environment: dict[str, str], make_bucket: Callable[[], str], s3: S3Client, tmp_path: Path
) -> None:
    bucket = make_bucket()
    environment["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] = f"s3://{bucket}/airflow-logs"
    run(TASK, environment, tmp_path / "pod")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == [f"airflow-logs/{LOG}"]
    assert not list((tmp_path / "pod" / "logs").rglob("*.log")), "DELETE_LOCAL_LOGS"
    shown = run(READ, environment, tmp_path / "api-server")
    assert f"s3://{bucket}/airflow-logs/{LOG}" in shown
    assert "Published holiday.mp4" in shown


def test_a_team_of_compose_sets_the_same() -> None:
    team = (REPOSITORY / "deploy/compose/team.yaml").read_text("utf-8")
    services = yaml.load(team.replace("!reset", ""), yaml.SafeLoader)["services"]
    names = {name for name in services["worker"]["environment"] if "REMOTE" in name}
    assert names == {
        "AIRFLOW__LOGGING__REMOTE_LOGGING",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER",
        "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID",
    }

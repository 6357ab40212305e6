"""Airflow's four parts. This module only knows their command lines, their health and their files."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import urllib.request
from collections.abc import Mapping

from vodflow.errors import StackError
from vodflow.local.config import StackConfig, write_private
from vodflow.local.environment import password_file
from vodflow.local.home import Home
from vodflow.local.part import Part
from vodflow.local.postgres import connect

API_SERVER = "api-server"

#: Parts that report by heartbeat, and the job type under which they do.
_JOBS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}

#: A heartbeat older than this (seconds) is no sign of life; the slowest part beats every 5 s.
_HEARTBEAT_LIMIT = 30


def write_password_file(home: Home, config: StackConfig) -> None:
    """Give the simple auth manager the generated password; otherwise it would make one and log it."""
    home.airflow.mkdir(parents=True, exist_ok=True)
    home.airflow.chmod(0o700)
    wanted = json.dumps({"admin": config.secrets.admin_password})
    path = password_file(home)
    if not path.exists() or path.read_text() != wanted:
        write_private(path, wanted)


def airflow_parts(home: Home, config: StackConfig, environment: Mapping[str, str]) -> list[Part]:
    """How to start, check and stop each of Airflow's parts."""
    checks = {API_SERVER: functools.partial(_check_api, config)}
    checks.update({name: functools.partial(_check_job, config, name) for name in _JOBS})
    return [
        Part(
            name=name,
            argv=(sys.executable, "-m", "airflow", name),
            environment=environment,
            folder=home.part_folder(name),
            check=check,
            after=("postgres", "databases"),
            url=config.airflow_url if name == API_SERVER else None,
        )
        for name, check in checks.items()
    ]


def _check_api(config: StackConfig, timeout: float, started: float) -> None:  # noqa: ARG001 - see Part.check
    """Ask the API that tasks use: its first request is slow (2 to 6 s), and no task should be the one to wait."""
    for path in ("/api/v2/version", "/execution/health"):
        with urllib.request.urlopen(f"{config.airflow_url}{path}", timeout=timeout):  # noqa: S310 - our own URL
            pass


def _check_job(config: StackConfig, name: str, timeout: float, started: float) -> None:
    """See that the job of this process reports in time; one that was killed may look alive for a while.

    :raises StackError: it does not
    """
    with contextlib.closing(connect(config, "airflow", timeout)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - latest_heartbeat) FROM job"
            " WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)"
            " ORDER BY start_date DESC LIMIT 1",
            (_JOBS[name], started),
        )
        row = cursor.fetchone()
    if row is None:
        raise StackError(f"The {name} has not reported yet.")
    if row[0] > _HEARTBEAT_LIMIT:
        raise StackError(f"The {name} reported {row[0]:.0f} s ago for the last time.")

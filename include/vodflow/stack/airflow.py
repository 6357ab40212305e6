"""Airflow's four parts. This module only knows their command lines, their health and their files."""

from __future__ import annotations

import functools
import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from vodflow.stack.api import airflow_account
from vodflow.stack.config import StackConfig, write_private
from vodflow.stack.environment import password_file
from vodflow.stack.heartbeats import JOBS, check_heartbeat
from vodflow.stack.home import Home
from vodflow.stack.part import Part
from vodflow.stack.postgres import connect

API_SERVER = "api-server"

#: Parts that serve the logs of tasks to other machines.
_LOG_SERVERS = {"scheduler", "triggerer"}


def write_password_file(home: Home, config: StackConfig) -> None:
    """Give the simple auth manager the generated passwords; otherwise it would make some and log them."""
    home.airflow.mkdir(parents=True, exist_ok=True)
    home.airflow.chmod(0o700)
    wanted = json.dumps(config.passwords)
    path = password_file(home)
    if not path.exists() or path.read_text() != wanted:
        write_private(path, wanted)


def airflow_parts(home: Home, config: StackConfig, environment: Mapping[str, str]) -> list[Part]:
    """How to start, check and stop each of Airflow's parts."""
    jobs = {name: _Job(config, name) for name in JOBS}
    common = functools.partial(Part, after=("postgres", "databases"))
    return [
        common(
            name=API_SERVER,
            argv=_command(API_SERVER),
            environment={**environment, **airflow_account(config)},
            folder=home.part_folder(API_SERVER),
            check=functools.partial(_check_api, config),
            url=config.airflow_url,
        ),
        *(
            common(
                name=name,
                argv=_command(name),
                environment=environment,
                folder=home.part_folder(name),
                prepare=job.note_start,
                check=job.check,
            )
            for name, job in jobs.items()
        ),
    ]


def _command(name: str) -> tuple[str, ...]:
    # Logs are files on this machine, which the API server reads; log servers would listen on every interface.
    options = ("--skip-serve-logs",) if name in _LOG_SERVERS else ()
    return (sys.executable, "-m", "airflow", name, *options)


def _check_api(config: StackConfig, timeout: float) -> None:
    """Ask the API that tasks use: its first request is slow (2 to 6 s), and no task should be the one to wait."""
    for path in ("/api/v2/version", "/execution/health"):
        with urllib.request.urlopen(f"{config.airflow_url}{path}", timeout=timeout):  # noqa: S310 - our own URL
            pass


class _Job:
    """The heartbeat of one part in Airflow's database, asked over a connection that is kept: a new one costs more."""

    def __init__(self, config: StackConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._since = 0.0
        self._connection: Any = None

    def note_start(self) -> None:
        """Jobs that began earlier belong to a process that is gone, though they may look alive for a while."""
        self._since = time.time()

    def check(self, timeout: float) -> None:
        """See that the part reports in time.

        :raises StackError: it does not
        """
        from psycopg2 import Error  # noqa: PLC0415 - only where a database is asked

        if self._connection is not None:
            try:
                return check_heartbeat(self._connection, self._name, since=self._since)
            except Error:  # PostgreSQL may have been started again since
                self._connection.close()
        self._connection = None
        self._connection = connect(self._config, "airflow", timeout)
        return check_heartbeat(self._connection, self._name, since=self._since)

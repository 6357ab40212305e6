"""Signs of life of Airflow's parts, read from its database: ``python -m vodflow.stack.heartbeats PART``.

The command is for health checks of containers: ``airflow jobs check`` takes seconds of CPU time to import Airflow.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

from vodflow.errors import StackError

#: Parts that report by heartbeat, and the job type under which they do.
JOBS: Final = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}

#: A heartbeat older than this (seconds) is no sign of life; the slowest part beats every 5 s.
_LIMIT: Final = 30

#: Seconds for connecting and for the question.
_TIMEOUT: Final = 5

_CONNECTION: Final = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def check_heartbeat(connection: Any, name: str, *, since: float = 0.0, hosts: Sequence[str] = ()) -> None:
    """See that a part reports in time.

    :param connection: a psycopg2 connection to Airflow's database
    :param since: a part that began earlier does not count, seconds since the epoch
    :param hosts: the machine it runs on, by every name that Airflow may have for it; empty means any
    :raises StackError: it does not report
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - latest_heartbeat) FROM job"
            " WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)"
            " AND (%s::text[] = '{}' OR hostname = ANY(%s)) ORDER BY start_date DESC LIMIT 1",
            (JOBS[name], since, list(hosts), list(hosts)),
        )
        row = cursor.fetchone()
    if row is None:
        raise StackError(f"The {name} has not reported yet.")
    if row[0] > _LIMIT:
        raise StackError(f"The {name} reported {row[0]:.0f} s ago for the last time.")


def _own_names() -> list[str]:
    """What ``[core] hostname_callable`` may make of this machine: in a cluster pods are known by their address."""
    names = [socket.gethostname(), socket.getfqdn()]
    with contextlib.suppress(OSError):
        names.append(socket.gethostbyname(names[0]))
    return names


def main(arguments: list[str]) -> int:
    """Look for the part on this machine; the exit status."""
    import psycopg2  # noqa: PLC0415 - the stack's supervisor brings a connection

    if len(arguments) != 1 or arguments[0] not in JOBS:
        sys.stderr.write(f"Name one of {', '.join(JOBS)}.\n")
        return 2
    url = os.environ.get(_CONNECTION, "").replace("+psycopg2", "", 1)
    if not url:
        sys.stderr.write(f"{_CONNECTION} is not set.\n")
        return 2
    options = f"-c statement_timeout={_TIMEOUT * 1000}"
    try:
        with contextlib.closing(psycopg2.connect(url, connect_timeout=_TIMEOUT, options=options)) as connection:
            check_heartbeat(connection, arguments[0], hosts=_own_names())
    except (psycopg2.Error, StackError) as error:
        sys.stderr.write(f"{str(error).strip()}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

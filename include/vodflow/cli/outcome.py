"""What commands about jobs print for programs, and the exit codes by which they say what came of a job."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

import typer

from vodflow.catalog.states import JobStatus
from vodflow.jobs import Job

#: Published, or done as asked.
OK: Final = 0
#: The command could not do what it was asked; the message says why.
ERROR: Final = 1
# 2 is a wrong command line, as everywhere.
REJECTED: Final = 3
FAILED: Final = 4
CANCELED: Final = 5
#: Not over in time; it goes on.
TIMEOUT: Final = 6

_CODES: Final = {
    JobStatus.PUBLISHED: OK,
    JobStatus.REJECTED: REJECTED,
    JobStatus.FAILED: FAILED,
    JobStatus.CANCELED: CANCELED,
}


def exit_code(found: Iterable[Job]) -> int:
    """Of several jobs, the lowest code that is not 0."""
    codes = [_CODES.get(JobStatus(job.status), TIMEOUT) if job.over else TIMEOUT for job in found]
    return min((code for code in codes if code), default=OK)


def print_json(document: object) -> None:
    """JSON on standard output, the only thing there."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

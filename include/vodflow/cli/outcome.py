"""What commands about jobs print for programs, and the exit codes by which they say what came of a job."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NoReturn

import typer

from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.cli.job_tables import show_jobs
from vodflow.errors import VodflowError
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

_CODES: Final[dict[str, int]] = {
    JobStatus.PUBLISHED: OK,
    JobStatus.REJECTED: REJECTED,
    JobStatus.FAILED: FAILED,
    JobStatus.CANCELED: CANCELED,
    SourceStatus.UNREADABLE: FAILED,
}


def exit_code(found: Iterable[Job]) -> int:
    """Of several jobs, the lowest code that is not 0."""
    codes = [_CODES.get(job.status, TIMEOUT) if job.over else TIMEOUT for job in found]
    return min((code for code in codes if code), default=OK)


def found_already(job: Job, engine: str | None) -> list[str]:
    """What to tell who asked for work and got work that was done, refused or begun before; nothing of new work.

    :param engine: who was asked to encode
    """
    named = job.ref if job.id is None else f"job {job.id}"
    other = f", by the engine {job.engine} and not {engine}" if engine and job.engine not in (None, engine) else ""
    if job.over and job.reason:
        again = f"vodflow jobs create {shlex.quote(job.source)} --force tries again"
        more = "It goes on when it can be read" if job.status == SourceStatus.UNREADABLE else again
        return [f"Found: {named} is {job.status} ({job.reason.rstrip('.')}). {more}."]
    if job.succeeded:
        made = f" at {job.finished_at:%Y-%m-%d %H:%M} UTC" if job.finished_at else ""
        return [f"Found: {named} published these outputs{made}{other}. Nothing is made anew; jobs create --force does."]
    return [f"Found: {named} makes these outputs{other}."] if other else []


def left_out(job: Job, asked: Sequence[str] | None) -> str | None:
    """Which of the qualities that were asked for the planned job does not make."""
    missing = [name for name in dict.fromkeys(asked or ()) if name.lower() not in job.qualities]
    if not missing or not job.qualities:
        return None
    return (
        f"Job {job.ref} makes {', '.join(job.qualities)} and not {', '.join(missing)}: "
        "the source's picture is smaller, and nothing is made larger than it came."
    )


def end(
    found: list[Job],
    *,
    as_json: bool,
    waited: bool,
    qualities: Sequence[str] | None = None,
    errors: Sequence[VodflowError] = (),
) -> NoReturn:
    """Print jobs and errors, and end the command with the code that says what came of them.

    :param waited: whether the ends of the jobs count
    :param qualities: what was asked for
    """
    if as_json:
        print_json({"jobs": [job.to_json() for job in found]})
    elif found:
        show_jobs(found)
    for line in [*(left_out(job, qualities) for job in found), *(f"vodflow: {error}" for error in errors)]:
        if line:
            typer.echo(line, err=True)
    raise typer.Exit(ERROR if errors else exit_code(found) if waited else OK)


def print_json(document: object) -> None:
    """JSON on standard output, the only thing there."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

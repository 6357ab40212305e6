"""``vodflow upload``: put video files into the watched bucket and have them transcoded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from vodflow import jobs
from vodflow.catalog.database import transaction
from vodflow.cli import outcome
from vodflow.cli.options import AsJson, Engine, Outputs, Priority, Profile, Qualities, Timeout, as_list, checked_by
from vodflow.cli.waiting import follow
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.jobs import Job
from vodflow.jobs.upload import check_name, place
from vodflow.settings import get_settings


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Video files of this machine.")],
    tenant: Annotated[str | None, typer.Option(help="Whose they are; the watch rule's default otherwise.")] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the object is called; the file's own name otherwise.", callback=checked_by(check_name)),
    ] = None,
    profile: Profile = None,
    outputs: Outputs = None,
    qualities: Qualities = None,
    engine: Engine = None,
    priority: Priority = 50,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until they are published, rejected or failed.")] = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Upload videos and have them transcoded. The same file is sent and transcoded once."""
    if name is not None and len(files) > 1:
        raise typer.BadParameter("--name goes with one file only")
    settings = get_settings()
    for path in files:  # a wrong name among many is told before anything is sent
        place(path, tenant=tenant, name=name, settings=settings)
    with transaction("vodflow upload"):
        pass  # nobody sends gigabytes to learn that the catalog is away
    found, errors = _send_all(
        files, tenant=tenant, name=name, profile=profile, outputs=as_list(outputs), qualities=as_list(qualities),
        engine=engine, priority=priority,
    )  # fmt: skip
    for job in found:
        for line in outcome.found_already(job, engine):
            typer.echo(line, err=True)
    if wait and found:
        found = follow(found, timeout)
    outcome.end(found, as_json=as_json, waited=wait, qualities=as_list(qualities), errors=errors)


def _send_all(files: list[Path], **options: object) -> tuple[list[Job], list[VodflowError]]:
    """Upload one after the other (each is many parts at once) and start each at once."""
    found: list[Job] = []
    errors: list[VodflowError] = []
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    cancel = threading.Event()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for path in files:
            line = progress.add_task(path.name, total=path.stat().st_size)
            try:
                found.append(
                    jobs.upload(
                        path,
                        on_progress=lambda done, size, line=line: progress.update(line, completed=done, total=size),  # type: ignore[misc]
                        cancel=cancel,
                        **options,  # type: ignore[arg-type]
                    )
                )
            except ConfigurationError:
                raise  # the next file would meet the same
            except VodflowError as error:
                errors.append(error)
            except KeyboardInterrupt:
                cancel.set()
                raise
    return found, errors

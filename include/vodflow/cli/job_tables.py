"""Jobs as tables for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer
from rich.filesize import decimal
from rich.text import Text

from vodflow.cli import tables
from vodflow.cli.tables import Column
from vodflow.cli.waiting import stage
from vodflow.jobs import Health, Job

_STYLES = {"PUBLISHED": "green", "REJECTED": "yellow", "FAILED": "red", "CANCELED": "yellow", "UNREADABLE": "yellow"}


_JOBS = (
    Column("Job", right=True), Column("Tenant", drop=3), Column("Source", folds=True), Column("Engine", drop=2),
    Column("Status"), Column("Done", drop=1, right=True), Column("Note", folds=True),
)  # fmt: skip
_HEALTH = (Column("Part"), Column("State"), Column("Note", folds=True), Column("Seconds", drop=1, right=True))
_ROWS = {
    "history": (Column("at"), Column("actor", folds=True), Column("new_status"), Column("canceled_by", drop=1),
                Column("reason", drop=2, folds=True)),
    "waits": (Column("since", drop=1), Column("step", drop=2), Column("cause"), Column("message", folds=True)),
    "strategy": (Column("kind"), Column("reason", folds=True)),
    "parts": (Column("title"), Column("state"), Column("attempt", right=True), Column("worker", drop=1, folds=True),
              Column("seconds", drop=2, right=True)),
    "renditions": (Column("name"), Column("codec", drop=1), Column("width", right=True), Column("height", right=True),
                   Column("measured_bitrate", drop=2, right=True), Column("size_bytes", drop=3, right=True)),
    "artifacts": (Column("kind"), Column("uri", folds=True), Column("size_bytes", drop=1, right=True)),
}  # fmt: skip


def show_jobs(found: Sequence[Job], *, addresses: bool = True) -> None:
    """A line for each job, without its bucket, and with ``addresses`` below where to play and read the published."""
    tables.show(_JOBS, [_cells(job) for job in found])
    for job in found if addresses else ():
        for address in filter(None, (job.player, job.manifest)):
            typer.echo(f"{job.ref}: {address}")


def _cells(job: Job) -> tuple[tables.Cell, ...]:
    done = f"{job.progress:.0f} %" if job.id is not None else ""
    status = Text(job.status, style=_STYLES.get(job.status, ""))
    return (job.ref, job.tenant, job.source.split("/", 3)[-1], job.engine or "", status, done, _remark(job))


def _remark(job: Job) -> str:
    if job.reason:
        return f"{job.error_code}: {job.reason}" if job.error_code else job.reason
    if job.succeeded:
        return " ".join(job.qualities)
    return stage(job) if job.stage else ""


def show_details(job: Job, told: Mapping[str, list[dict[str, Any]]]) -> None:
    """Everything about one job."""
    facts = [(name, _fact(name, value)) for name, value in job.to_json().items() if value not in (None, [], False)]
    width = max(len(name) for name, _ in facts)
    for name, value in facts:  # an address stays one word, to be copied
        typer.echo(f"{name:{width}}  {value}".replace("\n", "\n" + " " * (width + 2)))
    for name, columns in _ROWS.items():
        if rows := told[name]:
            cells = [[_shown(row[column.title]) for column in columns] for row in rows]
            titled = [dataclasses.replace(column, title=column.title.replace("_", " ")) for column in columns]
            typer.echo()
            tables.show(titled, cells, title=name.capitalize())


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)


def _fact(name: str, value: object) -> str:
    if isinstance(value, list):
        return ("\n" if name == "warnings" else ", ").join(value)
    if name == "size" and isinstance(value, int):
        return decimal(value)
    if name.endswith("_cost"):
        return f"{value:.4f} US dollars"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def show_health(report: Health) -> None:
    """A line for each thing that jobs need."""
    states = {True: ("answers", "green"), False: ("wrong", "red"), None: ("not set up", "dim")}
    tables.show(_HEALTH, [
        (check.name, Text(*states[check.ok]), check.detail, f"{check.seconds:.2f}") for check in report.checks
    ])  # fmt: skip

"""Jobs as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Group
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from vodflow.cli.waiting import stage
from vodflow.jobs import Health, Job

_STYLES = {"PUBLISHED": "green", "REJECTED": "yellow", "FAILED": "red", "CANCELED": "yellow"}


def jobs_table(found: Iterable[Job]) -> Table:
    """A line for each job."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Job", justify="right")
    for title in ("Tenant", "Source", "Profile", "Engine", "Status"):
        table.add_column(title, overflow="fold")
    table.add_column("Done", justify="right")
    table.add_column("Now, or why", overflow="fold")
    for job in found:
        table.add_row(
            job.ref,
            job.tenant,
            Text(job.source),
            job.profile or "",
            job.engine or "",
            Text(job.status, style=_STYLES.get(job.status, "")),
            f"{job.progress:.0f} %" if job.id is not None else "",
            Text(_remark(job)),
        )
    return table


def _remark(job: Job) -> str:
    if job.reason:
        return f"{job.error_code}: {job.reason}" if job.error_code else job.reason
    return (job.manifest or "") if job.succeeded else stage(job) if job.stage else ""


def details_table(job: Job, told: Mapping[str, list[dict[str, Any]]]) -> Group:
    """Everything about one job."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in job.to_json().items():
        if value not in (None, [], False):
            facts.add_row(name, Text(", ".join(value) if isinstance(value, list) else _fact(name, value)))
    parts: list[Table] = [facts]
    titles = {
        "history": ("at", "actor", "new_status"),
        "renditions": ("name", "codec", "width", "height", "measured_bitrate", "size_bytes"),
        "artifacts": ("kind", "uri", "size_bytes"),
    }
    for name, columns in titles.items():
        if told[name]:
            parts.append(_rows(name.capitalize(), columns, told[name]))
    return Group(*parts)


def _fact(name: str, value: object) -> str:
    if name == "size" and isinstance(value, int):
        return decimal(value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _rows(title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row[column] is None else str(row[column])) for column in columns))
    return table


def health_table(report: Health) -> Table:
    """A line for each thing that jobs need."""
    table = Table(box=None, pad_edge=False)
    for title in ("Part", "State", "", "Seconds"):
        table.add_column(title, overflow="fold", justify="right" if title == "Seconds" else "left")
    states = {True: "[green]answers[/green]", False: "[red]wrong[/red]", None: "[dim]not set up[/dim]"}
    for check in report.checks:
        table.add_row(check.name, states[check.ok], Text(check.detail), f"{check.seconds:.2f}")
    return table

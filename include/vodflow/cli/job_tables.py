"""Jobs as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from vodflow.cli.waiting import stage
from vodflow.jobs import Health, Job

_STYLES = {"PUBLISHED": "green", "REJECTED": "yellow", "FAILED": "red", "CANCELED": "yellow"}


def jobs_table(found: Iterable[Job]) -> Table:
    """A line for each job. The bucket is left out: `show` tells it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Job", justify="right", no_wrap=True)
    table.add_column("Tenant", overflow="fold")
    table.add_column("Source", overflow="fold", ratio=2)
    table.add_column("Engine", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    table.add_column("Done", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", ratio=2)
    for job in found:
        table.add_row(
            job.ref,
            job.tenant,
            Text(job.source.split("/", 3)[-1]),
            job.engine or "",
            Text(job.status, style=_STYLES.get(job.status, "")),
            f"{job.progress:.0f} %" if job.id is not None else "",
            Text(_remark(job)),
        )
    return table


def _remark(job: Job) -> str:
    if job.reason:
        return f"{job.error_code}: {job.reason}" if job.error_code else job.reason
    if job.succeeded:
        return " ".join(job.qualities)
    return stage(job) if job.stage else ""


def show_jobs(console: Console, found: Sequence[Job]) -> None:
    """The table, and below it where the published ones are."""
    console.print(jobs_table(found))
    for job in found:
        if job.manifest is not None:
            console.print(Text(f"{job.ref}: {job.manifest}"), soft_wrap=True)


def details_table(job: Job, told: Mapping[str, list[dict[str, Any]]]) -> Group:
    """Everything about one job."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in job.to_json().items():
        if value not in (None, [], False):
            facts.add_row(name, Text(_fact(name, value)))
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
    if isinstance(value, list):
        return ("\n" if name == "warnings" else ", ").join(value)
    if name == "size" and isinstance(value, int):
        return decimal(value)
    if name.endswith("_cost"):
        return f"{value:.4f} US dollars"
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

"""``vodflow jobs``: videos and their jobs, as the catalog knows them."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from vodflow.catalog.database import transaction
from vodflow.catalog.overview import OverviewRow, overview
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.errors import CatalogError

app = typer.Typer(help="Look at videos and their jobs.", no_args_is_help=True, add_completion=False)

_STATUSES = sorted({*JobStatus, *SourceStatus})
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("list")
def list_jobs(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    status: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(_STATUSES)}.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines of one page.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only sources before this id: the last of a page.")] = None,
    as_json: _AS_JSON = False,
) -> None:
    """Newest first: each source with its latest job."""
    wanted = [item.upper() for item in status or []]
    if unknown := sorted(set(wanted) - set(_STATUSES)):
        raise typer.BadParameter(f"{', '.join(unknown)}: no such status; there are {', '.join(_STATUSES)}")
    with transaction("vodflow jobs") as connection:
        rows = overview(connection, tenant_slug=tenant, verdicts=wanted or None, limit=limit, before_id=before)
    if as_json:
        typer.echo(json.dumps([_document(row) for row in rows], indent=2))
        return
    console = Console()
    console.print(_table(rows))
    if len(rows) == limit:
        console.print(f"More: --before {rows[-1].source_id}")


@app.command()
def show(
    source_id: Annotated[int, typer.Argument(help="A source's id, as `list` shows it.")], as_json: _AS_JSON = False
) -> None:
    """Everything about one source and its latest job."""
    with transaction("vodflow jobs") as connection:
        rows = overview(connection, source_ids=[source_id], limit=1)
    if not rows:
        raise CatalogError(f"There is no source {source_id} in the catalog.")
    document = _document(rows[0])
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in document.items():
        if value not in (None, []):
            table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    Console().print(table)


def _document(row: OverviewRow) -> dict[str, object]:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in dataclasses.asdict(row).items()
    }


def _table(rows: list[OverviewRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Source", "Tenant", "Key", "Status", "Stage"):
        table.add_column(title, overflow="fold")
    for title in ("Done", "Rungs", "Bytes", "Speed", "To publish"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            str(row.source_id),
            row.tenant,
            row.key,
            row.verdict,
            row.stage or "",
            "" if row.progress is None else f"{row.progress:.0f} %",
            " ".join(row.rungs),
            decimal(row.output_bytes) if row.output_bytes else "",
            f"{row.encode_speed:.2f}x" if row.encode_speed else "",
            f"{row.time_to_publish:.1f} s" if row.time_to_publish is not None else "",
        )
    return table

"""``vodflow report …``: recompute, export and show the report tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from vodflow.catalog.database import transaction
from vodflow.cli import tables
from vodflow.cli.report_access import dsn, grant, price, prices
from vodflow.cli.tables import Column
from vodflow.errors import ConfigurationError
from vodflow.reports.days import parse_range
from vodflow.reports.export import FORMATS
from vodflow.reports.export import export as export_days
from vodflow.reports.partitions import computed_days
from vodflow.reports.refresh import recompute
from vodflow.reports.transcoding import Summary, read_days, summary

_COLUMNS = (
    Column("Day"), Column("Tenant", folds=True), Column("Profile", drop=4), Column("Engine", drop=3),
    *(Column(title, drop, right=True) for title, drop in (
        ("Videos", 0), ("Failed", 0), ("Rejected", 0), ("Minutes in", 5), ("Minutes out", 2), ("Bytes out", 6),
        ("Speed", 1), ("To publish", 1),
    )),
)  # fmt: skip

app = typer.Typer(help="Reports: recompute, show, export, and as a page.", no_args_is_help=True, add_completion=False)

for _command in (dsn, grant, prices, price):
    app.command()(_command)

_From = Annotated[str | None, typer.Option("--from", help="first UTC day, YYYY-MM-DD; default: the last day")]
_To = Annotated[str | None, typer.Option("--to", help="last UTC day, included; default: the first day")]


@app.command()
def run(
    date_from: _From = None,
    date_to: _To = None,
    exporting: Annotated[bool, typer.Option("--export/--no-export", help="write CSV and Parquet to S3")] = True,
) -> None:
    """Recompute these days, as the DAG report_transcoding does; without a day yesterday and today."""
    days = _days(date_from, date_to)
    typer.echo(f"{days[0]} to {days[-1]}: {recompute(days)} rows.")
    for uri in export_days(days) if exporting else ():
        typer.echo(uri)


@app.command()
def show(date_from: _From = None, date_to: _To = None) -> None:
    """Show what the report tables say of these days; without a day of yesterday and today."""
    days = _days(date_from, date_to)
    with transaction("cli") as conn:
        rows, total = read_days(conn, days[0], days[-1]), summary(conn, days[0], days[-1])
        missing = len(days) - computed_days(conn, days[0], days[-1])
    tables.show(
        _COLUMNS,
        [
            (str(row.day), row.tenant, row.profile, row.engine, str(row.videos), str(row.failed), str(row.rejected),
             f"{row.minutes_in:.1f}", f"{row.minutes_out:.1f}", decimal(row.bytes_out),
             _number(row.encode_speed_p50, "×"), _number(row.time_to_publish_p50, " s"))
            for row in rows
        ],
        title=f"Transcoding, {days[0]} to {days[-1]} (UTC)",
    )  # fmt: skip
    tables.console().print(_sentence(total))
    if missing:
        tables.console().print(
            f"{missing} of these {len(days)} days are not computed yet, and not in these figures: "
            f"vodflow report run --from {days[0]} --to {days[-1]}"
        )


@app.command()
def export(
    date_from: _From = None,
    date_to: _To = None,
    tenant: Annotated[str | None, typer.Option(help="only this tenant's rows, in a folder of its own")] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", help="csv or parquet; both without it")] = None,
    names: Annotated[list[str] | None, typer.Option("--table", help="a reporting table; all without it")] = None,
) -> None:
    """Write the reporting tables of these days to S3 as they are; without a day of yesterday and today."""
    days = _days(date_from, date_to)
    for uri in export_days(days, tenant=tenant, formats=formats or FORMATS, tables=names or ()):
        typer.echo(uri)


@app.command()
def html(
    date_from: _From = None,
    date_to: _To = None,
    tenant: Annotated[str | None, typer.Option(help="only this tenant's")] = None,
    output: Annotated[Path | None, typer.Option(help="write it to this file instead of S3", dir_okay=False)] = None,
) -> None:
    """Write the report of these days as one HTML file; without a day of the last 30 days."""
    from vodflow.reports import html_report  # noqa: PLC0415  (draws charts, which takes a second to load)

    days = _days(date_from, date_to)
    first = days[0] if date_from or date_to else html_report.begin(days[-1])
    if output is None:
        typer.echo(html_report.store(first, days[-1], tenant=tenant))
        return
    page = html_report.render(first, days[-1], tenant=tenant)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}.") from error
    typer.echo(output)


def _days(date_from: str | None, date_to: str | None) -> list[date]:
    try:
        return parse_range(date_from, date_to, names=("--from", "--to"))
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def _sentence(total: Summary) -> str:
    reasons = "; ".join(f"{reason} {count}" for reason, count in total.problems.items())
    return (
        f"{total.videos} videos in {total.jobs} jobs, {total.minutes_in:.1f} minutes in, {total.minutes_out:.1f} out "
        f"({decimal(total.bytes_out)}); speed {_number(total.encode_speed, '×')}, "
        f"to publish {_number(total.time_to_publish, ' s')}. {reasons or 'No failures and no rejections'}."
    )


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f}{unit}"

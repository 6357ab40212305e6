"""``vodflow report dsn``, ``grant``, ``prices`` and ``price``: who reads the reports, and by what prices."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from vodflow.catalog import analyst
from vodflow.catalog import prices as catalog_prices
from vodflow.catalog.database import parse_url, transaction
from vodflow.cli import tables
from vodflow.cli.tables import Column
from vodflow.settings import get_settings

_PRICES = (
    Column("Name", folds=True), Column("From"), Column("Amount", right=True), Column("Unit", folds=True, drop=1),
    Column("Note", folds=True, drop=2),
)  # fmt: skip
_PLACEHOLDER = "PASSWORD"


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number; write 0.0225") from None


def dsn() -> None:
    """Print how to read the reports with other programs, as the role analyst, which can read them and nothing else."""
    settings = get_settings()
    with transaction("cli", settings) as conn:
        analyst.require_role(conn)
    password = settings.analyst_password and settings.analyst_password.get_secret_value()
    catalog = parse_url(settings.catalog_url.get_secret_value())
    url = catalog.set(drivername="postgresql", username=analyst.ROLE, password=password or _PLACEHOLDER)
    shown = url.render_as_string(hide_password=False)
    typer.echo(shown)
    typer.echo(f'\npsql "{shown}"')
    python = url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    typer.echo(
        f'\npandas.read_sql_table("transcoding_daily", sqlalchemy.create_engine("{python}"), schema="reporting")'
    )
    typer.echo(
        f"\nINSTALL postgres; ATTACH '{shown}' AS vodflow (TYPE postgres, SCHEMA 'reporting', READ_ONLY);  -- DuckDB"
    )
    if not password:
        typer.echo(
            f"\n{_PLACEHOLDER} stands for the role's password, which an administrator sets: "
            f"ALTER ROLE {analyst.ROLE} PASSWORD '…'. What VODFLOW_ANALYST_PASSWORD says is shown here.",
            err=True,
        )


def grant() -> None:
    """Let the role analyst read the reports, where it was made after the tables, or a backup was restored."""
    with transaction("cli") as conn:
        analyst.grant(conn)
    typer.echo(f"{analyst.ROLE} reads the schema reporting.")


def prices() -> None:
    """List the dated prices by which costs are reported."""
    with transaction("cli") as conn:
        rows = catalog_prices.prices(conn)
    cells = [(row.name, str(row.valid_from), f"{row.amount.normalize():f}", row.unit, row.note or "") for row in rows]
    tables.show(_PRICES, cells, title="Prices")


def price(
    name: Annotated[str, typer.Argument(help="As `vodflow report prices` lists it.")],
    amount: Annotated[Decimal, typer.Argument(parser=_amount, metavar="AMOUNT", help="In the unit that stands there.")],
    valid_from: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First UTC day; default: today."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Where it is from.")] = None,
) -> None:
    """Have another price hold from a day on. What is reported of earlier days stays as it is."""
    day: date | None = valid_from.date() if valid_from else None
    with transaction("cli") as conn:
        added = catalog_prices.add_price(conn, name, amount, day, note)
    typer.echo(f"{added.name}: {added.amount.normalize():f} ({added.unit}) from {added.valid_from} on.")

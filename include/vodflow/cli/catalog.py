"""``vodflow catalog …``: the schema of the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from vodflow.catalog import migrate
from vodflow.catalog.database import parse_url
from vodflow.catalog.describe import markdown
from vodflow.cli.join import require_catalog
from vodflow.cli.options import checked_by

app = typer.Typer(help="The catalog's schema.", no_args_is_help=True, add_completion=False)

_Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="SQLAlchemy URL; the configured catalog (VODFLOW_CATALOG_URL) if not given",
        callback=checked_by(parse_url),
    ),
]


@app.command()
def upgrade(revision: Annotated[str, typer.Argument(help="Alembic revision")] = "head", url: _Url = None) -> None:
    """Create or upgrade the tables. Safe to run twice, and from several places at once."""
    _named(url)
    migrate.upgrade(url, revision)
    typer.echo(f"The catalog is at revision {migrate.current(url)}.")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Alembic revision; 'base' drops every table")],
    url: _Url = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Go back to an earlier revision; what it did not have is dropped, with its rows."""
    _named(url)
    if not yes:
        typer.confirm(f"Go back to revision {revision} and lose what it did not have?", abort=True)
    migrate.downgrade(url, revision)
    typer.echo(f"The catalog is at revision {migrate.current(url) or 'base: it has no tables'}.")


@app.command()
def current(url: _Url = None) -> None:
    """Show the revision the database is at."""
    _named(url)
    typer.echo(migrate.current(url) or "The catalog has no tables yet: run `vodflow catalog upgrade`.")


@app.command()
def describe() -> None:
    """Print docs/catalog.md: every table, rule and status."""
    typer.echo(markdown(), nl=False)


def _named(url: str | None) -> None:
    if url is None:
        require_catalog()

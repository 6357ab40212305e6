"""``vodflow tenants``: who uses the installation, with what, and how one comes, stops and goes."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from vodflow.catalog import tenant_role
from vodflow.catalog.database import TENANT_ROLE, transaction
from vodflow.catalog.tenants import TenantRow, list_tenants, require_tenant
from vodflow.cli import tables
from vodflow.cli.auditing import note, person
from vodflow.cli.options import AsJson
from vodflow.cli.outcome import print_json
from vodflow.cli.tables import Column
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.jobs.tenant_export import export_tenant
from vodflow.jobs.tenant_removal import days_reported, places_of, remove_tenant
from vodflow.settings import get_settings
from vodflow.tenancy import registry

_ACTOR: Final = "cli"
_PAGE: Final = 500
_COLUMNS: Final = (Column("Tenant"), Column("Name", folds=True, drop=2), Column("Status"),
                   Column("Why", folds=True, drop=1), Column("Since", drop=3))  # fmt: skip

_Slug = Annotated[str, typer.Argument(metavar="TENANT", help="Slug of the tenant.")]

app = typer.Typer(
    help="Tenants: create, configure, suspend, export and delete them.", no_args_is_help=True, add_completion=False
)


@app.callback()
def _root() -> None:
    """Tenants: create, configure, suspend, export and delete them."""


@app.command()
def create(slug: _Slug, name: Annotated[str, typer.Option(help="For people.")] = "") -> None:
    """Make a tenant. Its slug is the first part of every output path, and stays."""
    made = registry.create(slug, name, get_settings())
    note("tenants.create", f"tenant {slug}", tenant=slug, detail={"name": name})
    typer.echo(
        f"Tenant {made.slug} is made. `vodflow api-keys create --tenant {made.slug}` makes a key for its programs."
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all tenants."""
    rows: list[TenantRow] = []
    with transaction(_ACTOR) as connection:
        while page := list_tenants(connection, _PAGE, rows[-1].slug if rows else ""):
            rows += page
    if as_json:
        print_json({"tenants": [dataclasses.asdict(row) for row in rows]})
        return
    tables.show(_COLUMNS, [
        (row.slug, row.name, row.status.value, row.status_reason or "",
         f"{row.status_at or row.created_at:%Y-%m-%d %H:%M}") for row in rows
    ])  # fmt: skip


@app.command()
def show(slug: _Slug) -> None:
    """Show a tenant and what it has of its own, as JSON; secrets are masked."""
    with transaction(_ACTOR) as connection:
        row = require_tenant(connection, slug)
    found = registry.configuration(slug, get_settings())
    told = {"configuration": found.document, "version": found.version, "updated_by": found.updated_by}
    print_json(dataclasses.asdict(row) | told)


@app.command()
def configure(
    slug: _Slug,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="JSON of the whole configuration, as `show` has it; - is standard input."),
    ],
) -> None:
    """Replace what a tenant has of its own. Secrets that are masked in the file stay as they are."""
    with transaction(_ACTOR) as connection:
        require_tenant(connection, slug)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        document = json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"{file} must hold a JSON object; docs/tenants.md says what is in it.")
    done = registry.configure(slug, document, get_settings(), by=person(), assigned_too=True)
    if done.changed:
        note("tenants.configure", f"tenant {slug}", tenant=slug, detail=done.changed)
    typer.echo(f"Version {done.version}: {', '.join(done.changed) or 'nothing'} changed.")


@app.command()
def suspend(slug: _Slug, reason: Annotated[str, typer.Option(help="Shown to whoever is refused.")]) -> None:
    """Let nothing new of a tenant start, and refuse its callers; what runs goes on, and what comes waits."""
    registry.suspend(slug, reason, get_settings())
    note("tenants.suspend", f"tenant {slug}", tenant=slug, detail={"reason": reason})
    typer.echo(f"Tenant {slug} is suspended.")


@app.command()
def resume(slug: _Slug) -> None:
    """Let a suspended tenant go on."""
    registry.resume(slug, get_settings())
    note("tenants.resume", f"tenant {slug}", tenant=slug)
    typer.echo(f"Tenant {slug} goes on; sources that waited start with the next run of ingest_videos.")


@app.command()
def export(
    slug: _Slug,
    target: Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix.")],
    with_bytes: Annotated[bool, typer.Option("--bytes", help="Copy its objects, too.")] = False,
) -> None:
    """Write everything of a tenant: its rows as JSON lines, a list of its objects. Safe to run twice."""
    done = export_tenant(slug, target, get_settings(), with_bytes=with_bytes, say=typer.echo)
    note("tenants.export", f"tenant {slug}", tenant=slug, detail={"target": target, "rows": done.rows})
    typer.echo(f"{done.rows} rows and {done.objects} objects of {slug} are in {target}.")


@app.command()
def delete(
    slug: _Slug,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="TENANT", help="The slug once more, not to be asked.")
    ] = None,
) -> None:
    """Remove a tenant with its videos, outputs and rows, for good. What it did stays in the audit trail.

    Refuses while jobs of it are not over. Safe to break off and to run again.
    """
    settings = get_settings()
    with transaction(_ACTOR) as connection:
        require_tenant(connection, slug)
    if yes is None:
        places = ", ".join(f"s3://{place.bucket}/{place.prefix}" for place in places_of(slug, settings))
        typer.echo(f"Everything of {slug} is removed: all rows, all its videos, and all below {places}.", err=True)
        yes = typer.prompt("Type the tenant's slug to go on", err=True)
    if yes != slug:
        raise ConfigurationError(f"{yes!r} is not {slug!r}: nothing was removed.")
    days = [str(day) for day in days_reported(slug, settings)]
    note("tenants.delete", f"tenant {slug}", tenant=slug, detail={"state": "begun", "days": days})
    done = remove_tenant(slug, settings, typer.echo, before_the_end=_report_again)
    note(
        "tenants.delete",
        f"tenant {slug}",
        tenant=slug,
        detail={"state": "done", "objects": done.objects, "rows": done.rows},
    )
    typer.echo(f"Tenant {slug} is gone: {done.objects} objects, {done.rows} rows.")


def _report_again(days: list[date]) -> None:
    """Write the exported reports of these days again, in which nothing of the tenant is left."""
    if days:
        from vodflow.reports.export import export as export_days  # noqa: PLC0415 - slow, and seldom needed

        try:
            export_days(days, get_settings())
            typer.echo(f"The reports of {len(days)} days were exported again, without it.")
        except VodflowError as error:  # whoever may remove a tenant need not be let write reports
            named = ", ".join(map(str, days))
            typer.echo(
                f"Exports name it until `vodflow report export` writes these days anew: {named}. {error}", err=True
            )


@app.command()
def grant() -> None:
    """Have the database keep tenants apart, where its role was made after the tables, or a backup was restored."""
    with transaction(_ACTOR) as connection:
        tenant_role.grant(connection)
    typer.echo(f"{TENANT_ROLE} sees and changes the rows of the tenant that it acts for.")

"""``vodflow api-keys``: keys of programs that call the API."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from vodflow.catalog.database import transaction
from vodflow.cli import tables
from vodflow.cli.auditing import note, person
from vodflow.cli.options import AsJson, as_list
from vodflow.cli.outcome import print_json
from vodflow.cli.tables import Column
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.tenancy import api_keys
from vodflow.tenancy.api_keys import ApiKey, NewApiKey

_ACTOR: Final = "cli"
_PAGE: Final = 500
_COLUMNS: Final = (Column("Id", right=True), Column("Tenant"), Column("Name", folds=True), Column("Prefix", drop=3),
                   Column("Scopes", folds=True, drop=1), Column("State"), Column("Used", drop=2))  # fmt: skip

_Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="Id of the key, as `list` shows it.")]
_Tenant = Annotated[str | None, typer.Option(help="Slug of whose it is; without it, of the installation.")]

app = typer.Typer(help="API keys: make, replace and end them.", no_args_is_help=True, add_completion=False)


@app.callback()
def _root() -> None:
    """API keys: make, replace and end them."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Which program has it.")],
    scopes: Annotated[str, typer.Option(help="What it may do: videos:read,jobs:write (docs/api.md), or all.")],
    tenant: _Tenant = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="For which it holds; for ever otherwise.")] = None,
) -> None:
    """Make a key and print it: the only time that it is shown."""
    from vodflow.api.callers import INSTALLATION_ONLY, Scope  # noqa: PLC0415 - slow, and only for this

    known = {scope.value for scope in Scope}
    wanted = sorted(known - INSTALLATION_ONLY if tenant else known) if scopes == "all" else as_list(scopes) or []
    if unknown := [scope for scope in wanted if scope not in known]:
        raise ConfigurationError(f"There is no scope {unknown[0]}; there are {', '.join(sorted(known))}, or all.")
    if tenant and (common := sorted(set(wanted) & INSTALLATION_ONLY)):
        raise ConfigurationError(f"A tenant's key cannot have {', '.join(common)}.")
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    with transaction(_ACTOR) as connection:
        made = api_keys.create(connection, name, wanted, created_by=person(), tenant_slug=tenant, expires_at=until)
    _shown("api_keys.create", made)


@app.command("list")
def list_(tenant: _Tenant = None, as_json: AsJson = False) -> None:
    """List keys, newest first, of one tenant or all; also those that do not hold any more."""
    keys: list[ApiKey] = []
    with transaction(_ACTOR) as connection:
        while page := api_keys.list_keys(
            connection, tenant_slug=tenant, after=keys[-1].id if keys else None, limit=_PAGE
        ):
            keys += page
    if as_json:
        print_json({"api_keys": [dataclasses.asdict(key) for key in keys]})
        return
    tables.show(_COLUMNS, [
        (str(key.id), key.tenant or "", key.name, key.prefix, " ".join(key.scopes), _state(key),
         f"{key.used_at:%Y-%m-%d %H:%M}" if key.used_at else "") for key in keys
    ])  # fmt: skip


@app.command()
def rotate(
    key_id: _Id,
    grace: Annotated[float, typer.Option(min=0, max=90, help="Days for which the old key still holds.")] = 7.0,
) -> None:
    """Make a successor with the same rights and print it; the old key holds for a while yet."""
    with transaction(_ACTOR) as connection:
        made = api_keys.rotate(connection, key_id, created_by=person(), grace=timedelta(days=grace))
    _shown("api_keys.rotate", made)


@app.command()
def revoke(key_id: _Id) -> None:
    """End a key at once. Safe to run twice."""
    with transaction(_ACTOR) as connection:
        ended = api_keys.revoke(connection, key_id)
    if ended is None:
        raise CatalogError(f"There is no API key {key_id}; `vodflow api-keys list` shows those there are.")
    note("api_keys.revoke", f"API key {key_id}", tenant=ended.tenant, detail={"name": ended.name})
    typer.echo(f"Key {key_id} ({ended.name}) holds no more.")


def _shown(action: str, made: NewApiKey) -> None:
    key = made.key
    detail = {"name": key.name, "prefix": key.prefix, "scopes": list(key.scopes)}
    note(action, f"API key {key.id}", tenant=key.tenant, detail=detail)
    typer.echo(f"Key {key.id} of {key.tenant or 'the installation'}; it is kept nowhere, so keep it now:", err=True)
    typer.echo(made.text)


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.holds(datetime.now(UTC)):
        return "expired"
    return f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "holds"

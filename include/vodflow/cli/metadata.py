"""``vodflow metadata``: items in DynamoDB, written by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from vodflow.errors import ConfigurationError
from vodflow.settings import get_settings

app = typer.Typer(help="Videos' metadata in DynamoDB.", no_args_is_help=True, add_completion=False)


@app.callback()
def _root() -> None:
    """Videos' metadata in DynamoDB."""


@app.command()
def sync(
    everything: Annotated[
        bool, typer.Option("--all", help="Every video, not only those that are behind: for a new or restored table.")
    ] = False,
) -> None:
    """Bring items up to date with the catalog."""
    from vodflow.outcomes.dynamodb.sync import mark_all, sync_due  # noqa: PLC0415 - slow to import

    if not get_settings().dynamodb_table:
        raise ConfigurationError("There is no table to write to: set VODFLOW_DYNAMODB_TABLE.")
    if everything:
        typer.echo(f"{mark_all()} videos to write.")
    written = 0
    while True:
        result = sync_due()
        written += result.written
        if result.failed or not result.written:
            break
    typer.echo(f"{written} items written, {result.failed} failed.")
    if result.failed:
        typer.echo("Why: metadata_sync.error in the catalog, and the log above. They are tried again.", err=True)
        raise typer.Exit(1)

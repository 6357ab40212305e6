"""``vodflow notifications``: the delivery log, and tries by hand."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from vodflow.catalog import deliveries
from vodflow.catalog.database import transaction
from vodflow.catalog.event_document import invented
from vodflow.catalog.states import DeliveryStatus
from vodflow.cli import tables
from vodflow.cli.tables import Column
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.settings import get_settings

app = typer.Typer(help="Look at notifications and send them.", no_args_is_help=True, add_completion=False)

_ACTOR = "vodflow notifications"
_COLUMNS = (
    Column("Id", right=True), Column("Channel", folds=True), Column("Event", drop=4), Column("Video", folds=True),
    Column("Status"), Column("Tries", drop=3, right=True), Column("Answer", drop=2, right=True),
    Column("Error", folds=True),
)  # fmt: skip
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_CHANNEL = Annotated[str | None, typer.Option(help="Only this channel.")]


@app.command("list")
def list_deliveries(
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only these.", case_sensitive=False)] = None,
    channel: _CHANNEL = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines.")] = 50,
    as_json: _AS_JSON = False,
) -> None:
    """The delivery log, newest first."""
    with transaction(_ACTOR) as connection:
        wanted = deliveries.DeliveryFilter(status=status, channel=channel)
        rows = deliveries.recent(connection, wanted, limit=limit)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=2, default=str))
        return
    tables.show(_COLUMNS, [
        (str(row.id), row.channel, row.event.value, row.payload["video"]["key"], row.status.value,
         str(row.attempts), str(row.response_code or ""), row.error or "")
        for row in rows
    ])  # fmt: skip


@app.command()
def retry(
    delivery_id: Annotated[int | None, typer.Argument(help="One notification; all given-up ones if left out.")] = None,
    channel: _CHANNEL = None,
) -> None:
    """Queue given-up notifications again; `deliver_outcomes` or `send` takes them from there."""
    with transaction(_ACTOR) as connection:
        count = deliveries.retry(connection, channel=channel, delivery_id=delivery_id)
        if delivery_id is not None and not count:
            raise CatalogError(_why_not(connection, delivery_id, channel))
    typer.echo(f"{count} queued again.")


def _why_not(connection: Connection, delivery_id: int, channel: str | None) -> str:
    found = deliveries.get(connection, delivery_id)
    if found is None:
        return f"There is no notification {delivery_id}; `vodflow notifications list` shows those there are."
    if channel not in (None, found.channel):
        return f"Notification {delivery_id} is for the channel {found.channel}, not {channel}."
    return f"Notification {delivery_id} is {found.status}: only what was given up (FAILED) can be queued again."


@app.command()
def send() -> None:
    """Send what is due now, without waiting for Airflow."""
    from vodflow.outcomes.announce import deliver_outcomes  # noqa: PLC0415 - slow to import

    for name, count in deliver_outcomes().items():
        typer.echo(f"{name.replace('_', ' ')}: {count}")


@app.command()
def test(channel: Annotated[str, typer.Argument(help="A channel's name in VODFLOW_NOTIFICATIONS.")]) -> None:
    """Send an event of an invented video to one channel, once; nothing is recorded."""
    from vodflow.outcomes.notifications.senders import send as send_once  # noqa: PLC0415 - slow to import

    settings = get_settings()
    found = next((one for one in settings.notifications if one.name == channel), None)
    if found is None:
        names = ", ".join(one.name for one in settings.notifications) or "none"
        raise ConfigurationError(f"VODFLOW_NOTIFICATIONS has no channel {channel}; it has: {names}.")
    attempt = asyncio.run(send_once(found, invented(datetime.now(UTC)), limit=found.timeout, settings=settings))
    if attempt.error is not None:
        typer.echo(f"{channel} did not take it: {attempt.error}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{channel} took it.")

"""``vodflow up``, ``down``, ``status``, ``logs`` and ``password``."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vodflow.cli import tables
from vodflow.cli.join import Joined
from vodflow.cli.tables import Column
from vodflow.errors import VodflowError
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import ADMIN
from vodflow.stack.config import ACCOUNTS
from vodflow.stack.ports import HOST
from vodflow.stack.stack import Stack
from vodflow.stack.status import PartState, PartStatus, StackStatus

_STYLES = {
    PartState.HEALTHY: "green",
    PartState.STARTING: "yellow",
    PartState.WAITING: "dim",
    PartState.STOPPED: "dim",
    PartState.UNHEALTHY: "red",
    PartState.FAILED: "red",
}

#: States whose detail is worth a line while the stack starts; "connection refused" is not.
_TROUBLE = (PartState.UNHEALTHY, PartState.FAILED)

_FOLLOW_INTERVAL = 0.3

_COLUMNS = (
    Column("Part"), Column("State"), Column("Process", drop=2), Column("Memory", right=True),
    Column("Up for", right=True), Column("Restarts", drop=1, right=True),
)  # fmt: skip


def up(
    context: typer.Context,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait until every part is healthy.")] = 600.0,
) -> None:
    """Start the embedded stack and wait until it is healthy; does nothing when it is."""
    stack = Stack.load()
    begin = time.monotonic()
    if stack.is_healthy():
        typer.echo("The stack is up already.")
        if isinstance(context.obj, Joined):
            context.obj.tell()
    else:
        get_settings()  # the parts would fail one by one of what is wrong
        with Live(_progress(StackStatus(running=False), begin), transient=True) as live:
            stack.up(timeout, on_change=lambda status: live.update(_progress(status, begin)))
        typer.echo(f"The stack is up after {time.monotonic() - begin:.1f} s.")
    _addresses(stack)


def down() -> None:
    """Stop the embedded stack; no process is left, even when its supervisor was killed."""
    killed = Stack.load().down()
    typer.echo("The stack is down." + (f" {killed} left-over processes were killed." if killed else ""))


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show each part of the stack. Exit code 0 only when every part is healthy."""
    stack = Stack.load()
    state = stack.status()
    if as_json:
        document = {
            "running": state.running,
            "healthy": state.healthy,
            "home": str(stack.home.root),
            "parts": [asdict(part) for part in state.parts],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        _show(stack, state)
    raise typer.Exit(0 if state.healthy else 1)


def logs(
    part: Annotated[str | None, typer.Argument(help="A part as `vodflow status` names it; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the logs grow.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines to begin with.")] = 50,
) -> None:
    """Show the log of one part, or of all."""
    home = Stack.load().home
    paths = sorted(home.logs.glob("*.log"))
    if part is not None:
        names = ", ".join(path.stem for path in paths) or "none yet"
        paths = [path for path in paths if path.stem == part]
        if not paths:
            raise typer.BadParameter(f"There is no log of {part!r} in {home.logs}. There are: {names}.")
    offsets = {path: _tail(path, lines, titled=len(paths) > 1) for path in paths}
    try:
        while follow:
            time.sleep(_FOLLOW_INTERVAL)
            offsets = {path: _more(path, offset, titled=len(paths) > 1) for path, offset in offsets.items()}
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def password(
    account: Annotated[str, typer.Argument(help=f"One of Airflow's accounts: {', '.join(ACCOUNTS)}.")] = ADMIN,
) -> None:
    """Show the password of one of Airflow's accounts."""
    if account not in ACCOUNTS:
        raise typer.BadParameter(f"There is no account {account!r}. There are: {', '.join(ACCOUNTS)}.")
    typer.echo(Stack.load().config.passwords[account])


def _tail(path: Path, lines: int, *, titled: bool) -> int:
    with path.open(errors="replace") as file:
        last = deque(file, maxlen=lines)
        _write(path, "".join(last), titled=titled)
        return file.tell()


def _more(path: Path, offset: int, *, titled: bool) -> int:
    if path.stat().st_size < offset:  # shortened by the supervisor
        offset = 0
    with path.open(errors="replace") as file:
        file.seek(offset)
        _write(path, file.read(), titled=titled)
        return file.tell()


def _write(path: Path, text: str, *, titled: bool) -> None:
    if text:
        sys.stdout.write((f"── {path.stem}\n" if titled else "") + text)
        sys.stdout.flush()


def _progress(status: StackStatus, begin: float) -> Table:
    table = Table(box=None, pad_edge=False, title=f"Starting ({time.monotonic() - begin:.0f} s)", title_justify="left")
    for title in ("Part", "State", ""):
        table.add_column(title, overflow="fold")
    for part in status.parts:
        table.add_row(
            part.name, _state(part), part.detail.splitlines()[0] if part.detail and part.state in _TROUBLE else ""
        )
    return table


def _show(stack: Stack, status: StackStatus) -> None:
    if not status.running:
        typer.echo("The stack is down. Start it with `make up`.")
        return
    tables.show(_COLUMNS, [
        (part.name, _state(part), str(part.pid or ""),
         f"{part.memory / 1024**2:.0f} MiB" if part.memory else "",
         _duration(time.time() - part.started) if part.started else "", str(part.restarts))
        for part in status.parts
    ])  # fmt: skip
    typer.echo(f"Memory in all: {sum(part.memory or 0 for part in status.parts) / 1024**2:.0f} MiB")
    for part in status.parts:
        if part.detail:
            typer.echo(f"{typer.style(part.name, fg='red')}: {part.detail}")
    for sentence in _held(stack):
        typer.echo(f"{typer.style('held', fg='red')}: {sentence}")
    _addresses(stack)


def _held(stack: Stack) -> list[str]:
    """What the videos wait for, as far as the catalog answers: whether it does is a line of its own."""
    from vodflow.catalog.database import transaction  # noqa: PLC0415 - slow, and only for a stack that runs
    from vodflow.catalog.holds import holds  # noqa: PLC0415

    url = SecretStr(stack.config.database_url("vodflow"))
    try:
        with transaction("status", get_settings().model_copy(update={"catalog_url": url})) as connection:
            return [row.sentence for row in holds(connection)]
    except VodflowError:
        return []


def _addresses(stack: Stack) -> None:
    config = stack.config
    # On a terminal only: standard output of a CI job is a log.
    secret = config.secrets.admin_password if sys.stdout.isatty() else "shown by `make password`"
    typer.echo(f"Airflow: {config.airflow_url}  user admin, password {secret} (others: operator, viewer)")
    typer.echo(f"API: {config.api_url}/api/v1  (what there is: {config.api_url}/api/v1/docs)")
    typer.echo(f"Upload page: {config.api_url}/upload/  (asks for a key: docs/api.md#a-first-request makes one)")
    typer.echo(f"PostgreSQL: postgresql://vodflow@{HOST}:{config.ports['postgres']}/vodflow, by `vodflow psql`")
    typer.echo(f"AWS endpoint: {config.aws_url}")
    typer.echo(f"MediaConvert endpoint: {config.mediaconvert_url}")
    typer.echo(f"Logs: {stack.home.logs}")


def _state(part: PartStatus) -> Text:
    return Text(part.state.value, style=_STYLES[part.state])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

"""``vodflow api serve`` and ``vodflow sealing-key``."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated

import typer

from vodflow.stack.ports import HOST

app = typer.Typer(help="The HTTP API.", no_args_is_help=True, add_completion=False)


@app.callback()
def _root() -> None:
    """The HTTP API: videos in, their work, and who may watch them. See docs/api.md."""


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8081,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
) -> None:
    """Serve the API until interrupted; what is being answered then is answered."""
    from vodflow.api.served import serve  # noqa: PLC0415 - slow to import

    serve(host, port, workers)


def sealing_key() -> None:
    """Print a new key for VODFLOW_SEALING_KEYS."""
    # Fernet's form: 32 random bytes in URL-safe base64.
    typer.echo(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

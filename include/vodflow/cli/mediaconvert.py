"""``vodflow mediaconvert …``: the local MediaConvert service."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from local_mediaconvert.api.server import CONCURRENCY, EVENT_BUS, EVENT_QUEUE_URL, serve

from vodflow.stack.ports import HOST

app = typer.Typer(help="MediaConvert on this machine.", no_args_is_help=True, add_completion=False)


@app.callback()
def _root() -> None:
    """MediaConvert on this machine: AWS's API in front of FFmpeg. Any SDK speaks to it through its endpoint URL."""


@app.command("serve")
def serve_command(
    state: Annotated[Path, typer.Option(help="Folder of the database and of temporary files.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4571,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    event_queue_url: Annotated[
        str | None, typer.Option(envvar=EVENT_QUEUE_URL, help="SQS queue that gets the jobs' events.")
    ] = None,
    event_bus: Annotated[
        str | None, typer.Option(envvar=EVENT_BUS, help="EventBridge bus that gets the jobs' events.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, envvar=CONCURRENCY, help="Most jobs that run at a time.")] = 1,
    fault_plan: Annotated[
        str | None, typer.Option(help="JSON, or a file with JSON: what is to go wrong, for tests.")
    ] = None,
    minute: Annotated[
        float, typer.Option(min=0.001, help="Seconds that a minute of waiting lasts; tests make it short.")
    ] = 60.0,
) -> None:
    """Serve until interrupted; jobs that run then are run again at the next start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    typer.echo(f"MediaConvert: http://{host}:{port}", err=True)
    serve(
        port=port,
        state=state,
        host=host,
        event_queue_url=event_queue_url,
        event_bus=event_bus,
        concurrency=concurrency,
        fault_plan=fault_plan,
        minute=minute,
    )

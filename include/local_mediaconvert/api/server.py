"""Runs the application under uvicorn."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import botocore.session
import uvicorn
from vodflow.errors import ConfigurationError, StackError

from local_mediaconvert.api.app import create_app
from local_mediaconvert.gate import names
from local_mediaconvert.jobs.faults import parse_plan
from local_mediaconvert.service import Config, Service

#: Environment variables for options that are not given.
EVENT_QUEUE_URL: Final = "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"
EVENT_BUS: Final = "VODFLOW_MEDIACONVERT_EVENT_BUS"
CONCURRENCY: Final = "VODFLOW_MEDIACONVERT_CONCURRENCY"


def serve(
    *,
    port: int,
    state: Path,
    host: str = "127.0.0.1",
    event_queue_url: str | None = None,
    event_bus: str | None = None,
    concurrency: int = 1,
    fault_plan: str | None = None,
    minute: float = 60.0,
) -> None:
    """Serve until SIGTERM or SIGINT; jobs that run then go on at the next start.

    :raises ConfigurationError: an option is wrong
    :raises StackError: the port or the state folder is in use
    """
    if concurrency < 1:
        raise ConfigurationError(f"--concurrency must be at least 1, not {concurrency}.")
    if minute <= 0:
        raise ConfigurationError(f"--minute must be more than 0 seconds, not {minute:g}.")
    config = Config(
        state=state.absolute(),
        event_queue_url=event_queue_url or None,
        event_bus=event_bus or None,
        concurrency=concurrency,
        minute=minute,
        fault_plan=parse_plan(fault_plan) if fault_plan else None,
    )
    keys = botocore.session.get_session().get_credentials()
    if keys is None:
        raise ConfigurationError(
            "Callers sign with the AWS credentials that this service has itself, and it has none: "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for both."
        )
    app = create_app(Service(config), keys, [host, *names("VODFLOW_LOCAL_HOSTS")])
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=2,
            # Whoever polls every few seconds would otherwise meet connections that close just then.
            timeout_keep_alive=75,
        )
    )
    try:
        server.run()
    except SystemExit as error:  # uvicorn's way to say that it cannot listen
        raise StackError(f"The service cannot listen on {host}:{port}; is something else there?") from error

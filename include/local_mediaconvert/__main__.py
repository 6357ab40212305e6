"""``python -m local_mediaconvert``: the service in this process, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from vodflow.errors import VodflowError

from local_mediaconvert.api.server import CONCURRENCY, EVENT_BUS, EVENT_QUEUE_URL, serve


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and serve; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local_mediaconvert", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on this machine's loopback address")
    parser.add_argument("--state", type=Path, required=True, help="folder of the database and of temporary files")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--event-queue-url", default=os.environ.get(EVENT_QUEUE_URL), help="SQS queue for job events")
    parser.add_argument("--event-bus", default=os.environ.get(EVENT_BUS), help="EventBridge bus for job events")
    parser.add_argument(
        "--concurrency", type=int, default=os.environ.get(CONCURRENCY, "1"), help="most jobs that run at a time"
    )
    parser.add_argument("--fault-plan", help="JSON, or a file with JSON: what is to go wrong")
    parser.add_argument("--minute", type=float, default=60.0, help="seconds that a minute of waiting lasts")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        serve(**vars(given))
    except VodflowError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

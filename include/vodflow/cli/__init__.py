"""The command ``vodflow``. Subcommands are imported only when they are called: a worker starts in milliseconds."""

from __future__ import annotations

import os
import sys

from vodflow.errors import VodflowError


def main() -> None:
    """Entry point of the console script; errors of our own become one line and exit code 1."""
    from vodflow.cli.app import app  # noqa: PLC0415 - after nothing else, so that errors here are caught too

    try:
        join_stack()
        app()
    except VodflowError as error:
        sys.stderr.write(f"vodflow: {error}\n")
        raise SystemExit(1) from error


def join_stack() -> None:
    """Work with this checkout's embedded stack when it runs and no catalog was named."""
    if "VODFLOW_CATALOG_URL" in os.environ:
        return
    from vodflow.stack.environment import client_environment  # noqa: PLC0415 - not needed inside the stack
    from vodflow.stack.home import Home  # noqa: PLC0415

    home = Home.default()
    if home.is_supervised():
        os.environ.update(client_environment(home))

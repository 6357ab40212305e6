"""The command ``vodflow``. Subcommands are imported only when they are called: a worker starts in milliseconds."""

from __future__ import annotations

import sys

from vodflow.errors import VodflowError


def main() -> None:
    """Entry point of the console script; errors of our own and of the machine become one line and exit code 1."""
    from vodflow.cli.app import app  # noqa: PLC0415 - after nothing else, so that errors here are caught too
    from vodflow.cli.join import join_stack  # noqa: PLC0415

    try:
        app(obj=join_stack())
    except Exception as error:
        # What the machine or AWS refuses is no fault of ours either; anything else is, and keeps its traceback.
        if not (isinstance(error, (VodflowError, OSError)) or type(error).__module__.startswith("botocore.")):
            raise
        sys.stderr.write(f"vodflow: {_sentence(error)}\n")
        raise SystemExit(1) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__

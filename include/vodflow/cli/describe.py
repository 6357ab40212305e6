"""``docs/command-line.md``, read off the commands themselves; a test fails when the file differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from vodflow.cli.app import SUBCOMMANDS

_INTRODUCTION = """\
# Command line

This page is generated from the commands (`make docs`). `vodflow` is `.venv/bin/vodflow`.

## Where a command works

**With the embedded stack**, when that of the checkout runs: with all settings that it was started with, so that a job
cancelled here is told to the channels of the stack. Other `VODFLOW_*`, `AWS_*`, `AIRFLOW_*` and `PG*` variables of the
shell are left aside; where settings differ, one line says so.

**Elsewhere**, when `VODFLOW_CATALOG_URL` names another catalog: with the settings of
[configuration.md](configuration.md), AWS credentials, and for starting and cancelling jobs `VODFLOW_AIRFLOW_URL` with
`VODFLOW_AIRFLOW_TOKEN`, or `VODFLOW_AIRFLOW_USER` and `VODFLOW_AIRFLOW_PASSWORD`.

With the stack down and no catalog named, commands say so and end with 1. Nothing turns to AWS by itself.

Other programs come to the stack with `eval "$(vodflow env)"`: Vodflow's settings, AWS credentials and endpoint,
Airflow's settings, and the catalog as `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE`, which psql, psycopg,
pandas and DuckDB read (as one address: `postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE`).
`vodflow psql` and `vodflow airflow` need no `eval`:

```sh
vodflow upload holiday.mov --tenant acme --outputs hls,dash --qualities 1080p,720p --wait
vodflow jobs list --status failed --since 2026-05-01
vodflow jobs retry 12 --wait && vodflow jobs get 12
vodflow psql -c "SELECT status, count(*) FROM job GROUP BY status"
vodflow airflow dags list
vodflow jobs list --json | jq -r '.jobs[] | select(.retryable) | .id' | xargs -r vodflow jobs retry
```

## Exit codes

| code | meaning |
|---|---|
| 0 | done as asked; with `--wait`, published |
| 1 | it could not be done; standard error says why |
| 2 | the command line is wrong: no such command or option, or a value that no such option can have |
| 3 | with `--wait`: the input was rejected, by a named reason |
| 4 | with `--wait`: the job failed, or its source cannot be read now; `vodflow jobs retry` may help |
| 5 | with `--wait`: the job was cancelled |
| 6 | with `--timeout`: not over in time; it goes on |
| 130 | with `--wait`: interrupted (Ctrl-C); what was begun goes on |

Of several jobs the lowest code that is not 0 counts. `vodflow status` and `vodflow jobs health` end with 1 when
something does not answer, `vodflow verify` when an output is not as planned. `vodflow jobs cancel` and `retry` do what
they can and end with 1 when a job was over, or was not there. `vodflow worker run` has [codes of its
own](#vodflow-worker-run); `vodflow psql` and `vodflow airflow` end as those programs do.

Results go to standard output, progress and errors to standard error. A table leaves columns out where the terminal is
narrow, never letters; into a pipe or a file all columns go. `--json` prints one JSON document and nothing else; the
fields of a job are those of [library.md](library.md#a-job). Fields are added, never renamed or removed, within a
major version.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for name, subcommand in SUBCOMMANDS.items():
        command: Any = subcommand.load(name)
        with typer.Context(command, info_name=f"vodflow {name}") as context:
            parts += _command(command, context, name, 2)
    return "\n".join(parts).rstrip() + "\n"


def _command(command: Any, context: Any, path: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} `vodflow {path}`"
    yield ""
    yield " ".join((command.help or "").split())
    yield ""
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            inner: Any = command.get_command(context, name)
            if inner.hidden:  # an older name of another one
                continue
            with typer.Context(inner, info_name=name, parent=context) as below:
                yield from _command(inner, below, f"{path} {name}", level + 1)
        return
    records = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    records = [record for record in records if not record[0].startswith("--help")]
    if records:
        yield "| | |"
        yield "|---|---|"
        yield from (f"| `{_cell(name)}` | {_cell(meaning)} |" for name, meaning in records)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

"""The sections of ``docs/command-line.md``, read off the commands; a test fails when the file differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from vodflow.cli.app import SUBCOMMANDS


def markdown() -> str:
    """A section for each command."""
    parts: list[str] = []
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

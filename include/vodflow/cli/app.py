"""The table of subcommands, and the group that imports each one only when it is asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vodflow.cli.join import Joined, require_catalog


@dataclass(frozen=True)
class Subcommand:
    """Where a subcommand is: a Typer app or a function, and what the list of commands says of it.

    :param alone: whether it needs neither the running stack nor a catalog that the shell names
    :param passes_on: whether its arguments are another program's
    """

    module: str
    attribute: str
    help: str
    alone: bool = False
    passes_on: bool = False

    def exists(self) -> bool:
        """Whether its module is there, without importing it."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def load(self, name: str) -> Any:
        """Import it and make a command of it."""
        target = getattr(importlib.import_module(self.module), self.attribute)
        if not isinstance(target, typer.Typer):
            function, target = target, typer.Typer(add_completion=False)
            context = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}
            target.command(name=name, help=self.help, context_settings=context if self.passes_on else {})(function)
        command = typer.main.get_command(target)
        command.name = name
        command.help = command.help or self.help
        if not self.alone:
            _require_catalog(command)
        return command


def _require_catalog(command: Any) -> None:
    """Let each command below this one see first that there is something to work with; ``--help`` needs nothing."""
    if isinstance(command, TyperGroup):
        for inner in command.commands.values():
            _require_catalog(inner)
        return
    carry_out = command.invoke

    def checked(context: Any) -> Any:
        require_catalog()
        if isinstance(context.obj, Joined):
            context.obj.tell()
        return carry_out(context)

    command.invoke = checked


_STACK, _CONNECT = "vodflow.cli.stack", "vodflow.cli.connect"

SUBCOMMANDS = {
    "up": Subcommand(_STACK, "up", "Start the embedded stack and wait until it is healthy.", alone=True),
    "down": Subcommand(_STACK, "down", "Stop the embedded stack; no process is left.", alone=True),
    "status": Subcommand(_STACK, "status", "Show each part: process, memory, health, address.", alone=True),
    "logs": Subcommand(_STACK, "logs", "Show the log of one part, or of all.", alone=True),
    "password": Subcommand(_STACK, "password", "Show the password of one of Airflow's accounts.", alone=True),
    "env": Subcommand(_CONNECT, "env", 'Print the stack\'s settings for a shell: eval "$(vodflow env)".', alone=True),
    "psql": Subcommand(_CONNECT, "psql", "Open the catalog with psql; the arguments are psql's.", passes_on=True),
    "airflow": Subcommand(_CONNECT, "airflow", "Run Airflow's own commands on the stack.", alone=True, passes_on=True),
    "init": Subcommand(
        "vodflow.cli.init", "init", "Make databases, tables, buckets and queues where they are missing.", alone=True
    ),
    "demo": Subcommand("vodflow.stack.demo", "demo", "Send real videos through the whole pipeline.", alone=True),
    "upload": Subcommand("vodflow.cli.upload", "upload", "Upload videos and have them transcoded."),
    "jobs": Subcommand("vodflow.cli.jobs", "app", "Look at jobs; start, wait for, cancel and retry them."),
    "sensing": Subcommand("vodflow.cli.sensing", "app", "Say why an object is or is not taken."),
    "verify": Subcommand("vodflow.cli.verify", "verify", "Check a job's outputs against its plan."),
    "notifications": Subcommand("vodflow.cli.notifications", "app", "Look at notifications and send them."),
    "metadata": Subcommand("vodflow.cli.metadata", "app", "Bring the videos' metadata in DynamoDB up to date."),
    "tenants": Subcommand("vodflow.cli.tenants", "app", "Create, configure, suspend, export and delete tenants."),
    "api-keys": Subcommand("vodflow.cli.api_keys", "app", "Make, replace and end keys of programs that call the API."),
    "catalog": Subcommand("vodflow.cli.catalog", "app", "Migrate the catalog database.", alone=True),
    "report": Subcommand("vodflow.cli.report", "app", "Compute and show the reports."),
    "quality": Subcommand("vodflow.cli.quality", "app", "Measure how good published outputs are, and show it."),
    "api": Subcommand("vodflow.cli.api", "app", "Serve the HTTP API."),
    "sealing-key": Subcommand("vodflow.cli.api", "sealing_key", "Make a key for VODFLOW_SEALING_KEYS.", alone=True),
    "mediaconvert": Subcommand("vodflow.cli.mediaconvert", "app", "MediaConvert on this machine.", alone=True),
    "worker": Subcommand("vodflow.cli.worker", "app", "Carry one plan out on this machine.", alone=True),
}


class LazyGroup(TyperGroup):
    """A group over :data:`SUBCOMMANDS` that imports one only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is given
        """Names, in the order of the table."""
        return [name for name, subcommand in SUBCOMMANDS.items() if subcommand.exists()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature is given
        """A stand-in that the list of commands can show; none when there is no such command."""
        subcommand = SUBCOMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=subcommand.help) if subcommand and subcommand.exists() else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is being called, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, SUBCOMMANDS[name].load(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:
        """Call it; a value that is refused is told without the words of the library that looked at it."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="vodflow",
    cls=LazyGroup,
    help="Video-on-demand pipelines on Apache Airflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vodflow {importlib.metadata.version('vodflow')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Video-on-demand pipelines on Apache Airflow."""

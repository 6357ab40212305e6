"""``vodflow env``, ``psql`` and ``airflow``: the running stack for shells and for other programs."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final, NoReturn

import typer

from vodflow.errors import ConfigurationError, StackError
from vodflow.stack.environment import client_environment
from vodflow.stack.home import Home
from vodflow.stack.postgres import shipped_installation

#: Connection parameters that libpq reads from a variable of another name than PG and theirs.
_LIBPQ: Final = {"dbname": "DATABASE", "application_name": "APPNAME"}


def env(context: typer.Context) -> None:
    """Print the running stack's settings for a shell: eval "$(vodflow env)"."""
    home = Home.default()
    if not home.is_supervised():
        typer.echo("false")  # what `eval` ends with
        raise StackError("The embedded stack is down; start it with `vodflow up`.")
    variables = client_environment(home)
    if context.obj and context.obj.aside:
        typer.echo(f"unset {' '.join(context.obj.aside)}")
    for name, value in {**variables, **_libpq(variables["VODFLOW_CATALOG_URL"])}.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def psql(context: typer.Context) -> None:
    """Open the catalog with psql, whose arguments these are; its own help is `vodflow psql -- --help`."""
    from vodflow.settings import get_settings  # noqa: PLC0415 - `env` prints them unread

    url = get_settings().catalog_url.get_secret_value()
    # The stack's own is as new as its server; a machine's may be older.
    shipped = _programs() / "psql"
    program = str(shipped) if shipped.is_file() else shutil.which("psql")
    if program is None:
        raise ConfigurationError("psql is not installed: install PostgreSQL's client, or run `make up`.")
    _become([program, *context.args], _libpq(url))


def airflow(context: typer.Context) -> None:
    """Run Airflow's own command line on the running stack's Airflow: vodflow airflow dags list."""
    if not {"AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"} & set(os.environ):
        raise StackError("The embedded stack is down; start it with `vodflow up`, or set AIRFLOW_HOME.")
    # `airflow db shell` looks for psql.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(_programs())])
    _become([sys.executable, "-m", "airflow", *context.args], {"PATH": path})


def _programs() -> Path:
    """PostgreSQL's programs of the stack; the folder may be missing where there is no stack."""
    try:
        return shipped_installation() / "bin"
    except StackError:
        return Path("/nonexistent")


def _libpq(url: str) -> dict[str, str]:
    """A SQLAlchemy URL as the variables of libpq, which psql and most other clients read."""
    from vodflow.catalog.database import parse_url  # noqa: PLC0415 - slow to import

    parsed = parse_url(url)
    _, parameters = parsed.get_dialect()().create_connect_args(parsed)
    return {f"PG{_LIBPQ.get(name, name.upper())}": str(value) for name, value in parameters.items()}


def _become(argv: list[str], variables: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(argv[0], argv, {**os.environ, **variables})  # noqa: S606 - arguments are the person's own

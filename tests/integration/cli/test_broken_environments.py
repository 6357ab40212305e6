"""Every command in every environment in which it cannot work: one sentence, the documented exit code, no traceback."""

from __future__ import annotations

import fcntl
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from vodflow.catalog.database import dispose_engines
from vodflow.cli import main
from vodflow.cli.app import SUBCOMMANDS
from vodflow.settings import Settings, get_settings
from vodflow.stack.home import Home
from vodflow.storage.clients import forget_clients

pytestmark = pytest.mark.integration

NOBODY = "postgresql+psycopg2://vodflow@127.0.0.1:1/vodflow"

AWAY = {"VODFLOW_AWS_ENDPOINT_URL": "http://127.0.0.1:1", "VODFLOW_AWS_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
UNSET = "VODFLOW_DYNAMODB_TABLE|VODFLOW_NOTIFICATIONS has no channel|VODFLOW_AIRFLOW_URL|127.0.0.1:1"

#: A command line for every command; {video} is a file, {folder} an empty folder.
COMMANDS = {
    "up": "",
    "down": "",
    "status": "",
    "logs": "scheduler",
    "password": "",
    "env": "",
    "psql": "-c 'SELECT 1 FROM job'",
    "airflow": "dags list",
    "init": "--wait 0",
    "demo": "{folder}/none.mp4",
    "upload": "{video}",
    "jobs list": "",
    "jobs get": "1",
    "jobs create": "s3://vodflow-source/a.mp4",
    "jobs wait": "1 --timeout 0",
    "jobs cancel": "1",
    "jobs retry": "1",
    "jobs delete-outputs": "1 --yes",
    "jobs health": "",
    "sensing explain": "a.mp4",
    "verify": "1",
    "notifications list": "",
    "notifications retry": "1",
    "notifications send": "",
    "notifications test": "crm",
    "metadata sync": "",
    "tenants create": "acme",
    "tenants list": "",
    "tenants show": "acme",
    "tenants configure": "acme {folder}/none.json",
    "tenants suspend": "acme --reason unpaid",
    "tenants resume": "acme",
    "tenants export": "acme {folder}",
    "tenants delete": "acme --yes acme",
    "tenants grant": "",
    "api-keys create": "crm --scopes videos:read",
    "api-keys list": "",
    "api-keys rotate": "1",
    "api-keys revoke": "1",
    "catalog upgrade": "9999",
    "catalog downgrade": "9999 --yes",
    "catalog current": "",
    "catalog describe": "",
    "report run": "--no-export",
    "report show": "",
    "report export": "",
    "report html": "",
    "report dsn": "",
    "report grant": "",
    "report prices": "",
    "report price": "storage.gb_month 0.02",
    "quality measure": "1",
    "quality show": "1",
    "api serve": "--host 192.0.2.1",
    "sealing-key": "",
    "mediaconvert serve": "--state {video}/state --fault-plan {{",
    "worker run": "--plan {folder}/none.json --bucket b --prefix p",
    "worker part": "audio --plan {folder}/none.json --bucket b --prefix p",
    "worker join": "--plan {folder}/none.json --bucket b --prefix p",
}

#: Commands that do not need what is broken below, and end as their page says.
ALONE = {"down": 0, "status": 1, "logs": 2, "password": 1, "env": 1, "airflow": 1, "demo": 1, "catalog describe": 0,
         "api serve": 1, "sealing-key": 0, "mediaconvert serve": 1,
         "worker run": 2, "worker part": 2, "worker join": 2}  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """An environment.

    :param says: what the sentence of each command that needs what is broken names: a regular expression
    :param codes: of commands that end otherwise than with 1, or with that of ``ALONE``
    """

    variables: dict[str, str]
    says: str = ""
    codes: dict[str, int] = field(default_factory=dict)
    stops_up: bool = False


ENVIRONMENTS = {
    "nothing is named": Broken({}, "stack is down", {"psql": 1}),
    "a catalog URL that is none": Broken({"VODFLOW_CATALOG_URL": "garbage"}, "VODFLOW_CATALOG_URL", {"psql": 1}),
    "another database": Broken({"VODFLOW_CATALOG_URL": "sqlite:///x"}, "VODFLOW_CATALOG_URL"),
    "a port that is none": Broken({"VODFLOW_CATALOG_URL": "postgresql://u@h:99999/d"}, "VODFLOW_CATALOG_URL"),
    "nobody listens": Broken({"VODFLOW_CATALOG_URL": NOBODY, **AWAY}, f"VODFLOW_CATALOG_URL|{UNSET}", {"psql": 2}),
    "a list that is no JSON": Broken(
        {"VODFLOW_CATALOG_URL": NOBODY, "VODFLOW_WATCH": "[{"}, "VODFLOW_WATCH is not", stops_up=True
    ),
    "a list of nonsense": Broken(
        {"VODFLOW_CATALOG_URL": NOBODY, "VODFLOW_NOTIFICATIONS": "[1]"}, "VODFLOW_NOTIFICATIONS", stops_up=True
    ),
    "a number that is none": Broken(
        {"VODFLOW_CATALOG_URL": NOBODY, "VODFLOW_CATALOG_TIMEOUT": "soon"}, "VODFLOW_CATALOG_TIMEOUT", stops_up=True
    ),
    "an endpoint that is no URL": Broken(
        {"VODFLOW_CATALOG_URL": NOBODY, "VODFLOW_AWS_ENDPOINT_URL": "localhost"},
        "VODFLOW_AWS_ENDPOINT_URL",
        stops_up=True,
    ),
    "options that are no JSON": Broken(
        {"VODFLOW_CATALOG_URL": NOBODY, "VODFLOW_MEDIACONVERT_OPTIONS": "{"},
        "VODFLOW_MEDIACONVERT_OPTIONS",
        stops_up=True,
    ),
}


def leaves(command: Any, path: str) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from leaves(inner, f"{path} {name}")
    else:
        yield path


@dataclass
class Shell:
    """Runs commands as a person would who sees no more of us than the command line."""

    folder: Path
    variables: dict[str, str]

    def run(self, command: str, arguments: str) -> tuple[int, str, str]:
        (self.folder / "video.mp4").write_bytes(b"not a video")
        (self.folder / "empty").mkdir(exist_ok=True)
        words = arguments.format(video=self.folder / "video.mp4", folder=self.folder / "empty")
        argv = ["vodflow", *command.split(), *shlex.split(words)]
        environment = {name: os.environ[name] for name in ("PATH", "HOME")} | {
            "VODFLOW_HOME": str(self.folder / "home"), **self.variables
        }  # fmt: skip
        if command == "psql":  # becomes another program
            done = subprocess.run(
                [sys.executable, "-m", *argv], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            return done.returncode, done.stdout, done.stderr
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(os, "environ", environment)
            patch.setattr(sys, "argv", argv)
            _forget()
            try:
                main()
            except SystemExit as end:
                return int(end.code or 0), out.getvalue(), err.getvalue()
            finally:
                _forget()
        return 0, out.getvalue(), err.getvalue()


def _forget() -> None:
    with ExitStack() as ignored:
        ignored.callback(get_settings.cache_clear)
        ignored.callback(forget_clients)
        if get_settings.cache_info().currsize:
            dispose_engines()


def walk(shell: Shell, broken: Broken, without: str = "") -> None:
    for command, arguments in COMMANDS.items():
        if (
            command == without
            or (command == "up" and not broken.stops_up)
            or (command == "psql" and command not in broken.codes)
        ):
            continue  # the stack brings its own catalog and AWS services, and would start; psql takes a second
        code, out, err = shell.run(command, arguments)
        told = f"vodflow {command} {arguments}: {code}\n{out}\n{err}"
        assert "Traceback" not in err, told
        expected = broken.codes.get(command, ALONE.get(command, 1))
        assert code == expected, told
        if code == 1 and command not in ALONE and command != "jobs health":
            assert re.search(broken.says, " ".join(err.split())), told


def test_every_command_is_walked() -> None:
    found = {path for name, one in SUBCOMMANDS.items() for path in leaves(one.load(name), name)}
    assert found == set(COMMANDS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_broken_environment(name: str, tmp_path: Path) -> None:
    broken = ENVIRONMENTS[name]
    walk(Shell(tmp_path, broken.variables), broken)


#: With a catalog that is as it should be: commands that find it, and nothing in it.
EMPTY = {"tenants create": 0, "tenants list": 0, "tenants show": 0, "tenants suspend": 0, "tenants resume": 0,
         "tenants export": 0, "tenants grant": 0, "api-keys create": 0, "api-keys list": 0, "api-keys rotate": 0,
         "api-keys revoke": 0, "init": 1, "sensing explain": 0, "jobs list": 0,
         "notifications list": 0, "notifications send": 0,
         "catalog current": 0, "report run": 0, "report show": 0, "report dsn": 0, "report grant": 0,
         "report prices": 0, "report price": 0}  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "credentials"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        (AWAY, "127.0.0.1:1"),
        ({**AWAY, "VODFLOW_AIRFLOW_URL": "http://127.0.0.1:1", "VODFLOW_AIRFLOW_TOKEN": "x"}, "127.0.0.1:1"),
        ({**AWAY, "VODFLOW_PROFILES_DIR": "/nowhere"}, "PROFILES_DIR|127.0.0.1:1"),
    ],
)
def test_a_catalog_without_the_rest(variables: dict[str, str], says: str, catalog: Settings, tmp_path: Path) -> None:
    variables = {"VODFLOW_CATALOG_URL": catalog.catalog_url.get_secret_value(), "AWS_EC2_METADATA_DISABLED": "true",
                 "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
                 **variables}  # fmt: skip
    nothing = "no job|no notification|no channel|DYNAMODB_TABLE|revision identified|AIRFLOW_URL|no profile|none.json"
    walk(Shell(tmp_path, variables), Broken(variables, f"{says}|{nothing}", EMPTY))


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("catalog upgrade", "''", 1),
        ("catalog upgrade", "-- -1", 1),
        ("catalog upgrade", "0001:head", 1),
        ("catalog upgrade", "--url garbage", 2),
        ("jobs get", "9" * 30, 1),
        ("jobs get", f"source-{'9' * 30}", 1),
        ("jobs get", "s3://bucket", 1),
        ("jobs list", "--since yesterday", 2),
        ("jobs create", "holiday.mov", 2),
        ("notifications retry", "9" * 30, 1),
        ("notifications list", "--status lost", 2),
        ("report show", "--from 2026-13-01", 2),
        ("report price", "storage.gb_month dear", 2),
        ("report price", "storage.gb_month -- -1", 1),
        ("report price", "storage.gb_month nan", 1),
        ("report price", "storage.gb_month 1 --from 2020-01-01", 1),
        ("report price", "storage.tb_month 1", 1),
        ("logs", "nothing", 2),
        ("up", "--timeout -1", 2),
    ],
)
def test_a_mistyped_argument(command: str, arguments: str, code: int, catalog: Settings, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"VODFLOW_CATALOG_URL": catalog.catalog_url.get_secret_value(), **AWAY})
    ended, out, err = shell.run(command, arguments)
    assert (ended, out) == (code, "")
    assert "Traceback" not in err
    assert "Error" in err if code == 2 else err.startswith("vodflow: ")


def test_a_catalog_without_tables(empty_database: str, tmp_path: Path) -> None:
    variables = {"VODFLOW_CATALOG_URL": empty_database, **AWAY}
    says = f"vodflow catalog upgrade|revision identified|does not exist|{UNSET}"
    walk(Shell(tmp_path, variables), Broken(variables, says, {"catalog current": 0, "psql": 1}), without="init")


def test_a_home_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    walk(Shell(tmp_path, {}), Broken({}, "stack is down", {"down": 0, "status": 1, "logs": 2}))


@pytest.mark.parametrize("text", ["{", "{}", '{"stack_id": 1, "ports": {}, "secrets": {"x": 1}}'])
def test_a_damaged_stack(text: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run.mkdir(parents=True)
    home.config_file.write_text(text)
    with home.supervisor_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everything = dict.fromkeys(COMMANDS, 1)
        walk(Shell(tmp_path, {}), Broken({}, "stack.json is damaged", everything))

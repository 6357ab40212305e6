from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner
from vodflow.cli import app as table
from vodflow.cli import main
from vodflow.cli.app import SUBCOMMANDS, Subcommand, app
from vodflow.stack.home import Home


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VODFLOW_", "AWS_"))}
    return subprocess.run(
        [sys.executable, "-m", "vodflow", *arguments],
        env={**environment, "VODFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_listed_command_can_be_loaded_and_explains_itself() -> None:
    runner = CliRunner()
    overview = runner.invoke(app, ["--help"]).output
    present = [name for name, subcommand in SUBCOMMANDS.items() if subcommand.exists()]
    assert {"up", "down", "status", "logs", "password", "worker", "demo", "catalog"} <= set(present)
    for name in present:
        assert name in overview
        result = runner.invoke(app, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert "Usage" in result.output


def test_a_command_of_an_absent_module_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.SUBCOMMANDS, "ghost", Subcommand("vodflow.ghosts.cli", "app", "Not there."))
    result = CliRunner().invoke(app, ["ghost"])
    assert result.exit_code == 2
    assert "No such command" in result.output
    assert "ghost" not in CliRunner().invoke(app, ["--help"]).output


def test_a_function_becomes_a_command_of_its_own() -> None:
    command = Subcommand("vodflow.cli.stack", "logs", "Show logs.").load("logs")
    assert command.name == "logs"
    assert isinstance(command, typer.core.TyperCommand)


def test_a_worker_loads_neither_airflow_nor_the_stack() -> None:
    code = (
        "import sys; sys.argv = ['vodflow', 'worker', '--help']\n"
        "from vodflow.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "loaded = {'airflow', 'psutil', 'sqlalchemy', 'boto3', 'vodflow.stack.stack'} & set(sys.modules)\n"
        "sys.exit(' '.join(loaded) or 0)"
    )
    environment = {**os.environ, "VODFLOW_CATALOG_URL": "postgresql+psycopg2://nowhere"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_without_a_stack_status_says_how_to_start_one(tmp_path: Path) -> None:
    result = run("status", home=tmp_path / "none")
    assert result.returncode == 1
    assert "make up" in result.stdout
    result = run("status", "--json", home=tmp_path / "none")
    assert '"running": false' in result.stdout


def test_down_without_a_stack_does_nothing(tmp_path: Path) -> None:
    result = run("down", home=tmp_path / "none")
    assert result.returncode == 0
    assert not (tmp_path / "none").exists()


def test_an_error_of_our_own_is_one_line(tmp_path: Path) -> None:
    result = run("password", home=tmp_path / "none")
    assert result.returncode == 1
    assert result.stderr.startswith("vodflow: There is no stack in")
    assert "Traceback" not in result.stderr


def test_logs_of_an_unknown_part_name_those_there_are(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.logs.mkdir()
    home.log_file("aws").write_text("one\ntwo\nthree\n")
    assert run("logs", "aws", "-n", "2", home=tmp_path).stdout == "two\nthree\n"
    result = run("logs", "nothing", home=tmp_path)
    assert result.returncode == 2
    assert "aws" in result.stderr


def test_main_turns_errors_into_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VODFLOW_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(sys, "argv", ["vodflow", "password"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "There is no stack" in capsys.readouterr().err


def test_the_version_is_the_packages() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"vodflow {importlib.metadata.version('vodflow')}\n")

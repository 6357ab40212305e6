"""A second stack beside the session's, run by an ordinary user through the command line."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from vodflow.stack.environment import child_environment
from vodflow.stack.home import REPOSITORY
from vodflow.stack.processes import load_records
from vodflow.stack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

USER = "nobody"


class CommandLine:
    """``vodflow …`` as an ordinary user: ourselves, or ``nobody`` when we are root."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack.load(folder / "home")
        self._user = {}
        aws_site = next((REPOSITORY / ".vodflow/aws-env/lib").glob("python*/site-packages"))
        if os.geteuid() == 0:
            entry = pwd.getpwnam(USER)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self._python = self._environment(folder / "venv", Path(sysconfig.get_path("purelib")))
        self._aws_python = self._environment(folder / "aws", aws_site)
        self._folder = folder

    def run(self, *arguments: str, code: int = 0) -> str:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
        result = subprocess.run(
            [self._python, "-m", "vodflow", *arguments],
            env={
                **kept,
                "HOME": str(self._folder),
                "VODFLOW_HOME": str(self.stack.home.root),
                "VODFLOW_AWS_PYTHON": str(self._aws_python),
            },
            cwd="/",
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            **self._user,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout

    def _environment(self, folder: Path, packages: Path) -> Path:
        """An environment with these packages, made by a Python that the user may run (pyenv below /root is none)."""
        python = self._reachable_python()
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=60, **self._user)
        site = next((folder / "lib").glob("python*/site-packages"))
        (site / "borrowed.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
        return folder / "bin" / "python"

    def _reachable_python(self) -> str:
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for candidate in (os.path.realpath(sys.executable), f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
            try:
                subprocess.run([candidate, "-c", "import venv"], check=True, timeout=60, **self._user)
            except (OSError, subprocess.CalledProcessError):
                continue
            return candidate
        pytest.fail(f"The user {USER} can run no {name}: install one outside root's home (apt-get install {name}).")


@pytest.fixture(scope="module")
def command_line() -> Iterator[CommandLine]:
    folder = Path(tempfile.mkdtemp(prefix="vodflow-user-"))
    folder.chmod(0o755)
    line = CommandLine(folder)
    yield line
    line.stack.down()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_ordinary_user_runs_a_stack_beside_another_one(stack: Stack, command_line: CommandLine) -> None:
    command_line.run("up")

    second = command_line.stack
    assert second.is_healthy()
    assert stack.is_healthy()
    assert not set(second.config.ports.values()) & set(stack.config.ports.values())
    assert all(process.uids().real != 0 for process in second.processes())
    document = json.loads(command_line.run("status", "--json"))
    assert document["healthy"]
    assert {part["state"] for part in document["parts"]} == {"healthy"}


def test_up_again_changes_nothing(command_line: CommandLine) -> None:
    before = load_records(command_line.stack.home)
    assert "already" in command_line.run("up")
    assert load_records(command_line.stack.home) == before


def test_no_secret_is_in_a_log_or_readable_by_others(command_line: CommandLine) -> None:
    home, config = command_line.stack.home, command_line.stack.config
    output = command_line.run("status") + "".join(path.read_text(errors="replace") for path in home.logs.glob("*"))
    for secret in vars(config.secrets).values():
        assert secret not in output
    assert home.config_file.stat().st_mode & 0o077 == 0
    assert (home.airflow / "passwords.json").stat().st_mode & 0o077 == 0
    assert command_line.run("password").strip() == config.secrets.admin_password


def test_down_after_the_supervisor_was_killed_leaves_no_process(stack: Stack, command_line: CommandLine) -> None:
    second = command_line.stack
    # A program that ignores SIGTERM and has a session of its own, as a task may leave one behind.
    stray = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"],
        env=child_environment(second.home),
        start_new_session=True,
    )
    before = second.processes()
    supervisor = next(record for record in load_records(second.home) if record.part == "supervisor")

    os.kill(supervisor.pid, signal.SIGKILL)
    second.down()

    stray.wait(timeout=5)
    assert not second.processes()
    assert not [process.pid for process in before if psutil.pid_exists(process.pid) and process.is_running()
                and process.status() != psutil.STATUS_ZOMBIE]  # fmt: skip
    assert "down" in command_line.run("status", code=1)
    assert stack.is_healthy()

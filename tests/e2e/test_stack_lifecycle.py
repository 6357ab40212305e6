"""A second stack beside the session's, run by an ordinary user through the command line."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from vodflow.stack.environment import child_environment
from vodflow.stack.home import REPOSITORY
from vodflow.stack.processes import is_alive, load_records
from vodflow.stack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

USER = "nobody"

#: Folders of the checkout that a stack runs from.
CODE = ("include", "plugins", "dags", "scripts")


class CommandLine:
    """``vodflow …`` as an ordinary user: ourselves, or ``nobody`` when we are root."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack.load(folder / "home")
        self._user = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam(USER)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        code = [self._within_reach(REPOSITORY / name, folder / "checkout" / name) for name in CODE]
        aws_site = next((REPOSITORY / ".vodflow/aws-env/lib").glob("python*/site-packages"))
        aws_packages = self._within_reach(aws_site, folder / "aws-packages")
        packages = self._within_reach(Path(sysconfig.get_path("purelib")), folder / "packages")
        self._python = self._environment(folder / "venv", *code, packages)
        self._aws_python = self._environment(folder / "aws", aws_packages)
        self._folder = folder

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        return self._run([str(self._python), "-m", "vodflow", *arguments], variables, code)

    def shell(self, script: str, **variables: str) -> str:
        """A script of a person's shell, in which ``vodflow`` is this command."""
        function = f'vodflow() {{ {self._python} -m vodflow "$@"; }}; '
        return self._run(["sh", "-c", function + script], variables, 0)

    def _run(self, argv: list[str], variables: dict[str, str], code: int) -> str:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
        result = subprocess.run(
            argv,
            env={
                **kept,
                "HOME": str(self._folder),
                "VODFLOW_HOME": str(self.stack.home.root),
                "VODFLOW_AWS_PYTHON": str(self._aws_python),
                **variables,
            },
            cwd="/",
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            **self._user,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout if code == 0 else result.stdout + result.stderr

    def _within_reach(self, tree: Path, copy: Path) -> Path:
        """The tree; a copy where the user cannot come to it, as below root's home, of the same files where possible."""
        if subprocess.run(["ls", tree], capture_output=True, timeout=60, check=False, **self._user).returncode == 0:
            return tree
        shutil.copytree(tree, copy, symlinks=True, copy_function=_link)
        for path in (copy.parent, copy, *copy.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        return copy

    def _environment(self, folder: Path, *packages: Path) -> Path:
        """An environment with these packages, made by a Python that the user may run (pyenv below /root is none)."""
        python = self._reachable_python()
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=60, **self._user)
        site = next((folder / "lib").glob("python*/site-packages"))
        lines = [f"import site; site.addsitedir({str(path)!r})\n" for path in packages]
        (site / "borrowed.pth").write_text("".join(lines))
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


def _link(source: str, target: str) -> None:
    """The same file under another name, or a copy, that others may read."""
    mode = Path(source).stat().st_mode
    if mode & stat.S_IROTH:
        with contextlib.suppress(OSError):  # another disk
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(mode | 0o444 | (mode & stat.S_IXUSR) >> 6)


@pytest.fixture(scope="module")
def command_line() -> Iterator[CommandLine]:
    folder = Path(tempfile.mkdtemp(prefix="vodflow-user-"))
    folder.chmod(0o755)
    line = CommandLine(folder)
    yield line
    line.stack.down()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_ordinary_user_runs_a_stack_beside_another_one(stack: Stack, command_line: CommandLine) -> None:
    channel = {"type": "webhook", "name": "crm", "url": "http://127.0.0.1:1/", "secret": "it's"}
    command_line.run("up", VODFLOW_DYNAMODB_TABLE="videos", VODFLOW_NOTIFICATIONS=json.dumps([channel]))

    second = command_line.stack
    assert second.is_healthy()
    assert stack.is_healthy()
    assert not set(second.config.ports.values()) & set(stack.config.ports.values())
    for process in second.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # tasks come and go
            assert process.uids().real != 0
    document = json.loads(command_line.run("status", "--json"))
    assert document["healthy"]
    assert {part["state"] for part in document["parts"]} == {"healthy"}


def test_up_again_changes_nothing(command_line: CommandLine) -> None:
    before = load_records(command_line.stack.home)
    assert "already" in command_line.run("up")
    assert load_records(command_line.stack.home) == before


def test_commands_have_the_settings_with_which_the_stack_was_started(command_line: CommandLine) -> None:
    assert command_line.run("metadata", "sync", AWS_PROFILE="production") == "0 items written, 0 failed.\n"
    assert "crm did not take it" in command_line.run("notifications", "test", "crm", code=1)  # nobody listens there
    query = "SELECT current_user, count(*) FROM job"
    assert command_line.run("psql", "-At", "-c", query).strip() == "vodflow|0"
    script = 'eval "$(vodflow env)" && echo "$VODFLOW_DYNAMODB_TABLE $PGDATABASE ${AWS_PROFILE-none}"'
    assert command_line.shell(script, AWS_PROFILE="production").strip() == "videos vodflow none"
    assert "vodflow_local" in command_line.run("airflow", "pools", "list")


def test_no_secret_is_in_a_log_or_readable_by_others(command_line: CommandLine) -> None:
    home, config = command_line.stack.home, command_line.stack.config
    output = command_line.run("status") + "".join(path.read_text(errors="replace") for path in home.logs.glob("*"))
    for secret in vars(config.secrets).values():
        assert secret not in output
    assert home.config_file.stat().st_mode & 0o077 == 0
    assert (home.airflow / "passwords.json").stat().st_mode & 0o077 == 0
    assert command_line.run("password").strip() == config.secrets.admin_password
    assert command_line.run("password", "viewer").strip() == config.secrets.viewer_password


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

    stray.wait(timeout=60)
    assert not second.processes()
    assert not [process.pid for process in before if is_alive(process)]
    assert "down" in command_line.run("status", code=1)
    assert stack.is_healthy()


def test_each_account_may_do_what_its_role_lets_it(stack: Stack) -> None:
    config = stack.config
    for name, password in config.passwords.items():
        login = {"username": name, "password": password}
        answer = httpx.post(f"{config.airflow_url}/auth/token", json=login, timeout=60)
        assert answer.status_code == 201, name
        token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        with httpx.Client(base_url=f"{config.airflow_url}/vodflow", headers=token, timeout=60) as client:
            assert client.get("/failures").status_code == 200, name
            # Nothing is chosen, and who may not act does not even hear that.
            assert client.post("/failures/retry").status_code == (403 if name == "viewer" else 400), name

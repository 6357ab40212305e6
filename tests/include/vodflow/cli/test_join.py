"""Which settings a command works with: the running stack's, or those of its shell."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from vodflow.cli.join import Joined, join_stack, require_catalog
from vodflow.errors import StackError
from vodflow.stack.config import StackConfig, prepare_config
from vodflow.stack.environment import keep_settings
from vodflow.stack.home import Home

CHANNELS = json.dumps([{"type": "webhook", "name": "crm", "url": "https://crm.example/hook", "secret": "s"}])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A stack that was started with two settings of its own; it is down."""
    home = Home(tmp_path)
    prepare_config(home)
    home.run.mkdir()
    keep_settings(home, {"VODFLOW_NOTIFICATIONS": CHANNELS, "VODFLOW_DYNAMODB_TABLE": "videos", "PATH": "/bin"})
    monkeypatch.setattr(os, "environ", {"VODFLOW_HOME": str(tmp_path), "PATH": "/bin"})
    return home


@pytest.fixture
def running(home: Home) -> Iterator[StackConfig]:
    with home.supervisor_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield prepare_config(home)


def test_a_command_has_the_running_stacks_settings(running: StackConfig) -> None:
    assert join_stack() == Joined()
    assert os.environ["VODFLOW_CATALOG_URL"] == running.database_url("vodflow")
    assert os.environ["VODFLOW_NOTIFICATIONS"] == CHANNELS
    assert os.environ["VODFLOW_DYNAMODB_TABLE"] == "videos"
    require_catalog()


def test_the_shells_own_settings_are_left_aside_and_told(
    running: StackConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ |= {"VODFLOW_DEFAULT_PROFILE": "hd", "VODFLOW_DYNAMODB_TABLE": "mine", "AWS_PROFILE": "production"}
    os.environ |= {"AWS_SESSION_TOKEN": "token", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "PGHOST": "db"}
    joined = join_stack()
    assert joined.overruled == ("VODFLOW_DEFAULT_PROFILE", "VODFLOW_DYNAMODB_TABLE")
    assert joined.aside == ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PGHOST", "VODFLOW_DEFAULT_PROFILE")
    assert not set(joined.aside) & set(os.environ)
    assert os.environ["VODFLOW_DYNAMODB_TABLE"] == "videos"
    assert os.environ["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    joined.tell()
    assert "not this shell's VODFLOW_DEFAULT_PROFILE, VODFLOW_DYNAMODB_TABLE" in capsys.readouterr().err


def test_a_shell_with_the_stacks_own_settings_follows_it(running: StackConfig) -> None:
    join_stack()
    os.environ["VODFLOW_DYNAMODB_TABLE"] = "of the stack before"
    assert join_stack().overruled == ("VODFLOW_DYNAMODB_TABLE",)
    assert os.environ["VODFLOW_DYNAMODB_TABLE"] == "videos"


def test_a_catalog_that_was_named_wins(running: StackConfig) -> None:
    os.environ["VODFLOW_CATALOG_URL"] = "postgresql+psycopg2://db.example/vodflow"
    before = dict(os.environ)
    assert join_stack() == Joined()
    assert os.environ == before
    require_catalog()


def test_a_part_of_the_stack_keeps_its_own_environment(running: StackConfig) -> None:
    os.environ["VODFLOW_STACK_ID"] = running.stack_id
    assert join_stack() == Joined()
    assert "VODFLOW_CATALOG_URL" not in os.environ


def test_with_the_stack_down_nothing_turns_to_aws(home: Home) -> None:
    os.environ["AWS_PROFILE"] = "production"
    assert join_stack() == Joined()
    assert "VODFLOW_AWS_ENDPOINT_URL" not in os.environ
    with pytest.raises(StackError, match="stack is down"):
        require_catalog()


def test_a_shell_takes_the_settings_over_whatever_is_in_them(running: StackConfig, home: Home) -> None:
    odd = """it's "$(date)" `x` \\ two  spaces"""
    keep_settings(home, {"VODFLOW_CHANNELS": CHANNELS, "VODFLOW_ODD": odd})
    show = "import os, json; print(json.dumps(dict(os.environ)))"
    script = f'eval "$({sys.executable} -m vodflow env)"; {sys.executable} -c {shlex.quote(show)}'
    before = {**os.environ, "PATH": os.defpath, "AWS_PROFILE": "production"}
    done = subprocess.run(["sh", "-ec", script], env=before, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert (found["VODFLOW_CHANNELS"], found["VODFLOW_ODD"]) == (CHANNELS, odd)
    assert found["PGPASSWORD"] == running.secrets.catalog_password
    assert "AWS_PROFILE" not in found


def test_eval_fails_with_the_stack_down(home: Home) -> None:
    script = f'eval "$({sys.executable} -m vodflow env)"'
    done = subprocess.run(["sh", "-c", script], env=dict(os.environ), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1


def test_what_is_kept_is_for_its_owner(home: Home) -> None:
    assert home.settings_file.stat().st_mode & 0o077 == 0
    assert "PATH" not in json.loads(home.settings_file.read_text())

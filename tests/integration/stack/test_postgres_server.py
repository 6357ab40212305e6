"""PostgreSQL as the embedded stack runs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from psycopg2 import OperationalError
from support.fixtures.parts import RunningPart
from vodflow.errors import StackError
from vodflow.stack.config import StackConfig, prepare_config
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.postgres import PostgresServer, connect

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Below a folder that only we may enter, like a checkout in /root."""
    folder = tmp_path_factory.mktemp("closed")
    folder.chmod(0o700)
    return Home(folder / "state")


@pytest.fixture(scope="module")
def config(home: Home) -> StackConfig:
    return prepare_config(home)


@pytest.fixture(scope="module")
def server(home: Home, config: StackConfig) -> Iterator[PostgresServer]:
    server = PostgresServer(home, config)
    yield server
    shutil.rmtree(server.root, ignore_errors=True)


@pytest.fixture
def running(server: PostgresServer, home: Home) -> Iterator[RunningPart]:
    part = RunningPart(server.part(child_environment(home)), home, lambda: server.check(5.0))
    part.start()
    yield part
    part.stop()


def answer(config: StackConfig, statement: str) -> object:
    with contextlib.closing(connect(config, "postgres", 5)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def server_process(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split("\n")[0]))


def test_it_runs_where_its_account_cannot_reach_the_home(
    running: RunningPart, server: PostgresServer, home: Home, config: StackConfig
) -> None:
    assert answer(config, "SELECT 6 * 7") == 42
    assert server_process(server).uids().real != 0
    if os.geteuid() == 0:
        assert not server.root.is_relative_to(home.root)
        assert (home.root / "postgres").resolve() == server.root  # where `make clean` finds it
    else:
        assert server.root == home.root / "postgres"
    assert server.root.stat().st_mode & 0o777 == 0o700


def test_it_asks_for_the_password_and_listens_on_loopback_only(
    running: RunningPart, server: PostgresServer, config: StackConfig
) -> None:
    assert answer(config, "SHOW listen_addresses") == "127.0.0.1"
    assert answer(config, "SHOW unix_socket_directories") == ""
    assert answer(config, "SHOW password_encryption") == "scram-sha-256"
    wrong = replace(config, secrets=replace(config.secrets, postgres_password="wrong"))
    with pytest.raises(OperationalError, match="password authentication failed"):
        connect(wrong, "postgres", 5)


def test_it_recovers_from_sigkill_with_what_was_committed(
    running: RunningPart, server: PostgresServer, config: StackConfig
) -> None:
    answer(config, "CREATE TABLE kept AS SELECT 1 AS number")
    running.kill()
    running.start()
    assert answer(config, "SELECT number FROM kept") == 1


def test_a_pid_file_with_a_strangers_id_is_removed(server: PostgresServer, home: Home, config: StackConfig) -> None:
    server.prepare()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    part = RunningPart(server.part(child_environment(home)), home, lambda: server.check(5.0))
    part.start()
    assert answer(config, "SELECT 1") == 1
    part.stop()


def test_a_second_server_in_the_same_folder_is_refused(running: RunningPart, server: PostgresServer) -> None:
    pid = server_process(server).pid
    with pytest.raises(StackError, match=f"process {pid}"):
        server.prepare()
    os.kill(pid, 0)


def test_a_half_made_cluster_is_made_anew(server: PostgresServer, home: Home, config: StackConfig) -> None:
    shutil.rmtree(server.root, ignore_errors=True)
    (server.root / "data.new").mkdir(parents=True)
    (server.root / "data.new" / "PG_VERSION").write_text("18")
    server.prepare()
    assert (server.data / "PG_VERSION").exists()
    assert not (server.root / "data.new").exists()
    assert not (server.root / "password").exists()


def test_an_account_that_does_not_exist_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vodflow.stack.postgres._ACCOUNTS", ("no-such-user",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(StackError, match="no-such-user"):
        PostgresServer(Home(tmp_path), prepare_config(Home(tmp_path)))


def test_the_owner_of_the_cluster_stays_its_account(
    server: PostgresServer, home: Home, config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.prepare()
    owner = server.data.stat().st_uid
    monkeypatch.setattr("vodflow.stack.postgres._ACCOUNTS", ("daemon",))
    again = PostgresServer(home, config)
    again.prepare()
    chosen = again.part(child_environment(home)).account
    assert again.data == server.data
    assert chosen is None or chosen.uid == owner


def test_the_stop_signal_is_the_fast_shutdown(server: PostgresServer, home: Home) -> None:
    assert server.part(child_environment(home)).stop_signal is signal.SIGINT

"""Workers that are forked: they have the streams, the end and the signals of processes that were started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_mediaconvert.jobs import fork_client
from local_mediaconvert.jobs.worker_command import WORKER, Workers
from support.mediaconvert_jobs import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the nursery is for Linux; others start each worker")

ELSE = [sys.executable, "-c", "import sys; print('new', sys.stdin.read())"]


@dataclass
class Nursery:
    process: subprocess.Popen[bytes]
    socket: Path

    def job(self, **given: Any) -> tuple[subprocess.Popen[str], int]:
        """A launcher, and the process id of its worker."""
        started = launch(self.socket, given)
        assert started.stdout is not None
        return started, int(started.stdout.readline())


def launch(address: Path, given: dict[str, Any]) -> subprocess.Popen[str]:
    with tempfile.TemporaryFile("w+") as file:
        json.dump(given, file)
        file.seek(0)
        argv = [sys.executable, "-S", "-E", fork_client.__file__, str(address), *ELSE]
        return subprocess.Popen(argv, stdin=file, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "socket"
        argv = [sys.executable, "-m", "local_mediaconvert.jobs.fork_server", str(address), "support.fork_server_work"]
        paths = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths})
        until(address.exists)
        yield Nursery(process, address)
        process.kill()
        process.communicate()


def ended(started: subprocess.Popen[str]) -> int:
    started.communicate(timeout=10)
    return started.returncode


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_workers_have_their_own_streams_and_end(nursery: Nursery) -> None:
    jobs = [nursery.job(status=status) for status in (0, 7, 3)]
    assert [ended(started) for started, _ in jobs] == [0, 7, 3]
    assert len({pid for _, pid in jobs} | {nursery.process.pid}) == 4


def test_signals_reach_the_worker(nursery: Nursery) -> None:
    started, pid = nursery.job(listens=True)
    started.terminate()
    assert ended(started) == 100 + signal.SIGTERM
    assert gone(pid)
    started, pid = nursery.job(listens=True)
    os.kill(pid, signal.SIGKILL)
    assert ended(started) == 128 + signal.SIGKILL


def test_a_worker_whose_launcher_is_killed_dies(nursery: Nursery) -> None:
    started, pid = nursery.job(listens=False)
    other, _ = nursery.job(listens=True)
    started.kill()
    until(lambda: gone(pid))
    other.terminate()
    assert ended(other) == 100 + signal.SIGTERM
    ended(started)


def test_the_end_of_the_service_ends_all(nursery: Nursery) -> None:
    _started, pid = nursery.job(listens=True)
    assert nursery.process.stdin is not None
    nursery.process.stdin.close()
    assert nursery.process.wait(10) == 0
    assert not nursery.socket.parent.exists()
    until(lambda: gone(pid))
    assert ended(_started) in {70, 100 + signal.SIGTERM}


def test_without_a_nursery_a_worker_is_started(tmp_path: Path) -> None:
    started = launch(tmp_path / "nobody", {"status": 1})
    said, _ = started.communicate(timeout=20)
    assert (said, started.returncode) == ('new {"status": 1}\n', 0)


def test_other_workers_need_no_nursery() -> None:
    workers = Workers(("stand-in", "worker"))
    assert workers.command() == ("stand-in", "worker")
    workers.stop()


def test_where_no_socket_can_be_workers_are_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    for folder in (deep, tmp_path / "missing"):
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        workers = Workers()
        assert [workers.command(), workers.command()] == [WORKER, WORKER]
        workers.stop()
    assert not list(deep.iterdir())

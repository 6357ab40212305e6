from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_mediaconvert.jobs import worker_process
from local_mediaconvert.jobs.worker_process import WORKER, Forked, run_worker
from support.mediaconvert_jobs import until
from vodflow.errors import EngineCanceled
from vodflow.ffmpeg.process import Finished, Limits, watch

WORK = "support.worker_work"


def run(given: dict[str, Any], limits: Limits | None = None) -> tuple[Finished, int]:
    lines: list[str] = []

    def hear(line: str) -> bool:
        lines.append(line)
        return True

    finished = watch(Forked(json.dumps(given), WORK), "worker", hear, limits or Limits())
    return finished, int(lines[0])


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_workers_have_their_own_streams_and_end() -> None:
    ends = [run({"status": status}) for status in (0, 7, 3)]
    assert [(finished.code, finished.errors) for finished, _ in ends] == [(code, ("an error",)) for code in (0, 7, 3)]
    assert len({pid for _, pid in ends} | {os.getpid()}) == 4


@pytest.mark.parametrize("listens", [True, False])
def test_a_cancelled_worker_is_gone(*, listens: bool) -> None:
    cancel, pids = threading.Event(), []

    def hear(line: str) -> bool:
        pids.append(int(line))
        cancel.set()
        return True

    with pytest.raises(EngineCanceled):
        watch(Forked(json.dumps({"listens": listens}), WORK), "worker", hear, Limits(cancel, grace_seconds=0.5))
    until(lambda: gone(pids[0]))


def test_a_worker_that_is_killed_says_so() -> None:
    forked = Forked(json.dumps({}), WORK)
    os.kill(forked.pid, signal.SIGKILL)
    assert watch(forked, "worker", None, Limits()).code == -signal.SIGKILL


def test_the_end_of_the_service_ends_all() -> None:
    code = (
        "import time; from local_mediaconvert.jobs.worker_process import Forked\n"
        f"one = Forked('{{\"listens\": true}}', {WORK!r})\n"
        "print(one.pid, flush=True); time.sleep(60)"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        worker = int(service.stdout.readline())
        family = [child.pid for child in psutil.Process(service.pid).children(recursive=True)]
        service.kill()
    assert worker in family
    assert len(family) >= 2
    for pid in family:
        until(lambda pid=pid: gone(pid))


def test_other_programs_read_the_job_from_standard_input() -> None:
    said: list[str] = []
    command = (sys.executable, "-c", "import sys; print(sys.stdin.read())")
    assert run_worker(command, "the job", lambda line: bool(said.append(line)), Limits()).code == 0
    assert said == ["the job"]


def test_without_a_fork_server_a_worker_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Forked:
        raise OSError("no more processes")

    monkeypatch.setattr(worker_process, "Forked", refuse)
    said: list[str] = []
    given = json.dumps({"job": {"Settings": {}}, "work_dir": "/nowhere"})
    assert run_worker(WORKER, given, lambda line: bool(said.append(line)), Limits()).code == 0
    assert json.loads(said[-1])["type"] == "failure"

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from vodflow.stack import launch
from vodflow.stack.home import Home
from vodflow.stack.processes import (
    ProcessRecord,
    is_alive,
    kill_all,
    load_records,
    memory,
    save_records,
    stack_processes,
)

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
#: A process that forks into a session of its own and loses its environment, as PostgreSQL's backends do.
FORK = "import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    print(os.getpid(), flush=True)\ntime.sleep(600)"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.run.mkdir()
    return home


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str = SLEEP, *, cwd: Path = tmp_path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", code],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def ids(processes: list[psutil.Process]) -> set[int]:
    return {process.pid for process in processes}


def test_a_record_finds_its_process_and_never_another_with_the_same_id(start: Start) -> None:
    process = start()
    record = ProcessRecord.of("part", process.pid)
    found = record.process()
    assert found is not None
    assert found.pid == process.pid
    assert replace(record, started=record.started - 5).process() is None
    process.kill()
    process.wait()
    assert record.process() is None


def test_records_survive_a_round_trip_and_damage_counts_as_none(home: Home) -> None:
    records = [ProcessRecord("supervisor", 4711, 12.5), ProcessRecord("aws", 4712, 13.0)]
    save_records(home, records)
    assert load_records(home) == records
    home.records_file.write_text("[{]")
    assert load_records(home) == []
    home.records_file.unlink()
    assert load_records(home) == []


def test_the_mark_in_the_environment_finds_a_process_of_the_stack_and_of_its_part(home: Home, start: Start) -> None:
    mine = start(VODFLOW_STACK_ID="stack-1", VODFLOW_PART="aws")
    other = start(VODFLOW_STACK_ID="stack-2", VODFLOW_PART="aws")
    assert [line(mine), line(other)] == ["ready", "ready"]
    assert ids(stack_processes(home, "stack-1", [])) == {mine.pid}
    assert ids(stack_processes(home, "stack-1", [], "aws")) == {mine.pid}
    assert stack_processes(home, "stack-1", [], "scheduler") == []


def test_a_recorded_session_is_found_without_any_mark(home: Home, start: Start) -> None:
    process = start()
    line(process)
    record = ProcessRecord.of("scheduler", process.pid)
    assert ids(stack_processes(home, "none", [record])) == {process.pid}
    assert ids(stack_processes(home, "none", [record], "scheduler")) == {process.pid}
    assert stack_processes(home, "none", [record], "aws") == []
    assert stack_processes(home, "none", [replace(record, started=record.started + 60)]) == []


def test_a_forked_child_in_a_session_of_its_own_is_found_by_its_working_folder(home: Home, start: Start) -> None:
    folder = home.part_folder("scheduler")
    folder.mkdir()
    process = start(FORK, cwd=folder)
    child = psutil.Process(int(line(process)))
    assert ids(stack_processes(home, "none", [])) == {process.pid, child.pid}
    assert kill_all(lambda: stack_processes(home, "none", [], "scheduler")) == 2
    assert not is_alive(child)


def test_another_program_in_a_working_folder_is_left_alone(home: Home) -> None:
    folder = home.part_folder("scheduler")
    folder.mkdir()
    shell = subprocess.Popen(["sleep", "600"], cwd=folder, env={})
    try:
        assert stack_processes(home, "none", []) == []
    finally:
        shell.kill()
        shell.wait()


def test_the_caller_is_never_among_the_processes(home: Home) -> None:
    record = ProcessRecord.of("test", os.getsid(0)) if psutil.pid_exists(os.getsid(0)) else None
    found = stack_processes(home, "none", [record] if record else [])
    assert os.getpid() not in ids(found)


def test_memory_counts_only_what_still_runs(start: Start) -> None:
    process = start()
    line(process)
    alive = psutil.Process(process.pid)
    assert memory([alive]) > 1024**2
    process.kill()
    process.wait()
    assert memory([alive]) == 0


def test_a_launched_program_dies_with_its_parent() -> None:
    code = (
        "import os, subprocess, sys, time\n"
        f"argv = [sys.executable, '-I', '-S', {str(launch.__file__)!r}, str(os.getpid()), '{int(signal.SIGTERM)}',"
        " '-1', '-1', '--', 'sleep', '600']\n"
        "child = subprocess.Popen(argv, start_new_session=True)\n"
        "while open(f'/proc/{child.pid}/comm').read() != 'sleep\\n': time.sleep(0.01)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(line(parent)))
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(child)


def test_a_launched_program_does_not_start_when_its_parent_is_gone(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    not_the_parent = "1" if os.getpid() != 1 else "2"
    arguments = [not_the_parent, "15", "-1", "-1", "--", "touch", str(touched)]
    result = subprocess.run([sys.executable, "-I", "-S", launch.__file__, *arguments], check=False)
    assert result.returncode == 1
    assert not touched.exists()

"""Real child processes: how they end, and that none survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, EngineStalled
from vodflow.ffmpeg.process import Finished, Limits, check_exit, run_process

SHELL = ["/bin/sh", "-c"]


def test_lines_errors_status_and_cpu() -> None:
    lines: list[str] = []
    code = "import sys; print('a'); print('b', end=''); sys.stderr.write('x\\ny'); sum(range(3_000_000)); sys.exit(3)"
    finished = run_process([sys.executable, "-c", code], lambda line: bool(lines.append(line)))
    assert lines == ["a", "b"]
    assert finished.errors == ("x", "y")
    assert finished.code == 3
    assert 0 < finished.cpu_seconds < 30


def test_only_the_end_of_a_long_standard_error_is_kept() -> None:
    finished = run_process([*SHELL, "i=0; while [ $i -lt 500 ]; do echo line$i >&2; i=$((i+1)); done"])
    assert len(finished.errors) == 40
    assert finished.errors[-1] == "line499"


def test_standard_input_is_given_or_empty() -> None:
    lines: list[str] = []
    run_process(["cat"], lambda line: bool(lines.append(line)), stdin=b"one\ntwo\n")
    assert lines == ["one", "two"]
    assert run_process(["cat"]).code == 0


def test_standard_input_is_never_on_a_disk() -> None:
    """It has the keys of encrypted videos."""
    lines: list[str] = []
    run_process(["readlink", "/proc/self/fd/0"], lambda line: bool(lines.append(line)), stdin=b"secret")
    assert lines == ["/memfd:stdin (deleted)"]


def test_a_signal_is_a_negative_status() -> None:
    assert run_process([*SHELL, "kill -TERM $$"]).code == -signal.SIGTERM


def test_a_missing_program_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="Could not start /no/such/program"):
        run_process(["/no/such/program"])


def test_cancel_kills_the_whole_group(tmp_path: Path) -> None:
    cancel = threading.Event()
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $! > {pids}; echo $$ >> {pids}; echo ready; wait"

    def ready(_: str) -> bool:
        cancel.set()
        return True

    started = time.monotonic()
    with pytest.raises(EngineCanceled):
        run_process([*SHELL, script], ready, limits=Limits(cancel))
    assert time.monotonic() - started < 30
    assert_gone(pids)


def test_grace_lets_a_process_clean_up_first(tmp_path: Path) -> None:
    cancel = threading.Event()
    cleaned = tmp_path / "cleaned"
    script = f"trap 'touch {cleaned}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"

    def ready(_: str) -> bool:
        cancel.set()
        return True

    with pytest.raises(EngineCanceled):
        run_process([*SHELL, script], ready, limits=Limits(cancel, grace_seconds=60.0))
    assert cleaned.exists()


def test_an_error_of_the_listener_ends_the_process(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def broken(_: str) -> bool:
        raise ValueError("listener")

    with pytest.raises(ValueError, match="listener"):
        run_process([*SHELL, f"echo $$ > {pids}; echo ready; sleep 60"], broken)
    assert_gone(pids)


def test_a_stopped_process_is_a_stall(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; echo thinking >&2; echo moving; kill -STOP $$"
    with pytest.raises(EngineStalled, match=r"no progress for 3 s.*thinking") as raised:
        run_process([*SHELL, script], lambda _: True, limits=Limits(stall_seconds=3.0))
    assert raised.value.retryable
    assert_gone(pids)


def test_talk_without_progress_is_a_stall() -> None:
    with pytest.raises(EngineStalled):
        run_process(
            [*SHELL, "while :; do echo same; sleep 0.05; done"], lambda _: False, limits=Limits(stall_seconds=0.4)
        )


def test_progress_postpones_the_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("vodflow.ffmpeg.process.time.monotonic", lambda: now)

    def on_line(_: str) -> bool:
        nonlocal now
        now += 0.4
        return True

    script = "for i in 1 2 3 4 5 6 7 8; do echo $i; done"
    assert run_process([*SHELL, script], on_line, limits=Limits(stall_seconds=0.6)).wall_seconds == pytest.approx(3.2)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "from vodflow.ffmpeg.process import run_process\n"
        f"run_process(['/bin/sh', '-c', 'echo $$ > {pids}; exec sleep 60'])"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        deadline = time.monotonic() + 20
        while not (pids.exists() and pids.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.05)
        parent.kill()
    assert_gone(pids)


def test_check_exit_tells_status_and_last_words() -> None:
    check_exit("packager", Finished(0, (), 0.0, 0.0))
    with pytest.raises(EngineError, match="packager ended with exit status 2: no such stream") as raised:
        check_exit("packager", Finished(2, ("no such stream",), 0.0, 0.0))
    assert not raised.value.retryable
    with pytest.raises(EngineError, match="It wrote no message"):
        check_exit("packager", Finished(2, (), 0.0, 0.0))


def assert_gone(pids: Path) -> None:
    """None of the processes lives on; a zombie that its reaper has not met yet is dead."""
    numbers = [int(line) for line in pids.read_text().split()]
    assert numbers
    assert os.getpid() not in numbers
    deadline = time.monotonic() + 30
    while any(_lives(number) for number in numbers):
        assert time.monotonic() < deadline, numbers
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

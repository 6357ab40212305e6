"""Which processes belong to a stack, and how to end them so that none is left.

A process belongs to a stack when one of these holds:

* its environment carries the stack's ``VODFLOW_STACK_ID`` (inherited by everything the stack starts);
* it is in the session of a process that the supervisor recorded, and started no earlier than that;
* its working folder is a part's own below ``run/``, or PostgreSQL's data folder, and its program is one of the
  stack's (PostgreSQL and Airflow overwrite their environment with a process title, and PostgreSQL's backends make
  sessions of their own).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from vodflow.stack.config import write_private
from vodflow.stack.home import Home

#: Two readings of one process's start time differ by less than a clock tick (1/100 s).
_SAME_START = 0.02


@dataclass(frozen=True)
class ProcessRecord:
    """A process that leads its own session; the start time tells it from a later one with the same id.

    :param started: seconds since the epoch
    """

    part: str
    pid: int
    started: float

    @classmethod
    def of(cls, part: str, pid: int) -> ProcessRecord:
        """Record a running process.

        :raises psutil.NoSuchProcess: it is gone already
        """
        return cls(part, pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process itself, or none when it ended (whoever has its id now)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START
        except psutil.NoSuchProcess:
            return None
        return process if same and is_alive(process) else None


def save_records(home: Home, records: Iterable[ProcessRecord]) -> None:
    """Write down what the supervisor started, for whoever must clean up after it."""
    write_private(home.records_file, json.dumps([asdict(record) for record in records]))


def load_records(home: Home) -> list[ProcessRecord]:
    """The records of the last supervisor; empty when there are none or they are damaged."""
    try:
        return [ProcessRecord(**item) for item in json.loads(home.records_file.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stack_processes(
    home: Home, stack_id: str, records: Iterable[ProcessRecord], part: str | None = None
) -> list[psutil.Process]:
    """Every living process of the stack, or of one part of it, except the caller and its ancestors."""
    wanted = [record for record in records if part is None or record.part == part]
    sessions = {record.pid: record.started for record in wanted}
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    marks = {f"VODFLOW_STACK_ID={stack_id}"} | ({f"VODFLOW_PART={part}"} if part else set())
    found = []
    for process in psutil.process_iter():
        if process.pid in spared:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            mine = _in_session(process, sessions) or _has_marks(process.pid, marks) or _works_in(process, home, part)
            if mine and is_alive(process):
                found.append(process)
    return found


def _in_session(process: psutil.Process, sessions: dict[int, float]) -> bool:
    started = sessions.get(os.getsid(process.pid))
    return started is not None and process.create_time() >= started - _SAME_START


def _has_marks(pid: int, marks: set[str]) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone, or somebody else's
        return False
    return {mark.encode() for mark in marks} <= set(environment)


def _works_in(process: psutil.Process, home: Home, part: str | None) -> bool:
    folder = Path(process.cwd())
    if folder == (home.root / "postgres").resolve() / "data":  # PostgreSQL works in its data folder
        inside = part in (None, "postgres")
    elif part is None:
        inside = folder.parent == home.run
    else:
        inside = folder == home.part_folder(part)
    return inside and _is_stack_program(Path(process.exe()))


def _is_stack_program(program: Path) -> bool:
    return program.name == "postgres" or program == Path(sys.executable).resolve()


def kill_all(find: Callable[[], list[psutil.Process]], patience: float = 5.0) -> int:
    """SIGKILL what ``find`` returns until it returns nothing; returns how many were killed.

    :param patience: seconds after which to give up on processes that the kernel cannot end yet
    """
    killed: set[int] = set()
    deadline = time.monotonic() + patience
    while (processes := find()) and time.monotonic() < deadline:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                killed.add(process.pid)
        psutil.wait_procs(processes, timeout=0.5)
    return len(killed)


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def memory(processes: Iterable[psutil.Process]) -> int:
    """Bytes of memory that these processes use together: proportional set size, or resident where that is hidden."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            try:
                total += process.memory_full_info().pss
            except (psutil.Error, AttributeError):  # hidden from us, or not readable at this moment
                total += process.memory_info().rss
    return total

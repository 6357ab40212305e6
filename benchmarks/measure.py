"""Wall and CPU time of commands, and of processes that run already."""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds after which a single measured command is given up.
COMMAND_TIMEOUT = 900.0

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a piece of work took.

    :param wall: seconds
    :param cpu: user and system CPU seconds, of the process and of all its children
    :param others: CPU seconds that everything else on the machine used meanwhile
    """

    wall: float
    cpu: float
    others: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.wall + other.wall, self.cpu + other.cpu, self.others + other.others)


class CommandFailed(RuntimeError):
    """A measured command failed; the message ends with what it said."""


def run(
    argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> tuple[Usage, str]:
    """Run a command to its end.

    CPU time is what ``wait4`` reports: the process and every descendant that was waited for.

    :return: what it took, and its standard output
    :raises CommandFailed: exit status other than 0, or too slow
    """
    errors = cwd / "stderr.txt"
    output = cwd / "stdout.txt"
    source = cwd / "stdin.txt"
    source.write_text(stdin, encoding="utf-8")
    busy = _machine_cpu()
    start = time.monotonic()
    with source.open("rb") as feed, output.open("wb") as out, errors.open("wb") as err:
        child = subprocess.Popen(
            [str(part) for part in argv], cwd=cwd, env=env, stdin=feed, stdout=out, stderr=err, process_group=0
        )
        try:
            status, used = _wait(child.pid, start + COMMAND_TIMEOUT)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        child.returncode = status
    wall = time.monotonic() - start
    if status != 0:
        tail = errors.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise CommandFailed(f"{Path(argv[0]).name} ended with {status} after {wall:.1f} s: {tail}")
    cpu = used.ru_utime + used.ru_stime
    usage = Usage(wall, cpu, max(0.0, _machine_cpu() - busy - cpu))
    return usage, output.read_text(encoding="utf-8", errors="replace")


def _wait(pid: int, deadline: float) -> tuple[int, resource.struct_rusage]:
    while True:
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), used
        if time.monotonic() > deadline:
            raise CommandFailed(f"gave up after {COMMAND_TIMEOUT:.0f} s")
        time.sleep(0.01)


def _machine_cpu() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)


def tree_cpu(pids: Iterable[int]) -> float:
    """CPU seconds so far of these processes, their living descendants and every descendant that was waited for."""
    seen: dict[int, float] = {}
    for pid in pids:
        for member in _family(pid):
            seen[member] = _process_cpu(member)
    return sum(seen.values())


def tree_pss(pids: Iterable[int]) -> int:
    """Proportional set size of these processes and their descendants, bytes."""
    members = {member for pid in pids for member in _family(pid)}
    return sum(_pss(member) for member in members)


def _family(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _process_cpu(pid: int) -> float:
    try:
        # proc(5): after the command's closing bracket, fields 14 to 17 are utime, stime, cutime, cstime.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def alternate(sides: Mapping[str, Callable[[], Usage]], repeat: int) -> dict[str, list[Usage]]:
    """Run all sides one after the other, ``repeat`` times over, so that drift of the machine hits all alike.

    Every second round goes in the opposite order.
    """
    results: dict[str, list[Usage]] = {name: [] for name in sides}
    for turn in range(repeat):
        names = list(sides) if turn % 2 == 0 else list(sides)[::-1]
        for name in names:
            results[name].append(sides[name]())
    return results


def median(values: Iterable[float]) -> float:
    """The median; 0 when there is nothing."""
    collected = list(values)
    return statistics.median(collected) if collected else 0.0

"""Running one child process: its progress, its end, and its certain death.

Every child leads a process group of its own. It is killed with its whole group when it is cancelled or stalls,
when the caller fails, and, on Linux, by the kernel when the calling thread dies (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from vodflow.errors import EngineCanceled, EngineError, EngineStalled
from vodflow.ffmpeg.resources import shortage_of, start_failure

log = logging.getLogger(__name__)

#: Seconds between two looks at the cancel event and the stall clock.
POLL = 0.1
#: Lines of standard error that are kept for messages.
TAIL_LINES = 40
#: FFmpeg's exit status when more frames than that failed to decode (fftools/ffmpeg_dec.c).
TOO_MANY_ERRORS = 69
#: linux/prctl.h
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
#: util-linux has it since 2.33; it becomes the program.
_SETPRIV = shutil.which("setpriv") if sys.platform == "linux" else None


@dataclass(frozen=True)
class Finished:
    """How a process ended.

    :param code: exit status; negative for the signal that ended it
    :param errors: the last lines of its standard error
    :param cpu_seconds: user and system time of it and its own children that it waited for
    """

    code: int
    errors: tuple[str, ...]
    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Limits:
    """When and how a process is stopped before its end.

    :param cancel: set it to stop the process
    :param stall_seconds: longest time without a sign of progress; None means for ever
    :param grace_seconds: time between SIGTERM and SIGKILL; 0 means SIGKILL at once
    :param parent_death_signal: what the kernel sends the process when its parent dies
    :param niceness: how far it gives way to other processes, 0 to 19
    """

    cancel: threading.Event | None = None
    stall_seconds: float | None = None
    grace_seconds: float = 0.0
    parent_death_signal: signal.Signals = signal.SIGKILL
    niceness: int = 0


class Child(Protocol):
    """A process that leads its own group, as :class:`subprocess.Popen` describes it."""

    pid: int
    returncode: int | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, once it has ended.

        :raises subprocess.TimeoutExpired: it has not, in time
        """


def run_process(
    argv: Sequence[str],
    on_line: Callable[[str], bool] | None = None,
    *,
    limits: Limits | None = None,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command to its end, whatever its exit status.

    :param on_line: gets each line of standard output; says whether it shows progress
    :param stdin: what it reads on standard input; nothing by default
    :raises EngineCanceled: cancelled; the process group is gone
    :raises EngineStalled: no progress for too long; the process group is gone
    :raises StartError: this machine cannot start it now
    :raises ConfigurationError: it is no program that runs here
    """
    limits, name = limits or Limits(), Path(argv[0]).name
    if limits.niceness:  # the program itself is looked for by it
        argv = ["nice", "-n", str(limits.niceness), *argv]
    return watch(_start(argv, limits, stdin, cwd, env), name, on_line, limits)


def watch(process: Child, name: str, on_line: Callable[[str], bool] | None, limits: Limits) -> Finished:
    """Attend a process that was just started, to its end.

    :param name: what messages call it
    :raises EngineCanceled: cancelled; the process group is gone
    :raises EngineStalled: no progress for too long; the process group is gone
    """
    started = time.monotonic()
    attended = _Watch(process, name, on_line, limits)
    try:
        status, cpu_seconds = attended.run()
    except BaseException:
        stop_group(process, limits.grace_seconds)
        raise
    finally:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    return Finished(status, tuple(attended.tail), cpu_seconds, time.monotonic() - started)


def _start(
    argv: Sequence[str], limits: Limits, stdin: bytes | None, cwd: Path | None, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    try:
        with _memory_file() as given:
            given.write(stdin or b"")
            given.seek(0)
            return subprocess.Popen(
                _dying_with_parent(argv, limits.parent_death_signal, env) if _SETPRIV else argv,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
                # Python between fork and exec may wait for a lock that another thread held: only without setpriv.
                preexec_fn=None if _SETPRIV else die_with_parent(limits.parent_death_signal),  # noqa: PLW1509
            )
    except (OSError, MemoryError) as error:
        raise start_failure(error, argv[0]) from error


def _memory_file() -> IO[bytes]:
    """What a child reads: no pipe, for a child that does not read would block us; in memory, for it has keys."""
    return os.fdopen(os.memfd_create("stdin"), "w+b") if sys.platform == "linux" else tempfile.TemporaryFile()


def _dying_with_parent(argv: Sequence[str], number: signal.Signals, env: Mapping[str, str] | None) -> list[str]:
    program = shutil.which(argv[0], path=os.pathsep.join(os.get_exec_path(env)))  # where the child would look
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "There is no such program", argv[0])
    return [str(_SETPRIV), "--pdeathsig", number.name.removeprefix("SIG"), "--", program, *argv[1:]]


def stop_group(process: Child, grace_seconds: float = 0.0) -> None:
    """End a process and everything in its group, and wait until it is gone."""
    if process.returncode is None and grace_seconds:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    # Also after a clean end of the leader: members of its group may still be there.
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child calls first, so that the kernel sends it this signal when its parent dies; none outside Linux."""
    if _LIBC is None:
        return None
    parent = os.getpid()
    prctl = _LIBC.prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return prepare


class _Watch:
    """Reads both pipes of a process until it ends or must be stopped."""

    def __init__(
        self,
        process: Child,
        name: str,
        on_line: Callable[[str], bool] | None,
        limits: Limits,
    ) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process = process
        self._name = name
        self._on_line = on_line
        self._limits = limits
        self._progressed = time.monotonic()
        self._rest: dict[int, bytes] = {}

    def run(self) -> tuple[int, float]:
        """Exit status and CPU seconds."""
        with selectors.DefaultSelector() as selector:
            for pipe in (self._process.stdout, self._process.stderr):
                assert pipe is not None  # noqa: S101 - both are PIPE above
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(POLL):
                    if not self._read(key.fileobj):  # type: ignore[arg-type]
                        selector.unregister(key.fileobj)
                self._check()
        while True:
            try:
                pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            except ChildProcessError:  # a fork server's child: that one waits for it, and tells no CPU time
                return self._process.wait(), 0.0
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return self._process.returncode, usage.ru_utime + usage.ru_stime
            self._check()
            time.sleep(POLL / 10)

    def _read(self, pipe: IO[bytes]) -> bool:
        """Take what is there; False at the end of the pipe."""
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, rest = (self._rest.get(pipe.fileno(), b"") + data).split(b"\n")
        if not data and rest:
            lines.append(rest)
        self._rest[pipe.fileno()] = rest
        for line in lines:
            self._take(line.decode(errors="replace").rstrip("\r"), errors=pipe is self._process.stderr)
        return bool(data)

    def _take(self, line: str, *, errors: bool) -> None:
        if errors:
            self.tail.append(line)
        elif self._on_line is not None and self._on_line(line):
            self._progressed = time.monotonic()

    def _check(self) -> None:
        if self._limits.cancel is not None and self._limits.cancel.is_set():
            raise EngineCanceled(f"{self._name} was cancelled.", code="canceled")
        stall = self._limits.stall_seconds
        if stall is not None and time.monotonic() - self._progressed > stall:
            last = f" Its last words: {self.tail[-1]}" if self.tail else ""
            raise EngineStalled(f"{self._name} made no progress for {stall:g} s and was stopped.{last}", code="stalled")


def raise_for_shortage(name: str, finished: Finished) -> None:
    """Nothing, unless this machine ran short: what the process says of its input then means nothing.

    :raises ResourceError: a shortage ended it
    """
    if (short := shortage_of(name, finished.code, "\n".join(finished.errors))) is not None:
        raise short


def check_exit(name: str, finished: Finished) -> None:
    """Nothing for exit status 0.

    :raises ResourceError: a shortage of this machine ended it
    :raises EngineError: with the end of what the process wrote to standard error
    """
    if finished.code == 0:
        return
    raise_for_shortage(name, finished)
    said = "\n".join(finished.errors[-10:]) or "It wrote no message."
    if finished.code < 0:
        number = -finished.code
        raise EngineError(
            f"{name} was killed by signal {number} ({signal.strsignal(number)}). {said}", code=f"signal-{number}"
        )
    raise EngineError(
        f"{name} ended with exit status {finished.code}: {said}", code=str(finished.code), retryable=False
    )

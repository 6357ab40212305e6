"""A worker as a fork of this process: everything it imports is there already.

A new Python takes most of a second to import what a worker needs; a fork of a task's process takes milliseconds. Only
a process with a single thread may be forked: another thread's locks would stay locked for ever in the child.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, NoReturn, TextIO

from vodflow.ffmpeg.process import Finished, Limits, die_with_parent, watch
from vodflow.ffmpeg.resources import start_failure

#: Seconds between two looks at a child that is waited for with a timeout.
_POLL = 0.01
#: Exit status of a child whose work raised what it should have handled itself.
_CRASHED = 70
#: Kept alive in a child: the end of a file object closes its descriptor, which is the child's own by then.
_PARENTS_STREAMS: list[TextIO | None] = []


def can_fork() -> bool:
    """Whether a fork of this process can work."""
    return hasattr(os, "fork") and sys.platform == "linux" and threading.active_count() == 1


def run_forked(
    work: Callable[[], int], on_line: Callable[[str], bool] | None = None, *, name: str, limits: Limits
) -> Finished:
    """Run ``work`` in a fork of this process, as :func:`vodflow.ffmpeg.process.run_process` runs a command.

    The child leads a process group of its own and dies with this process. Its standard output and error are pipes to
    here, its standard input is empty; ``work`` returns its exit status.

    :param on_line: gets each line of standard output; says whether it shows progress
    :param name: what messages call it
    :raises StartError: this machine cannot start it now
    :raises EngineCanceled: cancelled; the process group is gone
    :raises EngineStalled: no progress for too long; the process group is gone
    """
    try:
        fork = _Fork(work, limits)
    except (OSError, MemoryError) as error:
        raise start_failure(error, name) from error
    return watch(fork, name, on_line, limits)


class _Fork:
    """As much of :class:`subprocess.Popen` as a watch needs."""

    def __init__(self, work: Callable[[], int], limits: Limits) -> None:
        self.returncode: int | None = None
        outputs, errors = os.pipe(), os.pipe()
        prepare = die_with_parent(limits.parent_death_signal)
        # Buffered text would be written twice, by the parent and by the child.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # as it is where the parent has closed it
                stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            live_as_child(lambda: _become_worker(prepare, outputs[1], errors[1]), work)
        os.close(outputs[1])
        os.close(errors[1])
        self.stdout: IO[bytes] | None = os.fdopen(outputs[0], "rb")
        self.stderr: IO[bytes] | None = os.fdopen(errors[0], "rb")

    def wait(self, timeout: float | None = None) -> int:
        """Exit status of the child.

        :raises subprocess.TimeoutExpired: it is still there
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, 0 if deadline is None else os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("fork", timeout or 0.0)
            else:
                time.sleep(_POLL)
        return self.returncode


def live_as_child(become: Callable[[], None], work: Callable[[], int]) -> NoReturn:
    """The whole life of a process that was just forked, in a group of its own; the stack above belongs to the parent.

    :param become: puts signals and standard streams in order
    :param work: returns the exit status
    """
    status = _CRASHED
    try:
        os.setsid()
        become()
        status = work()
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the last one who can say it
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _become_worker(prepare: Callable[[], None] | None, output: int, errors: int) -> None:
    if prepare is not None:
        prepare()
    # What the parent holds open is the parent's: never collected, so never closed here.
    gc.freeze()
    _become_plain()
    # Moved out of the way first: a parent without standard streams has its pipes in their places.
    streams = [
        fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in (os.open(os.devnull, os.O_RDONLY), output, errors)
    ]
    for number, file in enumerate(streams):
        os.dup2(file, number)
    _PARENTS_STREAMS.extend((sys.stdin, sys.stdout, sys.stderr))
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115


def _become_plain() -> None:
    """Drop the parent's signal handlers and log handlers, which would act in its name."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)

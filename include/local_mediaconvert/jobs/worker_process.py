"""A worker's process: a fork of the standard library's fork server, which has imported what workers need.

A new Python takes half a second to import it, a fork milliseconds. The fork server has a single thread, so that
forking is safe, and ends with the service; so does a worker, which notices its parent's end by a pipe.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.reduction import DupFd
from typing import IO, Any, Final

from vodflow.ffmpeg.process import Finished, Limits, run_process, watch

log = logging.getLogger(__name__)

#: The program that carries one job out.
_MODULE: Final = "local_mediaconvert.jobs.worker"
WORKER: Final = (sys.executable, "-m", _MODULE)

_FORK_SERVER: Final = multiprocessing.get_context("forkserver")
_FORK_SERVER.set_forkserver_preload(["__main__", "local_mediaconvert.jobs.warm"])


def start_fork_server() -> None:
    """Have it import what workers need, so that the first job need not wait."""
    try:
        forkserver.ensure_running()
    except OSError as error:
        log.warning("The fork server cannot be started now: %s", error)


def run_worker(command: Sequence[str], given: str, on_line: Callable[[str], bool], limits: Limits) -> Finished:
    """Run one job's worker to its end.

    :param command: :data:`WORKER`, or another program that reads the job from standard input
    :param given: the job
    :raises EngineCanceled: cancelled; the process group is gone
    """
    if tuple(command) == WORKER:
        try:
            process = Forked(given)
        except (OSError, EOFError) as error:
            log.warning("The fork server starts no worker, so one is started anew: %s", error)
        else:
            return watch(process, "worker", on_line, limits)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return run_process(command, on_line, limits=limits, stdin=given.encode(), env=environment)


class Forked:
    """As much of :class:`subprocess.Popen` as a watch needs.

    :param module: its ``main`` gets the job and returns the exit status

    :raises OSError, EOFError: it cannot be started
    """

    def __init__(self, given: str, module: str = _MODULE) -> None:
        outputs, errors = os.pipe(), os.pipe()
        self.stdout: IO[bytes] | None = os.fdopen(outputs[0], "rb", buffering=0)
        self.stderr: IO[bytes] | None = os.fdopen(errors[0], "rb", buffering=0)
        self.returncode: int | None = None
        self._process = _FORK_SERVER.Process(
            target=_live, args=(module, given, dict(os.environ), _Handed(outputs[1]), _Handed(errors[1]))
        )
        try:
            self._process.start()
        finally:
            os.close(outputs[1])
            os.close(errors[1])
        self.pid = self._process.pid or 0
        # Its first byte says that it leads a group, which can be killed as a whole from now on.
        if not self.stdout.read(1):
            raise EOFError("it ended at once")

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, negative for the signal that ended it.

        :raises subprocess.TimeoutExpired: it is still there
        """
        self._process.join(timeout)
        self.returncode = self._process.exitcode
        if self.returncode is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        return self.returncode


class _Handed:
    """A file descriptor that travels to the new process with its arguments."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _detach, (DupFd(self._number),)


def _detach(handed: Any) -> int:
    return int(handed.detach())


def _live(module: str, given: str, environment: dict[str, str], output: int, errors: int) -> None:
    os.setsid()
    os.environ.clear()  # the fork server has that of the first job
    os.environ.update(environment)
    for number, place in ((output, 1), (errors, 2)):
        os.dup2(number, place)
        os.close(number)
    os.write(1, b"\n")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(importlib.import_module(module).main(given))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)

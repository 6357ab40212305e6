"""Keep one part running: prepare, start, check, restart with backoff, stop."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import psutil

from vodflow.stack import launch
from vodflow.stack.backoff import Backoff
from vodflow.stack.home import Home
from vodflow.stack.part import Part
from vodflow.stack.processes import ProcessRecord, kill_all, stack_processes
from vodflow.stack.status import PartState, PartStatus

log = logging.getLogger(__name__)

#: Seconds a single health check may take.
CHECK_TIMEOUT = 10.0

#: Seconds between two checks of a part that is not healthy (yet).
_EAGER_INTERVAL = 0.25

#: Seconds of failing checks after which a running part counts as hung.
_HUNG_AFTER = 90.0


class PartRunner:
    """One part and its process. All methods are for the supervisor's main thread and return at once."""

    def __init__(self, part: Part, home: Home, stack_id: str, threads: Executor) -> None:
        self.part = part
        self.status = PartStatus(part.name, PartState.WAITING, url=part.url)
        self.record: ProcessRecord | None = None
        self._home = home
        self._stack_id = stack_id
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None
        self._preparing: Future[None] | None = None
        self._checking: Future[None] | None = None
        self._backoff = Backoff()
        self._not_before = 0.0
        self._started = 0.0
        self._last_sound = 0.0

    @property
    def healthy(self) -> bool:
        """Whether the part answered its last check."""
        return self.status.state is PartState.HEALTHY

    def tick(self, ready: Callable[[str], bool], now: float) -> None:
        """Do what is due.

        :param ready: whether another part is healthy
        :param now: ``time.monotonic()``
        """
        if self._process is not None:
            self._watch(self._process, now)
        elif self._preparing is not None:
            self._await_preparation(now)
        elif now >= self._not_before and all(ready(name) for name in self.part.after):
            self._preparing = self._threads.submit(self._prepare)
            self._set(PartState.STARTING)

    def request_stop(self) -> None:
        """Ask the part to stop; :meth:`finish_stop` ends what does not."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self.part.stop_signal)

    def finish_stop(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic), then kill everything of this part that is left."""
        begin = time.monotonic()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=max(0.0, deadline - time.monotonic()))
            log.info("%s: exit code %s after %.1f s", self.part.name, self._process.poll(), time.monotonic() - begin)
        self._kill_everything()
        self._set(PartState.STOPPED)

    def _prepare(self) -> None:
        self._kill_everything()
        self.part.prepare()

    def _await_preparation(self, now: float) -> None:
        preparing = self._preparing
        if preparing is None or not preparing.done():
            return
        self._preparing = None
        error = preparing.exception()
        if error is None:
            self._start(now)
        else:
            self._fail(f"cannot be prepared: {error}", ran=0.0, now=now)

    def _start(self, now: float) -> None:
        part = self.part
        part.folder.mkdir(parents=True, exist_ok=True)
        account = ("-1", "-1") if part.account is None else (str(part.account.uid), str(part.account.gid))
        wrapper = (sys.executable, "-I", "-S", str(launch.__file__), str(os.getpid()), str(int(part.stop_signal)))
        with _open_log(self._home.log_file(part.name)) as output:
            self._process = subprocess.Popen(
                [*wrapper, *account, "--", *part.argv],
                cwd=part.folder,
                env={**part.environment, "VODFLOW_PART": part.name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started = self._last_sound = now
        with contextlib.suppress(psutil.NoSuchProcess):
            self.record = ProcessRecord.of(part.name, self._process.pid)
        self.status = replace(self.status, pid=self._process.pid, started=time.time())
        log.info("%s started as process %s", part.name, self._process.pid)

    def _watch(self, process: subprocess.Popen[bytes], now: float) -> None:
        code = process.poll()
        if code is not None:
            self._process, self._checking = None, None
            self._fail(f"ended with exit code {code}", ran=now - self._started, now=now)
            return
        if self._checking is None:
            if now >= self._not_before:
                self._checking = self._threads.submit(self.part.check, CHECK_TIMEOUT)
            return
        if self._checking.done():
            error = self._checking.exception()
            self._checking = None
            self._judge(error, now)

    def _judge(self, error: BaseException | None, now: float) -> None:
        if error is None:
            if not self.healthy:
                log.info("%s is healthy after %.1f s", self.part.name, now - self._last_sound)
            self._last_sound = now
            self._not_before = now + self.part.interval
            self._set(PartState.HEALTHY)
            return
        self._not_before = now + _EAGER_INTERVAL
        first = self.status.state is PartState.STARTING
        self._set(PartState.STARTING if first else PartState.UNHEALTHY, str(error))
        if now - self._last_sound > (self.part.grace if first else _HUNG_AFTER):
            log.warning("%s does not answer, it is killed: %s", self.part.name, error)
            if self._process is not None:
                self._process.kill()

    def _fail(self, what: str, ran: float, now: float) -> None:
        self._backoff = self._backoff.after_run(ran)
        self._not_before = now + self._backoff.delay
        log.warning("%s %s; next start in %.1f s", self.part.name, what, self._backoff.delay)
        self.status = replace(self.status, pid=None, started=None, restarts=self.status.restarts + 1)
        self._set(PartState.FAILED, f"{what}; see {self._home.log_file(self.part.name)}")

    def _kill_everything(self) -> None:
        records = [self.record] if self.record else []
        killed = kill_all(lambda: stack_processes(self._home, self._stack_id, records, self.part.name))
        if killed:
            log.warning("%s left %d processes behind; they are killed", self.part.name, killed)

    def _set(self, state: PartState, detail: str = "") -> None:
        self.status = replace(self.status, state=state, detail=detail)


def _open_log(path: Path):  # type: ignore[no-untyped-def]
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

"""Bring the embedded stack up and down, and look at it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from vodflow.engines.local.workspace import PREFIX
from vodflow.errors import StackError
from vodflow.stack.config import StackConfig, load_config, prepare_config
from vodflow.stack.environment import keep_settings, stack_environment
from vodflow.stack.home import Home
from vodflow.stack.processes import kill_all, load_records, memory, signal_all, stack_processes
from vodflow.stack.status import PartState, StackStatus, read_status

log = logging.getLogger(__name__)

_POLL = 0.1

#: Seconds the supervisor has to stop everything in order: the sum of the parts' patience, and some air.
_STOP_TIMEOUT = 60.0

_LOG_LINES = 15


@dataclass(frozen=True)
class Stack:
    """The embedded stack of one home."""

    home: Home

    @classmethod
    def load(cls, home: Path | None = None) -> Stack:
        """The stack in ``home``; none means this checkout's own (or ``VODFLOW_HOME``)."""
        return cls(Home.default() if home is None else Home(home.absolute()))

    @property
    def config(self) -> StackConfig:
        """Ports and secrets.

        :raises StackError: the stack was never started
        """
        return load_config(self.home)

    def environment(self) -> dict[str, str]:
        """Variables with which a process works with this stack."""
        return stack_environment(self.home)

    def up(self, timeout: float = 600.0, on_change: Callable[[StackStatus], None] = lambda _: None) -> StackStatus:
        """Start what is not running and wait until every part is healthy. Safe to run twice.

        :param timeout: seconds to wait
        :param on_change: called with each new state while waiting
        :raises StackError: a part is not healthy in time; the stack is then stopped again
        """
        with self._locked():
            process = None if self.home.is_supervised() else self._launch()
            try:
                status = self._await_health(process, timeout, on_change)
            except (StackError, KeyboardInterrupt):
                self._down()
                raise
            if process is not None:
                self._sweep()
            return status

    def down(self) -> int:
        """Stop everything, whoever supervises it or not; returns how many processes had to be killed.

        :raises StackError: a process does not end
        """
        if not self.home.run.exists():
            return 0
        with self._locked():
            return self._down()

    def status(self) -> StackStatus:
        """Each part's state, with its memory measured now."""
        status = read_status(self.home)
        if not status.running:
            return status
        config, records = self.config, load_records(self.home)
        parts = []
        for part in status.parts:
            processes = stack_processes(self.home, config.stack_id, records, part.name) if part.pid else []
            parts.append(replace(part, memory=memory(processes) if processes else None))
        return replace(status, parts=tuple(parts))

    def is_healthy(self) -> bool:
        """Whether the stack runs and every part answers."""
        return read_status(self.home).healthy

    def processes(self) -> list[psutil.Process]:
        """Every living process of the stack, the supervisor included."""
        try:
            stack_id = self.config.stack_id
        except StackError:
            return []
        return stack_processes(self.home, stack_id, load_records(self.home))

    def _sweep(self) -> None:
        """Look for what no event told, now rather than at the next quarter hour: a killed queue has lost its events."""
        from vodflow.stack.airflow_api import AirflowApi  # noqa: PLC0415 - only a start needs it

        try:
            with AirflowApi(self.config) as airflow:
                airflow.start_run("ingest_videos")
        except StackError as error:
            # At the very first start Airflow may not have read the DAG yet, and there is nothing to find.
            log.info("No sweep at the start: %s", error)

    def _launch(self) -> subprocess.Popen[bytes]:
        if self.home.config_file.exists():
            kill_all(self.processes)
        config = prepare_config(self.home)
        for folder in (self.home.logs, self.home.run, self.home.airflow, self.home.aws, self.home.work):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.home.status_file.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != "VODFLOW_STACK_ID"}
        keep_settings(self.home, environment)
        environment["PYTHONUNBUFFERED"] = "1"
        environment["VODFLOW_SUPERVISES"] = config.stack_id
        log_file = os.open(self.home.log_file("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(log_file, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "vodflow.stack.supervisor", str(self.home.root)],
                cwd=self.home.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await_health(
        self, process: subprocess.Popen[bytes] | None, timeout: float, on_change: Callable[[StackStatus], None]
    ) -> StackStatus:
        deadline = time.monotonic() + timeout
        before = None
        while True:
            ended = process is not None and process.poll() is not None
            status = read_status(self.home)
            if status != before:
                on_change(status)
                before = status
            if status.healthy:
                return status
            if ended:
                raise StackError(f"The supervisor ended: {self._tail('supervisor')}")
            if time.monotonic() > deadline:
                raise StackError(self._complaint(status, timeout))
            time.sleep(_POLL)

    def _complaint(self, status: StackStatus, timeout: float) -> str:
        waiting = [part for part in status.parts if part.state is not PartState.HEALTHY]
        culprit = next((part for part in waiting if part.detail), waiting[0] if waiting else None)
        if culprit is None:
            return f"The supervisor did not report within {timeout:.0f} s: {self._tail('supervisor')}"
        names = ", ".join(f"{part.name} ({part.state.value})" for part in waiting)
        return f"Not healthy after {timeout:.0f} s: {names}. {culprit.detail}\n{self._tail(culprit.name)}"

    def _tail(self, part: str) -> str:
        path = self.home.log_file(part)
        try:
            lines = path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        except OSError:
            lines = []
        return "\n".join([f"(from {path})", *lines])

    def _down(self) -> int:
        recorded = [record.process() for record in load_records(self.home) if record.part == "supervisor"]
        supervisors = [process for process in recorded if process is not None]
        signal_all(supervisors, signal.SIGTERM)
        psutil.wait_procs(supervisors, timeout=_STOP_TIMEOUT)
        killed = kill_all(self.processes)
        left = self.processes()
        if left:
            ids = ", ".join(str(process.pid) for process in left)
            raise StackError(f"These processes do not end: {ids}. Look at them with `ps`, then run `make down` again.")
        self.home.records_file.unlink(missing_ok=True)
        self.home.status_file.unlink(missing_ok=True)
        for folder in self.home.work.glob(f"{PREFIX}*"):  # of workers that had to be killed
            shutil.rmtree(folder, ignore_errors=True)
        return killed

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.home.run.mkdir(parents=True, exist_ok=True)
        with self.home.command_lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

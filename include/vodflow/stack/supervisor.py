"""The process that keeps the embedded stack alive: ``python -m vodflow.stack.supervisor HOME``.

It starts each part in a session of its own, checks it, restarts it with backoff, and on SIGTERM or SIGINT stops all
parts in order: Airflow, the AWS services, PostgreSQL. Children die with it even when it is killed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import IO

from vodflow.stack.airflow import airflow_parts, write_password_file
from vodflow.stack.api import api_part
from vodflow.stack.aws import aws_part
from vodflow.stack.backoff import Backoff
from vodflow.stack.config import StackConfig, load_config
from vodflow.stack.databases import prepare_databases
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.mediaconvert import mediaconvert_part
from vodflow.stack.part import Part
from vodflow.stack.part_runner import PartRunner
from vodflow.stack.postgres import PostgresServer
from vodflow.stack.processes import ProcessRecord, save_records
from vodflow.stack.status import PartState, PartStatus, write_status

log = logging.getLogger(__name__)

_TICK = 0.1
_LOG_LIMIT = 50 * 1024**2
_LOG_CHECK_INTERVAL = 60.0

#: The one-off work between PostgreSQL's start and Airflow's.
DATABASES = "databases"


class Supervisor:
    """Keeps all parts of one stack."""

    def __init__(self, home: Home, config: StackConfig) -> None:
        self._home = home
        self._config = config
        self._environment = child_environment(home)
        self._threads = ThreadPoolExecutor(max_workers=12, thread_name_prefix="check")
        self._runners = [PartRunner(part, home, config.stack_id, self._threads) for part in self._parts()]
        self._databases = _Once(PartStatus(DATABASES, PartState.WAITING), self._prepare_databases)
        self._stopping = False
        self._published: tuple[PartStatus, ...] = ()
        self._recorded: list[ProcessRecord] = []
        self._me = ProcessRecord.of("supervisor", os.getpid())

    def run(self) -> None:
        """Keep the stack until somebody asks to stop it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        write_password_file(self._home, self._config)
        next_log_check = 0.0
        try:
            while not self._stopping:
                now = time.monotonic()
                self._tick(now)
                if now >= next_log_check:
                    next_log_check = now + _LOG_CHECK_INTERVAL
                    _shorten_logs(self._home)
                time.sleep(_TICK)
        finally:
            self._stop()

    def _parts(self) -> list[Part]:
        return [
            PostgresServer(self._home, self._config).part(self._environment),
            aws_part(self._home, self._config, self._environment),
            mediaconvert_part(self._home, self._config, self._environment),
            *airflow_parts(self._home, self._config, self._environment),
            api_part(self._home, self._config, self._environment),
        ]

    def _prepare_databases(self) -> None:
        prepare_databases(self._home, self._config, self._environment)

    def _ready(self, name: str) -> bool:
        if name == DATABASES:
            return self._databases.done
        return any(runner.healthy for runner in self._runners if runner.part.name == name)

    def _tick(self, now: float) -> None:
        for runner in self._runners:
            runner.tick(self._ready, now)
        if self._ready("postgres"):
            self._databases.tick(self._threads, now)
        self._publish()

    def _publish(self) -> None:
        records = [self._me, *(runner.record for runner in self._runners if runner.record)]
        if records != self._recorded:
            save_records(self._home, records)
            self._recorded = records
        parts = tuple(runner.status for runner in self._runners)
        if not self._databases.done:
            parts = (parts[0], self._databases.status, *parts[1:])
        if parts != self._published:
            write_status(self._home, parts)
            self._published = parts

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is given
        self._stopping = True

    def _stop(self) -> None:
        log.info("stopping")
        self._threads.shutdown(wait=False, cancel_futures=True)
        for rank in sorted({runner.part.stop_rank for runner in self._runners}):
            runners = [runner for runner in self._runners if runner.part.stop_rank == rank]
            for runner in runners:
                runner.request_stop()
            begin = time.monotonic()
            for runner in runners:
                runner.finish_stop(begin + runner.part.patience)
            log.info(
                "stopped %s in %.1f s", ", ".join(runner.part.name for runner in runners), time.monotonic() - begin
            )
        self._publish()


class _Once:
    """Work that is repeated until it succeeded once."""

    def __init__(self, status: PartStatus, work) -> None:  # type: ignore[no-untyped-def]
        self.status = status
        self.done = False
        self._work = work
        self._running: Future[None] | None = None
        self._backoff = Backoff()
        self._not_before = 0.0

    def tick(self, threads: ThreadPoolExecutor, now: float) -> None:
        if self.done:
            return
        if self._running is None:
            if now >= self._not_before:
                self._running = threads.submit(self._work)
                self.status = replace(self.status, state=PartState.STARTING)
        elif self._running.done():
            error = self._running.exception()
            self._running = None
            if error is None:
                self.done = True
                log.info("the databases are prepared")
                return
            self._backoff = self._backoff.after_run(0.0)
            self._not_before = now + self._backoff.delay
            log.warning("the databases cannot be prepared: %s", error)
            self.status = replace(
                self.status, state=PartState.FAILED, detail=str(error), restarts=self.status.restarts + 1
            )


def _shorten_logs(home: Home) -> None:
    """Keep one older part of each log; the writers append, so a file can be emptied under them."""
    for path in home.logs.glob("*.log"):
        if path.stat().st_size > _LOG_LIMIT:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)


def _take(lock: IO[str]) -> bool:
    """Take the supervisor's lock; whoever asks for our state may hold it for a moment."""
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def main() -> None:
    """Run the supervisor in this process."""
    home = Home(Path(sys.argv[1]))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with home.supervisor_lock.open("w") as lock:
        if not _take(lock):
            log.warning("another supervisor of %s is running", home.root)
            sys.exit(1)
        Supervisor(home, load_config(home)).run()
        logging.shutdown()
        os._exit(0)  # a check that still waits for an answer must not hold us


if __name__ == "__main__":
    main()

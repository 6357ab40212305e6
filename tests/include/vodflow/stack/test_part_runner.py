"""One part under a runner, with real processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from vodflow.errors import StackError
from vodflow.stack.home import Home
from vodflow.stack.part import Part
from vodflow.stack.part_runner import PartRunner
from vodflow.stack.processes import is_alive
from vodflow.stack.status import PartState

STACK_ID = "runner-test"
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"

Make = Callable[..., PartRunner]


class Check:
    """A health check whose answer the test decides."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls = 0

    def __call__(self, timeout: float) -> None:
        self.calls += 1
        assert timeout > 0
        if self.error:
            raise self.error


@pytest.fixture
def check() -> Check:
    return Check()


@pytest.fixture
def make(tmp_path: Path, check: Check) -> Iterator[Make]:
    home = Home(tmp_path)
    runners = []
    with ThreadPoolExecutor(2) as threads:

        def build(code: str = SLEEP, **options: object) -> PartRunner:
            part = Part(
                name="sleeper",
                argv=(sys.executable, "-S", "-c", code),
                environment={"VODFLOW_STACK_ID": STACK_ID},
                folder=home.part_folder("sleeper"),
                check=check,
                interval=0.0,
                **options,
            )
            runners.append(PartRunner(part, home, STACK_ID, threads))
            return runners[-1]

        yield build
        for runner in runners:
            runner.finish_stop(deadline=0.0)


def drive(runner: PartRunner, until: Callable[[], bool], ready: Callable[[str], bool] = lambda _: True) -> None:
    deadline = time.monotonic() + 30
    while not until():
        runner.tick(ready, time.monotonic())
        assert time.monotonic() < deadline, runner.status
        time.sleep(0.01)


def process(runner: PartRunner) -> psutil.Process:
    assert runner.status.pid is not None
    return psutil.Process(runner.status.pid)


def test_a_part_becomes_healthy_and_is_recorded(make: Make) -> None:
    runner = make()
    drive(runner, lambda: runner.healthy)
    assert runner.record is not None
    assert runner.record.pid == runner.status.pid
    assert runner.status.started is not None
    assert runner.status.restarts == 0


def test_a_part_waits_for_those_it_needs(make: Make, check: Check) -> None:
    runner = make(after=("database",))
    for _ in range(20):
        runner.tick(lambda name: name != "database", time.monotonic())
        time.sleep(0.005)
    assert runner.status.state is PartState.WAITING
    drive(runner, lambda: runner.healthy)


def test_a_killed_part_is_started_again_and_its_children_are_not_left(make: Make) -> None:
    family = f"import os, time\nif os.fork() == 0:\n    os.setsid()\n{SLEEP}"
    runner = make(family)
    drive(runner, lambda: runner.healthy and bool(process(runner).children()))
    first = process(runner)
    child = first.children()[0]
    first.kill()
    drive(runner, lambda: not runner.healthy)
    assert runner.status.state is PartState.FAILED
    assert "exit code -9" in runner.status.detail
    assert "sleeper.log" in runner.status.detail
    drive(runner, lambda: runner.healthy)
    assert runner.status.restarts == 1
    assert runner.status.pid != first.pid
    assert not is_alive(child)


def test_a_part_that_fails_its_checks_is_unhealthy_and_says_why(make: Make, check: Check) -> None:
    runner = make()
    drive(runner, lambda: runner.healthy)
    check.error = StackError("no answer")
    drive(runner, lambda: runner.status.state is PartState.UNHEALTHY)
    assert runner.status.detail == "no answer"
    check.error = None
    drive(runner, lambda: runner.healthy)
    assert runner.status.detail == ""
    assert runner.status.restarts == 0


def test_a_part_that_never_answers_is_killed_and_started_again(make: Make, check: Check) -> None:
    check.error = StackError("no answer")
    runner = make(grace=0.3)
    drive(runner, lambda: runner.status.restarts > 0)
    check.error = None
    drive(runner, lambda: runner.healthy)


def test_a_failing_preparation_is_repeated(make: Make) -> None:
    failures = [StackError("another server works here")]

    def prepare() -> None:
        if failures:
            raise failures.pop()

    runner = make(prepare=prepare)
    drive(runner, lambda: runner.status.state is PartState.FAILED)
    assert "another server works here" in runner.status.detail
    drive(runner, lambda: runner.healthy)
    assert runner.status.restarts == 1


def test_a_part_that_ignores_the_request_to_stop_is_killed(make: Make, tmp_path: Path) -> None:
    runner = make(DEAF)
    log = Home(tmp_path).log_file("sleeper")
    drive(runner, lambda: runner.healthy and "deaf" in log.read_text())
    alive = process(runner)
    runner.request_stop()
    runner.finish_stop(time.monotonic() + 0.2)
    assert not is_alive(alive)
    assert runner.status.state is PartState.STOPPED


def test_logs_are_for_their_owner_only(make: Make, tmp_path: Path) -> None:
    runner = make()
    drive(runner, lambda: runner.healthy)
    assert Home(tmp_path).log_file("sleeper").stat().st_mode & 0o777 == 0o600

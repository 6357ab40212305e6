"""The supervisor in this process, with small programs as its parts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from vodflow.errors import StackError
from vodflow.stack import supervisor as module
from vodflow.stack.config import StackConfig, prepare_config
from vodflow.stack.home import Home
from vodflow.stack.part import Part
from vodflow.stack.processes import load_records, stack_processes
from vodflow.stack.status import PartState, PartStatus, StackStatus, read_status
from vodflow.stack.supervisor import Supervisor

Watch = Callable[[], None]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.run.mkdir()
    home.logs.mkdir()
    return home


@pytest.fixture
def config(home: Home) -> StackConfig:
    return prepare_config(home)


class Small(Supervisor):
    """Two parts that sleep; the second needs the databases, which fail once."""

    failures = 1

    def _parts(self) -> list[Part]:
        def part(name: str, **options: object) -> Part:
            return Part(
                name=name,
                argv=(sys.executable, "-S", "-c", "import time; time.sleep(600)"),
                environment={"VODFLOW_STACK_ID": self._config.stack_id},
                folder=self._home.part_folder(name),
                check=lambda _: None,
                **options,
            )

        return [part("postgres", stop_rank=2), part("scheduler", after=("postgres", module.DATABASES))]

    def _prepare_databases(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StackError("a migration failed")


def run_until(home: Home, config: StackConfig, watch: Watch) -> None:
    """Run the supervisor in this thread; stop it with a signal, as `make down` does, when ``watch`` returns."""

    def observe() -> None:
        try:
            watch()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    observer = threading.Thread(target=observe)
    supervisor = Small(home, config)
    observer.start()
    supervisor.run()
    observer.join()


def published_when(home: Home, true: Callable[[dict[str, PartStatus]], bool]) -> dict[str, PartStatus]:
    """What is published at the first look that shows it; at the last one, if it never comes."""
    deadline = time.monotonic() + 60
    while not true(parts := published(home)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return parts


def published(home: Home) -> dict[str, PartStatus]:
    import json  # noqa: PLC0415

    try:
        items = json.loads(home.status_file.read_text())
    except FileNotFoundError:
        return {}
    return {item["name"]: PartStatus(**{**item, "state": PartState(item["state"])}) for item in items}


def test_parts_start_in_order_heal_and_stop(home: Home, config: StackConfig) -> None:
    seen: list[dict[str, PartStatus]] = []

    def healthy(parts: dict[str, PartStatus]) -> bool:
        return set(parts) == {"postgres", "scheduler"} and all(p.state is PartState.HEALTHY for p in parts.values())

    def watch() -> None:
        seen.append(published_when(home, lambda parts: "databases" in parts and parts["databases"].restarts == 1))
        seen.append(published_when(home, healthy))
        pid = seen[-1]["scheduler"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        seen.append(published_when(home, lambda parts: healthy(parts) and parts["scheduler"].pid != pid))

    run_until(home, config, watch)

    assert seen[0]["databases"].detail == "a migration failed"
    assert seen[0]["scheduler"].state is PartState.WAITING
    assert seen[1]["scheduler"].restarts == 0
    assert seen[2]["scheduler"].restarts == 1
    assert {part.state for part in published(home).values()} == {PartState.STOPPED}
    assert {record.part for record in load_records(home)} == {"supervisor", "postgres", "scheduler"}
    parts = [record for record in load_records(home) if record.part != "supervisor"]
    assert not [record for record in parts if record.process()]
    assert stack_processes(home, config.stack_id, parts) == []
    assert (home.airflow / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_what_a_dead_supervisor_published_does_not_count(home: Home) -> None:
    module.write_status(home, (PartStatus("aws", PartState.HEALTHY),))
    assert read_status(home) == StackStatus(running=False)
    assert not read_status(home).healthy


def test_a_long_log_is_kept_once_and_begun_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOG_LIMIT", 10)
    home.log_file("aws").write_text("a long line")
    home.log_file("scheduler").write_text("short")
    module._shorten_logs(home)
    assert home.log_file("aws").read_text() == ""
    assert (home.logs / "aws.log.1").read_text() == "a long line"
    assert home.log_file("scheduler").read_text() == "short"


def test_only_one_supervisor_runs_in_a_home(home: Home, config: StackConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["supervisor", str(home.root)])
    with home.supervisor_lock.open("w") as lock:
        assert module._take(lock)
        assert home.is_supervised()
        with pytest.raises(SystemExit):
            module.main()
    assert not home.is_supervised()

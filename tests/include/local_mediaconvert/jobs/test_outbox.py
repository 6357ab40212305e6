from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_mediaconvert.jobs import outbox as module
from local_mediaconvert.jobs.faults import EventFaults, FaultPlan, Faults
from local_mediaconvert.jobs.outbox import Outbox
from local_mediaconvert.jobs.store import Store
from support.mediaconvert_jobs import Bench, until


def event(number: int) -> dict[str, Any]:
    return {"number": number, "detail": {"status": "COMPLETE"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_DELAY", 0.02)


def left(store: Store) -> int:
    return len(store.rows("SELECT seq FROM outbox"))


def test_events_wait_for_a_queue_that_is_away_and_keep_their_order(open_bench: Callable[..., Bench]) -> None:
    bench = open_bench()
    bench.queue_is_away = True
    bench.start()
    jobs = [bench.submit() for _ in range(3)]
    bench.wait(*jobs)
    assert bench.events == []
    bench.queue_is_away = False
    until(lambda: bench.told(jobs[-1])[-1:] == ["COMPLETE"])
    for job in jobs:
        assert bench.told(job) == ["PROGRESSING", "INPUT_INFORMATION", "COMPLETE"]


def test_events_survive_a_restart(open_bench: Callable[..., Bench]) -> None:
    first = open_bench()
    first.queue_is_away = True
    first.start()
    job = first.submit()
    first.wait(job)
    first.stop()
    second = open_bench().start()
    until(lambda: second.told(job)[-1:] == ["COMPLETE"])


def test_batches_hold_ten_and_a_failed_one_is_sent_again(store: Store) -> None:
    sizes: list[int] = []
    failing = iter([True, False, True, False, False])

    def send(bodies: list[str]) -> list[int]:
        if next(failing):
            raise TimeoutError
        sizes.append(len(bodies))
        return []

    outbox = Outbox(store, {"queue": send}, Faults())
    for number in range(23):
        outbox.put(event(number))
    outbox.start()
    until(lambda: left(store) == 0)
    outbox.stop()
    assert sizes == [10, 10, 3]


def test_what_is_refused_for_good_does_not_hold_the_others(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(store, {"queue": lambda _: [0]}, Faults())
    outbox.put(event(1))
    outbox.put(event(2))
    outbox.start()
    until(lambda: left(store) == 0)
    outbox.stop()
    assert "refuses an event for good" in caplog.text


def test_each_target_has_its_own_pace(store: Store) -> None:
    reached = threading.Event()

    def away(bodies: list[str]) -> list[int]:
        raise ConnectionError

    def there(bodies: list[str]) -> list[int]:
        reached.set()
        return []

    outbox = Outbox(store, {"queue": away, "bus": there}, Faults())
    outbox.put(event(1))
    outbox.start()
    assert reached.wait(10)
    until(lambda: left(store) == 1)
    outbox.stop()


def test_a_late_event_comes_after_those_behind_it(store: Store) -> None:
    got: list[str] = []
    faults = Faults(FaultPlan(seed=1, events=(EventFaults(statuses=("ERROR",), delay=100, delay_seconds=0.5),)))
    outbox = Outbox(store, {"queue": lambda bodies: got.extend(bodies) or []}, faults)  # type: ignore[func-returns-value]
    outbox.start()
    outbox.put({"detail": {"status": "ERROR"}})
    outbox.put({"detail": {"status": "COMPLETE"}})
    outbox.wake()
    until(lambda: len(got) == 2)
    outbox.stop()
    assert ["COMPLETE" in body for body in got] == [True, False]

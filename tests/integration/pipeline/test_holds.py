"""Runs that were given up are started again, each once, however many steps get through at the same time."""

from __future__ import annotations

import threading

import pytest
from vodflow.catalog import holds
from vodflow.catalog.database import transaction
from vodflow.catalog.holds import Waiter
from vodflow.errors import EngineError, StorageUnavailable
from vodflow.pipeline.holds import try_again
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _given_up(catalog: Settings) -> None:
    error = StorageUnavailable("S3 does not answer", code="connection")
    with transaction("test") as connection:
        assert holds.meet(connection, Waiter("source-1", "publish", "a", 30.0), error, limit=0) is None


def test_two_at_once_start_a_run_once() -> None:
    started: list[str] = []
    beside = threading.Thread(target=lambda: try_again(started.append))

    def start(run_id: str) -> None:
        started.append(run_id)
        beside.start()
        beside.join(0.5)  # long enough for it to start the run, too, if it could

    assert try_again(start) == 1
    beside.join()
    assert started == ["source-1"]
    assert try_again(started.append) == 0


def test_a_start_that_fails_is_tried_again() -> None:
    def refuse(_run_id: str) -> None:
        raise EngineError("Airflow does not answer")

    started: list[str] = []
    assert try_again(refuse) == 0
    assert try_again(started.append) == 1
    assert started == ["source-1"]

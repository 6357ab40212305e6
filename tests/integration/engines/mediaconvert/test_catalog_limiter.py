"""The rate of submissions in a real catalog, shared by processes."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sqlalchemy import select
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import mediaconvert_submission_rate
from vodflow.engines.mediaconvert.catalog_limiter import CatalogRateLimiter
from vodflow.engines.mediaconvert.submission_rate import configured_limiter
from vodflow.errors import EngineError

pytestmark = pytest.mark.integration

MANY = """
from vodflow.engines.mediaconvert.catalog_limiter import CatalogRateLimiter

limiter = CatalogRateLimiter(rate=1000, burst=1, sleep=lambda seconds: None)
for _ in range(20):
    limiter.acquire("account")
"""


def test_processes_share_slots(catalog) -> None:
    began = time.time()
    processes = [subprocess.Popen([sys.executable, "-c", MANY]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with transaction("test") as connection:
        ((key, free_at),) = connection.execute(select(mediaconvert_submission_rate)).all()
    assert key == "account"
    assert free_at >= began + 0.059


def test_burst_wait_and_refusal(catalog) -> None:
    slept: list[float] = []
    limiter = CatalogRateLimiter(rate=0.001, burst=2, longest_wait=1500, sleep=slept.append)
    for _ in range(3):
        limiter.acquire("a")
    (wait,) = slept
    assert 900 < wait <= 1000, "less what has passed since the first"
    for _ in range(2):
        with pytest.raises(EngineError, match="other MediaConvert submissions"):
            limiter.acquire("a")
    limiter.acquire("b")
    assert len(slept) == 1


def test_without_a_database_submissions_go_on(set_settings) -> None:
    set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:9/none")
    assert CatalogRateLimiter().acquire("a") == 0


def test_the_environment_switches_it_on() -> None:
    name = f"{CatalogRateLimiter.__module__}:{CatalogRateLimiter.__name__}"
    limiter = configured_limiter(rate=3, environment={"MEDIACONVERT_SUBMISSION_LIMITER": name})
    assert isinstance(limiter, CatalogRateLimiter)

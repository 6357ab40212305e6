"""The rate of submissions in a real PostgreSQL, shared by processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psycopg2
import pytest
from vodflow.engines.mediaconvert.catalog_limiter import PostgresRateLimiter, catalog_limiter
from vodflow.engines.mediaconvert.submission_rate import configured_limiter
from vodflow.errors import EngineError

pytestmark = pytest.mark.integration

MANY = """
import sys
from vodflow.engines.mediaconvert.catalog_limiter import PostgresRateLimiter

limiter = PostgresRateLimiter(sys.argv[1], rate=1000, burst=1, sleep=lambda seconds: None)
for _ in range(20):
    limiter.acquire("account")
"""


def test_processes_share_slots_and_the_first_makes_the_table(empty_database: str) -> None:
    began = time.time()
    processes = [subprocess.Popen([sys.executable, "-c", MANY, empty_database]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with psycopg2.connect(empty_database.replace("postgresql+psycopg2", "postgresql")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT key, free_at FROM mediaconvert_submission_rate")
        ((key, free_at),) = cursor.fetchall()
    connection.close()
    assert key == "account"
    assert free_at >= began + 0.059


def test_burst_wait_and_refusal(empty_database: str) -> None:
    slept: list[float] = []
    limiter = PostgresRateLimiter(empty_database, rate=0.1, burst=2, longest_wait=15, sleep=slept.append)
    for _ in range(3):
        limiter.acquire("a")
    assert [round(wait) for wait in slept] == [10]
    for _ in range(2):
        with pytest.raises(EngineError, match="other MediaConvert submissions"):
            limiter.acquire("a")
    limiter.acquire("b")
    assert len(slept) == 1


def test_without_a_database_submissions_go_on() -> None:
    assert PostgresRateLimiter("postgresql+psycopg2://nobody@127.0.0.1:9/none").acquire("a") == 0


def test_the_environment_switches_it_on(empty_database: str, set_settings) -> None:
    set_settings(catalog_url=empty_database)
    name = f"{catalog_limiter.__module__}:{catalog_limiter.__name__}"
    limiter = configured_limiter(environment={**os.environ, "MEDIACONVERT_SUBMISSION_LIMITER": name})
    assert isinstance(limiter, PostgresRateLimiter)
    assert limiter.acquire("a") == 0

"""The rate of submissions, by arithmetic and by processes that share a file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from vodflow.engines.mediaconvert.submission_rate import FileRateLimiter, reserve
from vodflow.errors import EngineError, ErrorClass

MANY = """
import sys
from pathlib import Path
from vodflow.engines.mediaconvert.submission_rate import FileRateLimiter

limiter = FileRateLimiter(rate=1000, burst=1, folder=Path(sys.argv[1]), sleep=lambda seconds: None)
for _ in range(50):
    limiter.acquire("account")
"""


def test_slots() -> None:
    waits, free_at = [], 0.0
    for _ in range(6):
        wait, free_at = reserve(free_at, 100.0, rate=2.0, burst=3)
        waits.append(wait)
    assert waits == [0, 0, 0, 0.5, 1.0, 1.5]
    assert reserve(free_at, 200.0, rate=2.0, burst=3)[0] == 0


def test_callers_share_a_key_and_its_burst(tmp_path: Path) -> None:
    slept: list[float] = []
    limiters = [
        FileRateLimiter(rate=0.001, burst=2, folder=tmp_path, longest_wait=1500, sleep=slept.append) for _ in range(3)
    ]
    for limiter in limiters:
        limiter.acquire("one")
    limiters[0].acquire("two")
    (wait,) = slept
    assert 900 < wait <= 1000, "less what has passed since the first"


def test_processes_take_no_slot_twice(tmp_path: Path) -> None:
    began = time.time()
    processes = [subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    (file,) = tmp_path.iterdir()
    # 150 slots of a millisecond each lie between the first one and the next free one.
    assert float(file.read_text()) >= began + 0.149


def test_a_long_queue_is_left_to_the_task_s_retries(tmp_path: Path) -> None:
    slept: list[float] = []
    limiter = FileRateLimiter(rate=0.001, burst=1, folder=tmp_path, longest_wait=1500, sleep=slept.append)
    limiter.acquire("a")
    limiter.acquire("a")
    for _ in range(3):
        with pytest.raises(EngineError) as caught:
            limiter.acquire("a")
        assert caught.value.retryable
        assert caught.value.error_class is ErrorClass.THROTTLED
    assert len(slept) == 1


@pytest.mark.parametrize("content", ["", "rubbish", "99999999999", "nan"])
def test_a_file_that_makes_no_sense_stops_nobody(tmp_path: Path, content: str) -> None:
    slept: list[float] = []
    limiter = FileRateLimiter(rate=1, burst=1, folder=tmp_path, longest_wait=60, sleep=slept.append)
    limiter.acquire("a")
    next(tmp_path.iterdir()).write_text(content)
    for _ in range(3):
        assert limiter.acquire("a") <= 61


def test_without_a_folder_submissions_go_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert FileRateLimiter(folder=tmp_path / "file" / "below").acquire("a") == 0

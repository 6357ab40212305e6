from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.mediaconvert_jobs import Bench


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """``open_bench(concurrency=2)`` makes a service that is not started yet; all share one state folder."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / "state", **options))
        return made[-1]

    yield make
    for bench in made:
        bench.stop()


@pytest.fixture
def bench(open_bench: Callable[..., Bench]) -> Bench:
    """A running service; one job at a time; a minute lasts 1.5 s."""
    return open_bench(minute=1.5).start()

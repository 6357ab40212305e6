"""What every section gets: where to work, how often to measure, where to speak."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import psutil
from rich.console import Console

#: The machine counts as quiet when less than this is used over that time; an idle stack uses about 10 %.
QUIET_PERCENT = 15.0
QUIET_SECONDS = 2.0


@dataclass(frozen=True)
class Context:
    """Choices of one run of the benchmarks.

    :param home: folder of cached footage, results and the stack that is measured
    :param repeat: runs of each side
    :param patience: most seconds to wait before each run for other programs to be quiet
    :param catalog: URL of a catalog that is filled already, for the section that would fill one
    """

    home: Path
    repeat: int
    quick: bool
    console: Console
    patience: float = 60.0
    catalog: str | None = None

    @property
    def clips(self) -> Path:
        """Cached footage."""
        return self.home / "clips"

    @property
    def repeats(self) -> int:
        """Runs of each side that are really made."""
        return 1 if self.quick else self.repeat

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder for one run, gone afterwards."""
        scratch = self.home / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        path = Path(mkdtemp(dir=scratch))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def await_quiet(self) -> None:
        """Wait until other programs leave the machine alone, or patience ends."""
        deadline = time.monotonic() + (0.0 if self.quick else self.patience)
        while time.monotonic() < deadline and psutil.cpu_percent(QUIET_SECONDS) > QUIET_PERCENT:
            pass

    def say(self, text: str) -> None:
        """Tell the person in front what is going on."""
        self.console.print(f"[dim]{text}")

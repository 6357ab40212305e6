"""One percentage for a whole job out of the progress of its stages."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from vodflow.contract.result import Progress, Stage

#: Shortest time between two reports of one stage, seconds.
INTERVAL = 0.5
#: Where each stage begins and ends, in percent. Encoding takes nearly all of the time.
_SPANS = {
    Stage.DOWNLOAD: (0.0, 5.0),
    Stage.ENCODE: (5.0, 90.0),
    Stage.PACKAGE: (90.0, 93.0),
    Stage.UPLOAD: (93.0, 100.0),
}
#: Seconds of one, by the names of lines that say how far an encode is.
_UNITS = {"out_time_us": 1e-6, "encoded": 1.0}
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


class Reporter:
    """Turns what the stages say into :class:`Progress`, at most two a second, never going back.

    Safe to call from several threads as long as one stage calls one at a time.
    """

    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self._on_progress = on_progress
        self._percent = 0.0
        self._stage: Stage | None = None
        self._due = 0.0

    def report(self, stage: Stage, share: float, *, speed: float | None = None, eta: float | None = None) -> None:
        """Say that ``share`` (0 to 1) of a stage is done.

        :param eta: seconds until this stage is done
        """
        now = time.monotonic()
        begin, end = _SPANS[stage]
        self._percent = max(self._percent, round(begin + (end - begin) * min(1.0, max(0.0, share)), 2))
        if self._on_progress is None or (stage == self._stage and now < self._due and share < 1):
            return
        self._stage, self._due = stage, now + INTERVAL
        self._on_progress(Progress(stage=stage, percent=self._percent, speed=speed, eta=eta))


class EncodeProgress:
    """Reads the lines of FFmpeg's ``-progress``, and those with which one output says how far it is (``encoded=1.5``).

    :param duration: seconds that are to be encoded
    """

    def __init__(self, duration: float, reporter: Reporter) -> None:
        self._duration = duration
        self._reporter = reporter
        self._started = time.monotonic()
        self._reached = 0.0
        self._frame = ""

    def __call__(self, line: str) -> bool:
        """Take one line; whether anything moved on."""
        name, _, value = line.partition("=")
        value = value.strip()
        if name == "frame":
            moved, self._frame = value != self._frame, value
            return moved
        unit = _UNITS.get(name)
        if unit is None or not _NUMBER.fullmatch(value):
            return name == "progress" and value == "end"
        reached = float(value) * unit
        moved = reached > self._reached
        self._reached = max(self._reached, reached)
        elapsed = time.monotonic() - self._started
        speed = self._reached / elapsed if elapsed > 0 else None
        left = max(0.0, self._duration - self._reached)
        self._reporter.report(
            Stage.ENCODE,
            self._reached / self._duration,
            speed=round(speed, 3) if speed else None,
            eta=round(left / speed, 1) if speed else None,
        )
        return moved

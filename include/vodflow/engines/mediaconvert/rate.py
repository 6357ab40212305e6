"""How fast jobs are submitted, by all tasks together.

MediaConvert refuses CreateJob above its quota of requests a second. Tasks are processes that know nothing of each
other, so they keep the time of the next free slot in a file that all of a machine see. For several machines, give an
implementation of :class:`SubmissionLimiter` that keeps it in a database; :func:`reserve` is all the arithmetic.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from vodflow.errors import EngineError, ErrorClass

log = logging.getLogger(__name__)

#: CreateJob calls a second, and how many may come at once after a pause.
SUBMIT_RATE: Final = 2.0
SUBMIT_BURST: Final = 10
#: Seconds that a task waits for its slot before it leaves the waiting to its retries.
LONGEST_WAIT: Final = 600.0
_LOCK_TIMEOUT: Final = 5.0


class SubmissionLimiter(Protocol):
    """Makes callers wait for their turn."""

    def acquire(self, key: str) -> float:
        """Wait until one more job may be submitted; returns the seconds waited.

        :param key: what has one quota: account (or connection), region, endpoint
        :raises EngineError: when the wait would be too long (retryable)
        """


def reserve(free_at: float, now: float, rate: float, burst: int) -> tuple[float, float]:
    """The next slot of a generic cell rate algorithm (ITU-T I.371): ``(seconds to wait, new free_at)``.

    :param free_at: what the last reservation returned, seconds since the epoch; 0 at first
    :param rate: slots a second in the long run
    :param burst: slots that may be taken at once after a pause
    """
    free_at = max(free_at, now)
    wait = free_at - (burst - 1) / rate - now
    return max(0.0, wait), free_at + 1 / rate


class FileRateLimiter:
    """Slots in a file that the processes of one machine and user share under a lock.

    :param rate: submissions a second
    :param burst: submissions at once after a pause
    :param folder: where the files are; none means a folder of this user in the system's temporary folder
    """

    def __init__(
        self,
        rate: float = SUBMIT_RATE,
        burst: int = SUBMIT_BURST,
        folder: Path | None = None,
        longest_wait: float = LONGEST_WAIT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._folder = folder or Path(tempfile.gettempdir()) / f"mediaconvert-rate-{os.getuid()}"
        self._longest_wait = longest_wait
        self._sleep = sleep

    def acquire(self, key: str) -> float:
        """See :class:`SubmissionLimiter`. Nobody is held up because the file cannot be used."""
        try:
            wait = self._reserve(key)
        except OSError as error:
            log.warning("Submitting without a limit, %s cannot be used: %s", self._folder, error)
            return 0.0
        if wait > self._longest_wait:
            failure = EngineError(
                f"{wait:.0f} s of other MediaConvert submissions wait before this one; trying again later", code="busy"
            )
            failure.error_class = ErrorClass.THROTTLED
            raise failure
        if wait:
            log.info("Waiting %.1f s for a turn to submit a MediaConvert job", wait)
            self._sleep(wait)
        return wait

    def _reserve(self, key: str) -> float:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()[:32]
        with path.open("a+") as file, _locked(file):
            file.seek(0)
            now = time.time()
            free_at = _number(file.read())
            # Later than anybody may have written it: the clock was set back.
            if not free_at <= now + self._longest_wait + (self._burst + 1) / self._rate:
                free_at = now
            wait, free_at = reserve(free_at, now, self._rate, self._burst)
            if wait <= self._longest_wait:
                file.seek(0)
                file.truncate()
                file.write(repr(free_at))
                file.flush()
        return wait


@contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0

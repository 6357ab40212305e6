"""How fast jobs are submitted, by all tasks together.

MediaConvert refuses CreateJob above its quota of requests a second. Tasks are processes that know nothing of each
other, so they keep the time of the next free slot in a file that all of a machine see; or, for several machines, in
PostgreSQL (:mod:`vodflow.engines.mediaconvert.catalog_limiter`).
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, Protocol

from vodflow.errors import ConfigurationError, EngineError, ErrorClass

log = logging.getLogger(__name__)

#: CreateJob calls a second, and how many may come at once after a pause.
SUBMIT_RATE: Final = 2.0
SUBMIT_BURST: Final = 10
#: Seconds that a task waits for its slot before it leaves the waiting to its retries.
LONGEST_WAIT: Final = 600.0
_LOCK_TIMEOUT: Final = 5.0

RATE_VARIABLE: Final = "MEDIACONVERT_SUBMIT_RATE"
LIMITER_VARIABLE: Final = "MEDIACONVERT_SUBMISSION_LIMITER"


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


class ReservingLimiter(ABC):
    """What every implementation does with a reserved slot: wait for it, or refuse to wait too long.

    :param rate: submissions a second
    :param burst: submissions at once after a pause
    :param longest_wait: seconds; whoever would wait longer is refused, and takes no slot
    """

    #: Errors of whatever keeps the slots. Nobody is held up because of them: MediaConvert itself throttles.
    unusable: tuple[type[Exception], ...] = (OSError,)

    def __init__(
        self,
        rate: float = SUBMIT_RATE,
        burst: int = SUBMIT_BURST,
        *,
        longest_wait: float = LONGEST_WAIT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._longest_wait = longest_wait
        self._sleep = sleep

    def acquire(self, key: str) -> float:
        """See :class:`SubmissionLimiter`."""
        try:
            wait = self._reserve(key)
        except self.unusable as error:
            log.warning("Submitting to MediaConvert without a limit, its slots cannot be used: %s", error)
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

    @abstractmethod
    def _reserve(self, key: str) -> float:
        """Take the next slot; seconds until it comes. Takes none that is later than the longest wait."""

    def _next(self, free_at: float, now: float) -> tuple[float, float | None]:
        """Seconds to wait, and what to store as the next free slot; none to store nothing."""
        # Later than anybody may have written it: the clock was set back.
        if not free_at <= now + self._longest_wait + (self._burst + 1) / self._rate:
            free_at = now
        wait, free_at = reserve(free_at, now, self._rate, self._burst)
        return wait, free_at if wait <= self._longest_wait else None


class FileRateLimiter(ReservingLimiter):
    """Slots in files that the processes of one machine and user share under a lock.

    :param folder: where the files are; none means a folder of this user in the system's temporary folder
    """

    def __init__(
        self, rate: float = SUBMIT_RATE, burst: int = SUBMIT_BURST, folder: Path | None = None, **options: Any
    ) -> None:
        super().__init__(rate, burst, **options)
        self._folder = folder or Path(tempfile.gettempdir()) / f"mediaconvert-rate-{os.getuid()}"

    def _reserve(self, key: str) -> float:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()[:32]
        with path.open("a+") as file, _locked(file):
            file.seek(0)
            wait, free_at = self._next(_number(file.read()), time.time())
            if free_at is not None:
                file.seek(0)
                file.truncate()
                file.write(repr(free_at))
                file.flush()
        return wait


def configured_limiter(
    path: str | None = None, rate: object = None, environment: Mapping[str, str] = os.environ
) -> SubmissionLimiter:
    """The limiter that the environment names, else the one given, else one file for a machine.

    :param path: a factory as ``module:function``; ``MEDIACONVERT_SUBMISSION_LIMITER`` goes first
    :param rate: submissions a second; ``MEDIACONVERT_SUBMIT_RATE`` goes first
    :raises ConfigurationError: when there is no such factory, or the rate is no number above 0
    """
    rate = environment.get(RATE_VARIABLE) or rate or SUBMIT_RATE
    path = environment.get(LIMITER_VARIABLE) or path
    try:
        number = float(str(rate))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ConfigurationError(f"{RATE_VARIABLE} is jobs a second, above 0, not {rate!r}")
    if not path:
        return FileRateLimiter(number)
    module, _, name = path.partition(":")
    try:
        limiter: SubmissionLimiter = getattr(import_module(module), name)(number)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{LIMITER_VARIABLE} names a function of one argument, the rate, as module:function; {path!r}: {error}"
        ) from error
    return limiter


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

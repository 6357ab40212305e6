"""What the supervisor needs to know of one part of the stack."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A user to run a part as."""

    name: str
    uid: int
    gid: int


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Part:
    """One program of the stack.

    :param argv: the program, absolute, and its arguments
    :param check: raises any exception while the part does not answer as it should; runs in a thread; is given the
        seconds it may take for each request
    :param prepare: runs in a thread before each start; an exception counts as a failed start
    :param after: names of the parts that must be healthy before this one starts for the first time
    :param stop_signal: asks the part's first process to stop; also sent when the supervisor dies
    :param patience: seconds from that signal to SIGKILL for everything that is left
    :param grace: seconds from its start in which a part may be unhealthy before it is restarted
    :param interval: seconds between two checks while it is healthy
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    check: Callable[[float], None]
    prepare: Callable[[], None] = _nothing
    after: tuple[str, ...] = ()
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_rank: int = 0
    patience: float = 10.0
    grace: float = 300.0  # a crowded machine needs minutes for what takes seconds; killing would begin anew
    interval: float = 5.0
    url: str | None = None

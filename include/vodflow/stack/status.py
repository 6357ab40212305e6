"""What is known of each part, as the supervisor writes it down and others read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from vodflow.stack.config import write_private
from vodflow.stack.home import Home


class PartState(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """One part.

    :param started: seconds since the epoch
    :param restarts: how often it was started again, or failed to start, since the stack came up
    :param memory: bytes of all its processes (proportional set size); only where it was measured
    :param detail: why it is not healthy
    """

    name: str
    state: PartState
    pid: int | None = None
    started: float | None = None
    restarts: int = 0
    url: str | None = None
    detail: str = ""
    memory: int | None = None


@dataclass(frozen=True)
class StackStatus:
    """The whole stack.

    :param running: whether its supervisor is alive
    """

    running: bool
    parts: tuple[PartStatus, ...] = field(default=())

    @property
    def healthy(self) -> bool:
        """Whether every part answers."""
        return self.running and bool(self.parts) and all(part.state is PartState.HEALTHY for part in self.parts)


def write_status(home: Home, parts: tuple[PartStatus, ...]) -> None:
    """Publish the parts' states for ``vodflow status``."""
    write_private(home.status_file, json.dumps([asdict(part) for part in parts]))


def read_status(home: Home) -> StackStatus:
    """The last published states; nothing counts as running when the supervisor is dead."""
    running = home.is_supervised()
    try:
        items = json.loads(home.status_file.read_text())
        parts = tuple(PartStatus(**{**item, "state": PartState(item["state"])}) for item in items)
    except (OSError, ValueError, TypeError, KeyError):
        parts = ()
    return StackStatus(running, parts if running else ())

"""One round of sensing: take in what events told, sweep when it is time, start what is registered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vodflow.catalog.locks import try_lock
from vodflow.sensing.dispatch import Finder, Starter, dispatch
from vodflow.sensing.intake import DRAIN_LIMIT, IntakeResult, take_in
from vodflow.sensing.queue import Message
from vodflow.sensing.sweep import SweepResult, sweep
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)


@dataclass(slots=True)
class IngestResult:
    """What one round did; ``swept`` is none when it did not sweep.

    :param started: runs started (or found started) for sources
    """

    intake: IntakeResult = field(default_factory=IntakeResult)
    swept: SweepResult | None = None
    started: int = 0

    def summary(self) -> dict[str, int]:
        """Counts for people and XCom."""
        swept = self.swept or SweepResult()
        return {
            "messages": self.intake.messages,
            "registered_by_events": len(self.intake.registered),
            "problems": self.intake.problems,
            "postponed": self.intake.postponed,
            "objects_swept": swept.objects,
            "registered_by_sweep": swept.registered,
            "started": self.started,
        }


def ingest(
    starter: Starter,
    *,
    finder: Finder | None = None,
    messages: Callable[[], Sequence[Message]] = list,
    sweeping: bool = False,
    prefix: str = "",
    settings: Settings | None = None,
) -> IngestResult:
    """One round. Any number of rounds may run at once; what one leaves undone the next one does.

    :param starter: starts the run of one source; returns normally as well when it exists
    :param finder: says whether started runs are there; none means that they are
    :param messages: what woke this round, and at each further call what came since; the event queue is emptied besides
    :param sweeping: list the watched places too, unless another round is doing so
    :param prefix: sweep only keys that begin with it
    """
    used = settings or get_settings()
    counted = IngestResult()

    def start(new: list[int]) -> None:
        # At once and only these: a new upload must not wait behind the backlog of a sweep.
        counted.started += dispatch(starter, finder=finder, ids=new, settings=used)

    while counted.intake.messages < DRAIN_LIMIT:
        before = counted.intake.messages
        take_in(messages(), counted.intake, on_registered=start, settings=used)
        if counted.intake.messages == before:
            break
    if sweeping:
        with try_lock("vodflow.sweep", used) as mine:
            if mine:
                counted.swept = sweep(prefix=prefix, on_registered=start, settings=used)
            else:
                log.info("Another run is sweeping; this one leaves it to that")
    with try_lock("vodflow.dispatch", used) as mine:
        if mine:
            counted.started += dispatch(starter, finder=finder, settings=used)
    return counted

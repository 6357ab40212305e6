"""What can be done about a video in each of its states. Pure."""

from __future__ import annotations

from typing import Final

from vodflow.catalog.states import FINISHED, JobStatus, SourceStatus

_OPEN_JOB: Final = frozenset(JobStatus) - FINISHED

#: Statuses by the words that people choose from.
GROUPS: Final[dict[str, frozenset[str]]] = {
    "running": frozenset({JobStatus.SUBMITTED, JobStatus.PROGRESSING, JobStatus.VERIFYING}),
    "waiting": frozenset({JobStatus.QUEUED, SourceStatus.DISCOVERED, SourceStatus.DISPATCHED, SourceStatus.PROBED}),
    "published": frozenset({JobStatus.PUBLISHED}),
    "failed": frozenset({JobStatus.FAILED}),
    "rejected": frozenset({JobStatus.REJECTED}),
    "canceled": frozenset({JobStatus.CANCELED}),
    "unreadable": frozenset({SourceStatus.UNREADABLE}),
}

#: What is done to a video, by action: the statuses in which it can be.
_ALLOWED: Final[dict[str, frozenset[str]]] = {
    "retry": frozenset({JobStatus.FAILED, JobStatus.CANCELED, SourceStatus.UNREADABLE}),
    "cancel": _OPEN_JOB | {SourceStatus.DISPATCHED, SourceStatus.PROBED},
    "priority": _OPEN_JOB,
}


def can(action: str, status: str) -> bool:
    """Whether an action makes sense in a status."""
    return status in _ALLOWED[action]

"""The words of the catalog: statuses, and which change of a job's status is allowed.

The database enforces :data:`JOB_TRANSITIONS` by a trigger (see the migrations); this copy is for people, for docs
and for the test that compares the two over every pair.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class SourceStatus(StrEnum):
    """How far one version of a source object is. REJECTED judges its bytes and stays; UNREADABLE passes."""

    DISCOVERED = "DISCOVERED"
    DISPATCHED = "DISPATCHED"
    PROBED = "PROBED"
    REJECTED = "REJECTED"
    UNREADABLE = "UNREADABLE"


class DiscoveredBy(StrEnum):
    """Who told us about a source."""

    EVENT = "event"
    SWEEP = "sweep"
    MANUAL = "manual"
    SENSOR = "sensor"


class JobStatus(StrEnum):
    """How far a job is."""

    QUEUED = "QUEUED"
    SUBMITTED = "SUBMITTED"
    PROGRESSING = "PROGRESSING"
    VERIFYING = "VERIFYING"
    PUBLISHED = "PUBLISHED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


_Q, _S, _P, _V = JobStatus.QUEUED, JobStatus.SUBMITTED, JobStatus.PROGRESSING, JobStatus.VERIFYING
_PUB, _R, _F, _C = JobStatus.PUBLISHED, JobStatus.REJECTED, JobStatus.FAILED, JobStatus.CANCELED

#: Allowed changes. Back to QUEUED is a retry: after a failure, a cancellation or a crash of the worker.
JOB_TRANSITIONS: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    _Q: frozenset({_S, _P, _C, _F, _R}),
    _S: frozenset({_P, _F, _C, _R, _Q}),
    _P: frozenset({_V, _F, _C, _R, _Q}),
    _V: frozenset({_PUB, _F, _C, _Q}),
    _F: frozenset({_Q}),
    _C: frozenset({_Q}),
    _PUB: frozenset(),
    _R: frozenset(),
}

#: A job in one of these is over, until somebody queues it again.
FINISHED: Final = frozenset({_PUB, _R, _F, _C})

#: A job in one of these has a worker, or had one that crashed.
ACTIVE: Final = frozenset({_S, _P, _V})


class PartState(StrEnum):
    """How far a part of a divided job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class MeasurementState(StrEnum):
    """What became of the measurement of a job's quality."""

    MEASURED = "measured"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class ArtifactKind(StrEnum):
    """What an artifact is for."""

    HLS = "hls"
    DASH = "dash"
    MP4 = "mp4"
    THUMBNAIL = "thumbnail"
    POSTER = "poster"
    CAPTION = "caption"
    MANIFEST = "manifest"


class DeliveryStatus(StrEnum):
    """What became of one notification for one channel."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"


class TenantStatus(StrEnum):
    """Whether a tenant may use the installation."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"


class UploadStatus(StrEnum):
    """What became of an upload."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    REFUSED = "REFUSED"
    CANCELED = "CANCELED"
    ABANDONED = "ABANDONED"


class ImportStatus(StrEnum):
    """What became of an import by URL."""

    QUEUED = "QUEUED"
    FETCHING = "FETCHING"
    COMPLETED = "COMPLETED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

"""What MediaConvert says of a job, without its settings: small enough to keep thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

INTERMEDIATE_STATES: Final = ("SUBMITTED", "PROGRESSING")
FAILURE_STATES: Final = ("ERROR", "CANCELED")
SUCCESS_STATES: Final = ("COMPLETE",)


@dataclass(frozen=True)
class Snapshot:
    """What MediaConvert says of a job at one moment.

    :param percent: 0 to 100; none while the service cannot tell
    :param phase: PROBING, TRANSCODING or UPLOADING
    :param created: seconds since the epoch; also ``started`` and ``finished``
    :param outputs: ``OutputGroupDetails``: durations and sizes, not paths
    """

    job_id: str
    status: str
    phase: str | None = None
    percent: int | None = None
    code: int | None = None
    message: str | None = None
    queue: str | None = None
    created: float | None = None
    started: float | None = None
    finished: float | None = None
    warnings: tuple[Mapping[str, int], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    outputs: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Snapshot:
        """From a ``Job`` as boto3 returns it."""
        timing = job.get("Timing") or {}
        return cls(
            job_id=job["Id"],
            status=job.get("Status", "SUBMITTED"),
            phase=job.get("CurrentPhase"),
            percent=job.get("JobPercentComplete"),
            code=job.get("ErrorCode"),
            message=job.get("ErrorMessage"),
            queue=job.get("Queue"),
            created=_seconds(job.get("CreatedAt") or timing.get("SubmitTime")),
            started=_seconds(timing.get("StartTime")),
            finished=_seconds(timing.get("FinishTime")),
            warnings=tuple(job.get("Warnings") or ()),
            metadata=dict(job.get("UserMetadata") or {}),
            outputs=tuple(job.get("OutputGroupDetails") or ()),
        )

    @property
    def ended(self) -> bool:
        return self.status in FAILURE_STATES or self.status in SUCCESS_STATES


def _seconds(value: datetime | float | None) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else value

"""Job events in EventBridge's shape. Pure: the outbox sends them (see :mod:`.outbox`).

Shapes: AWS Elemental MediaConvert User Guide, "List of MediaConvert EventBridge events".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from local_mediaconvert.arns import Account

DETAIL_TYPE: Final = "MediaConvert Job State Change"
SOURCE: Final = "aws.mediaconvert"

PHASES: Final = ("PROBING", "TRANSCODING", "UPLOADING")


def event(account: Account, job: Mapping[str, Any], status: str, now: float, **detail: Any) -> dict[str, Any]:
    """One event.

    :param job: names of the wire: id, arn, queue, userMetadata
    :param status: PROGRESSING, STATUS_UPDATE, INPUT_INFORMATION, NEW_WARNING, QUEUE_HOP, COMPLETE, ERROR, CANCELED
    :param now: seconds since the epoch
    :param detail: what this status carries beside that
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": account.number,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": account.region,
        "resources": [job["arn"]],
        "detail": {
            "timestamp": int(now * 1000),
            "accountId": account.number,
            "queue": job["queue"],
            "jobId": job["id"],
            "status": status,
            "userMetadata": dict(job.get("userMetadata", {})),
            **detail,
        },
    }


def job_progress(phase: str, percent: int, job_percent: int, retries: int) -> dict[str, Any]:
    """``jobProgress`` of a STATUS_UPDATE.

    :param percent: of the phase
    :param job_percent: of the job
    """
    place = PHASES.index(phase)
    states = ["COMPLETE"] * place + ["PROGRESSING"] + ["PENDING"] * (len(PHASES) - place - 1)
    shares = [100] * place + [percent] + [0] * (len(PHASES) - place - 1)
    return {
        "phaseProgress": {
            name: {"status": state, "percentComplete": share}
            for name, state, share in zip(PHASES, states, shares, strict=True)
        },
        "jobPercentComplete": job_percent,
        "currentPhase": phase,
        "retryCount": retries,
    }

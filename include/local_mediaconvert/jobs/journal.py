"""Changes of jobs and their events, always together in one transaction."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from local_mediaconvert.arns import Account
from local_mediaconvert.jobs.events import event
from local_mediaconvert.jobs.jobs import Document, Jobs
from local_mediaconvert.jobs.outbox import Outbox
from local_mediaconvert.jobs.store import Store

log = logging.getLogger(__name__)

#: Statuses that a job does not leave.
FINAL = frozenset({"COMPLETE", "CANCELED", "ERROR"})


class Journal:
    """The life of jobs after CreateJob. Every method may be called from any thread."""

    def __init__(self, store: Store, account: Account, jobs: Jobs, outbox: Outbox) -> None:
        self._store = store
        self._account = account
        self._jobs = jobs
        self._outbox = outbox

    def begin(self, job_id: str) -> Document | None:
        """A job's turn has come, or it runs again after an interruption; none when it was canceled meanwhile."""
        with self._store.transaction():
            job = self._jobs.get(job_id)
            again = job["status"] == "PROGRESSING"
            if again:
                return self._jobs.update(
                    job_id, {"retryCount": job["retryCount"] + 1, "currentPhase": "PROBING", "jobPercentComplete": 0}
                )
            changed = self._jobs.update(
                job_id,
                {
                    "status": "PROGRESSING",
                    "currentPhase": "PROBING",
                    "jobPercentComplete": 0,
                    "timing": {**job["timing"], "startTime": int(time.time())},
                },
                only=("SUBMITTED",),
            )
            if changed is not None:
                self._tell(changed, "PROGRESSING")
        self._outbox.wake()
        return changed

    def progress(self, job_id: str, phase: str, percent: int) -> None:
        """Store how far a running job is.

        :param percent: of the whole job
        """
        self._jobs.update(job_id, {"currentPhase": phase, "jobPercentComplete": percent}, only=("PROGRESSING",))

    def tell(self, job_id: str, status: str, **detail: Any) -> None:
        """Send an event that changes nothing, as long as the job runs."""
        with self._store.transaction():
            job = self._jobs.get(job_id)
            if job["status"] == "PROGRESSING":
                self._tell(job, status, **detail)
        self._outbox.wake()

    def warn(self, job_id: str, code: int, message: str) -> None:
        """Note a warning: its group in ``warnings``, its text in ``messages``, and an event."""
        with self._store.transaction():
            job = self._jobs.get(job_id)
            if job["status"] in FINAL:
                return
            groups = Counter({item["code"]: item["count"] for item in job.get("warnings", [])})
            groups[code] += 1
            texts = job["messages"]["warning"]
            changed = self._jobs.update(
                job_id,
                {
                    "warnings": [{"code": number, "count": count} for number, count in sorted(groups.items())],
                    "messages": {**job["messages"], "warning": [*texts, message] if message not in texts else texts},
                },
            )
            if changed is not None:
                self._tell(changed, "NEW_WARNING", warningCode=f"{code:06}", warningMessage=message)
        self._outbox.wake()

    def hop(self, job_id: str, queue_arn: str, priority: int | None) -> None:
        """Move a waiting job to another queue.

        :param priority: its priority there; none keeps it
        """
        with self._store.transaction():
            job = self._jobs.get(job_id)
            priority = job["priority"] if priority is None else priority
            transition = {
                "sourceQueue": job["queue"], "destinationQueue": queue_arn, "timestamp": int(time.time())
            }  # fmt: skip
            changed = self._jobs.update(
                job_id,
                {
                    "queue": queue_arn,
                    "priority": priority,
                    "queueTransitions": [*job["queueTransitions"], transition],
                },
                only=("SUBMITTED",),
            )
            if changed is not None:
                self._tell(
                    changed,
                    "QUEUE_HOP",
                    priority=priority,
                    previousQueue=job["queue"],
                    previousPriority=job["priority"],
                )
        self._outbox.wake()

    def complete(self, job_id: str, groups: list[Document], event_groups: list[Document]) -> None:
        """Everything is written.

        :param groups: ``outputGroupDetails`` of the job, names of the wire
        :param event_groups: the same of the event
        """
        changes = {
            "status": "COMPLETE",
            "currentPhase": "UPLOADING",
            "jobPercentComplete": 100,
            "outputGroupDetails": groups,
        }
        self._end(job_id, changes, ("PROGRESSING",), outputGroupDetails=event_groups)

    def fail(self, job_id: str, code: int, message: str) -> None:
        """The job cannot be carried out."""
        changes = {"status": "ERROR", "errorCode": code, "errorMessage": message}
        self._end(job_id, changes, ("SUBMITTED", "PROGRESSING"), errorCode=code, errorMessage=message)

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that has not ended; whether it was one."""
        return self._end(job_id, {"status": "CANCELED"}, ("SUBMITTED", "PROGRESSING"))

    def _end(self, job_id: str, changes: Mapping[str, Any], only: Sequence[str], **detail: Any) -> bool:
        with self._store.transaction():
            job = self._jobs.get(job_id)
            accelerated = job["accelerationStatus"]
            changed = self._jobs.update(
                job_id,
                {
                    **changes,
                    "accelerationStatus": "NOT_ACCELERATED" if accelerated == "IN_PROGRESS" else accelerated,
                    "timing": {**job["timing"], "finishTime": int(time.time())},
                },
                only=only,
            )
            if changed is not None:
                if changed["status"] == "COMPLETE" and changed.get("warnings"):
                    detail["warnings"] = changed["warnings"]
                self._tell(changed, changed["status"], **detail)
        self._outbox.wake()
        return changed is not None

    def _tell(self, job: Document, status: str, **detail: Any) -> None:
        said = detail.get("errorMessage") or detail.get("warningMessage") or ""
        log.log(logging.DEBUG if status == "STATUS_UPDATE" else logging.INFO, "%s %s %s", job["id"], status, said)
        self._outbox.put(event(self._account, job, status, time.time(), **detail))

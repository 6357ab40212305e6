"""Jobs that an engine has ended because of their source: what comes behind it has nothing to do, and says why."""

from __future__ import annotations

from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.errors import InputRejected, RejectionReason, SourceUnreadable, UnreadableReason


def raise_for_source(job: JobRow) -> None:
    """Nothing, unless the job's source was found to be at fault.

    :raises InputRejected: an engine has found it damaged
    :raises SourceUnreadable: it went away before an engine was done
    """
    if job.status == JobStatus.REJECTED:
        raise InputRejected(RejectionReason(str(job.error_code)), str(job.error_message))
    if job.status == JobStatus.FAILED and job.result is None and job.error_code in set(UnreadableReason):
        reason = UnreadableReason(str(job.error_code))
        raise SourceUnreadable(reason, str(job.error_message).removeprefix(f"{reason}: "))

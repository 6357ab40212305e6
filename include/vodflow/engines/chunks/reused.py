"""Whether what a job's next try is to take of its own outputs is still as it was made."""

from __future__ import annotations

import logging

from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.planning.reuse import remake
from vodflow.storage.copies import Outputs

log = logging.getLogger(__name__)


def check_reused(job: JobRow, actor: str) -> JobRow:
    """The job; what it was to take and is gone or damaged since is encoded with the rest. Says what is taken, and why.

    :raises EngineError: when S3 does not answer (retryable)
    """
    strategy = job.plan.strategy
    checksums = {item.mp4: item.checksums for item in strategy.reused if item.checksums}
    if not checksums:  # nothing, or an older plan's, which is public
        return job
    there = Outputs(job.bucket, job.prefix).unchanged(checksums)
    if lost := sorted(set(checksums) - there):
        strategy = remake(
            job.plan,
            job.bucket,
            job.prefix,
            left={item.track for item in strategy.reused if item.mp4 in there},
            pictures=strategy.pictures is not None,
            checksums={name: checksums[name] for name in there},
            cause=f"{', '.join(lost)} of an earlier try cannot be taken any more",
        )
        with transaction(actor) as connection:
            job = jobs.replan(connection, job.id, job.plan, strategy)
    log.info("Job %d: %s", job.id, strategy.reason)
    return job

"""One part of a divided job, made by a pod of its own, as tasks call it.

::

    submit_part ──▶ row, plan in S3, pod ──▶ wait_for_part (the shared watch) ──▶ collect_part ──▶ pods deleted
                                                 │   └──▶ start_second (the part is late)
                                                 └──▶ cancel_part

The attempt is written to the catalog first, then its pod is made: whoever comes after a crash finds both, or makes what
is missing. An attempt at a part that fails costs that part alone another try.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from vodflow.catalog import jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.locks import try_lock
from vodflow.catalog.parts import PartRow
from vodflow.catalog.recording import record
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus, PartState
from vodflow.contract.parts import Part, PartRecord
from vodflow.engines.chunks.steps import end_with_part, keep_part, open_part, required_part
from vodflow.engines.chunks.stored import stored_record
from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.part_pods import PartPods, had_too_little_memory
from vodflow.engines.kubernetes.verdict import StillRunning, made_nothing
from vodflow.errors import EngineCanceled, EngineError, JobBusy, VodflowError
from vodflow.outcomes.announce import announce
from vodflow.storage.readability import cause_of

log = logging.getLogger(__name__)

#: Why an attempt has made nothing, and what is known of it.
_End = tuple[VodflowError, dict[str, str]]


@dataclass(frozen=True)
class _Known:
    """A part as the catalog knows it, and its pods."""

    job: JobRow
    part: Part
    row: PartRow | None
    pods: PartPods

    @classmethod
    def of(cls, connection: Connection, job_id: int, name: str, cluster: Cluster | None) -> _Known:
        job = jobs.get_job(connection, job_id)
        part = required_part(job, name)
        row = part_rows.find_part_row(connection, job_id, name)
        return cls(job, part, row, PartPods(job, part, cluster or Cluster.of()))


def submit_part(job_id: int, name: str, *, run_id: str, last_try: bool = True, cluster: Cluster | None = None) -> bool:
    """Have a pod make a part of a job, once; whether it is to be waited for.

    :param name: of the part
    :param last_try: nobody tries again: the job fails with the part
    :raises ConfigurationError: no cluster, no namespace, no permission, a wrong template; recorded
    :raises EngineUnavailable: the cluster does not answer, or a quota is used up (retryable)
    :raises JobBusy: another process submits this part just now (retryable)
    """
    actor = f"part:{run_id}"
    with try_lock(f"vodflow.part.{job_id}.{name}") as mine:
        if not mine:
            raise JobBusy(f"{name} of job {job_id} is being submitted by another process.", job_id=job_id)
        with transaction(actor) as connection:
            found = open_part(connection, job_id, name, run_id)
        if found is None:
            return False
        job, part, row = found
        if stored_record(job.plan, part, job.bucket, job.prefix) is not None:
            log.info("Job %d: %s is made already", job_id, part.title)
            return False
        if row is not None and row.live and row.worker is not None:
            log.info("Job %d: goes on with %s, which makes %s", job_id, row.worker, part.title)
            return True
        attempt = row.live[-1] if row is not None and row.live else _begin(actor, job, part)
        try:
            _make_pod(actor, PartPods(job, part, cluster or Cluster.of()), attempt)
        except VodflowError as error:
            failure = cause_of(error, job.plan.source)
            if failure.shared_cause is None:  # else the same attempt goes on when that is over
                _fail(actor, job, part, {attempt: (failure, {})}, last_try=last_try)
            raise failure from failure.__cause__
    return True


def start_second(job_id: int, name: str, *, node: str | None = None, cluster: Cluster | None = None) -> int | None:
    """Start a late part a second time, beside the pod that works at it; which attempt that is, none where it failed.

    The first of the two to end is kept, and nobody waits for the other.

    :param node: where the first one is; the second one goes elsewhere where there is elsewhere
    """
    actor = "part-late"
    try:
        with transaction(actor) as connection:
            known = _Known.of(connection, job_id, name, cluster)
        attempt = _begin(actor, known.job, known.part, beside=True)
        try:
            _make_pod(actor, known.pods, attempt, node)
        except VodflowError as error:
            _fail(actor, known.job, known.part, {attempt: (error, {})})
            raise
    except VodflowError as error:
        log.warning("Job %d: %s is not started a second time: %s", job_id, name, error)
        return None
    return attempt


def collect_part(
    job_id: int,
    name: str,
    *,
    run_id: str,
    last_try: bool = True,
    given_up: VodflowError | None = None,
    cluster: Cluster | None = None,
) -> None:
    """Record how a part's pods ended, and remove them; again and again the same.

    :param last_try: nobody tries again: the job fails with the part
    :param given_up: why nobody waits any longer, when a pod may not be over; recorded unless it is
    :raises InputRejected: the source turned out to be damaged; recorded
    :raises EngineError: the pod failed, was lost, or works still; recorded
    :raises ConfigurationError: the pod can never start; recorded
    """
    actor = f"part:{run_id}"
    with transaction(actor) as connection:
        known = _Known.of(connection, job_id, name, cluster)
    job, part, row = known.job, known.part, known.row
    made = stored_record(job.plan, part, job.bucket, job.prefix)
    if job.status in {JobStatus.VERIFYING, JobStatus.PUBLISHED}:
        known.pods.delete()
    elif made is not None:
        _keep(actor, known, made)
    elif row is None or not row.live:
        raise EngineError(f"The pods of {part.title} were removed meanwhile. Another one begins anew.", code="pod_gone")
    else:
        _collect_failure(actor, known, row, given_up, last_try=last_try)


def cancel_part(job_id: int, name: str, *, actor: str = "cancel", cluster: Cluster | None = None) -> bool:
    """Stop making a part, and cancel its job, which is nothing without it; true when there was a pod.

    Other parts go on, and are found made when the job is tried again.

    :raises EngineUnavailable: the cluster does not answer (retryable)
    """
    with transaction(actor) as connection:
        known = _Known.of(connection, job_id, name, cluster)
    job = known.job
    stopped = known.pods.delete()

    def write(connection: Connection) -> None:
        row = part_rows.find_part_row(connection, job_id, name)
        error = EngineCanceled(f"Cancelled while {known.part.title} was made.", code="canceled")
        for attempt in row.live if row is not None else ():
            part_rows.fail_part(connection, job_id, name, attempt, error, worker=known.pods.worker(attempt))
        jobs.cancel_job(connection, job_id)

    record(actor, write)
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
    log.info("Job %d: %s is cancelled; %d pods were deleted", job_id, known.part.title, stopped)
    return stopped > 0


def lose_attempt(job_id: int, name: str, attempt: int, *, cluster: Cluster | None = None) -> None:
    """Note that one of two attempts at a part has ended without making it; the other one goes on."""
    with transaction("part-late") as connection:
        known = _Known.of(connection, job_id, name, cluster)
    failure, facts = _why(known, attempt)
    if not isinstance(failure, StillRunning):
        log.info("Job %d: %s, attempt %d: %s", job_id, known.part.title, attempt, failure)
        _fail("part-late", known.job, known.part, {attempt: (failure, facts)})
        known.pods.cluster.delete(known.pods.name(attempt))


def _begin(actor: str, job: JobRow, part: Part, *, beside: bool = False) -> int:
    with transaction(actor) as connection:
        return part_rows.begin_part(connection, job.id, job.plan, part, None, beside=beside)


def _make_pod(actor: str, pods: PartPods, attempt: int, node: str | None = None) -> None:
    job, name = pods.job, pods.part.name
    with transaction(actor) as connection:
        row = part_rows.find_part_row(connection, job.id, name)
    pods.create(attempt, row.failures if row else (), avoid=[node] if node else ())
    record(actor, lambda connection: part_rows.assign_part(connection, job.id, name, attempt, pods.worker(attempt)))


def _keep(actor: str, known: _Known, made: PartRecord) -> None:
    """Record a part that is in S3, and who of its attempts has made it; stop the others."""
    job, part, row, pods = known.job, known.part, known.row, known.pods
    if row is None:  # of another catalog
        _begin(actor, job, part)
    live = row.live if row is not None else ()
    winner = next((one for one in live if _has_made(pods, one, made)), None)
    if row is None or row.state != PartState.DONE:
        worker = pods.worker(winner) if winner is not None else None
        keep_part(actor, job, part, made, attempt=winner, worker=worker)
        for attempt in live if winner is not None else ():
            if attempt != winner:
                log.info("Job %d: pod %s is stopped: %s was done first", job.id, pods.worker(attempt), worker)
    pods.keep_logs(live)
    pods.delete()
    if len(live) > 1:
        pods.wait_until_gone()


def _has_made(pods: PartPods, attempt: int, made: PartRecord) -> bool:
    said = pods.report(attempt)
    return isinstance(said, PartRecord) and said.folder == made.folder


def _collect_failure(actor: str, known: _Known, row: PartRow, given_up: VodflowError | None, *, last_try: bool) -> None:
    ends = {attempt: _why(known, attempt) for attempt in row.live}
    running = [failure for failure, _ in ends.values() if isinstance(failure, StillRunning)]
    if running and (given_up is None or given_up.shared_cause is not None):
        raise given_up or running[0]
    if running and given_up is not None:
        ends = {attempt: (given_up, facts) for attempt, (_, facts) in ends.items()}
    last = row.live[-1]
    failure = cause_of(ends[last][0], known.job.plan.source)
    _fail(actor, known.job, known.part, ends | {last: (failure, ends[last][1])}, last_try=last_try)
    # Whoever asked must hear why it failed, not that something is left.
    with suppress(VodflowError):
        known.pods.keep_logs(row.live)
        known.pods.delete()
    raise failure from failure.__cause__


def _why(known: _Known, attempt: int) -> _End:
    """Why an attempt has made nothing, and where it was."""
    pods = known.pods
    pod = pods.cluster.read(pods.name(attempt))
    said = pods.report(attempt)
    error = made_nothing(
        pods.cluster,
        pods.name(attempt),
        pod,
        said if isinstance(said, VodflowError) else None,
        more_memory=had_too_little_memory(known.row.failures if known.row else ()),
    )
    node = ((pod or {}).get("spec") or {}).get("nodeName")
    return error, {"worker": pods.worker(attempt), **({"node": node} if node else {})}


def _fail(actor: str, job: JobRow, part: Part, ends: Mapping[int, _End], *, last_try: bool | None = None) -> None:
    """Record how attempts failed; end the job with the last one, unless it is tried again.

    :param last_try: nobody tries again; none where another attempt goes on
    """

    def write(connection: Connection) -> None:
        for attempt, (error, facts) in ends.items():
            part_rows.fail_part(connection, job.id, part.name, attempt, error, **facts)

    record(actor, write)
    error = ends[max(ends)][0]
    if last_try is not None and error.shared_cause is None and (last_try or not error.retryable):
        end_with_part(actor, job, error)

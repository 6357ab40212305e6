"""After MediaConvert: hear how its job ended, and bring what it wrote into the layout."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from vodflow.catalog import attempts, engine_events, jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.contract.content_keys import label_of
from vodflow.contract.result import EngineResult
from vodflow.engines.mediaconvert import events
from vodflow.engines.mediaconvert.charge import charged
from vodflow.engines.mediaconvert.client import MediaConvert
from vodflow.engines.mediaconvert.events import EventKind
from vodflow.engines.mediaconvert.failures import job_failure
from vodflow.engines.mediaconvert.files.collection import finish, left_over, plan_collection
from vodflow.engines.mediaconvert.request.encryption import resource_id
from vodflow.engines.mediaconvert.snapshot import FAILURE_STATES, Snapshot
from vodflow.engines.mediaconvert.submit import ENGINE, options_of, require_current
from vodflow.errors import CatalogError, EngineError, SourceNotFound, VodflowError
from vodflow.keys import adopt_keys
from vodflow.media.cenc import read_header
from vodflow.outcomes.announce import announce
from vodflow.settings.encode_options import Storage
from vodflow.storage.copies import Outputs
from vodflow.storage.objects import list_objects
from vodflow.storage.readability import cause_of
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)


def collect_job(job_id: int, *, run_id: str | None = None, given_up: VodflowError | None = None) -> None:
    """Bring the outputs of a job that MediaConvert has ended into the layout; again and again the same.

    :param run_id: the run that asks, for the records
    :param given_up: why nobody waits any longer, when the job may not be over; recorded unless it is
    :raises InputRejected: the source turned out to be damaged; recorded
    :raises EngineCanceled: somebody cancelled MediaConvert's job; recorded
    :raises EngineError: it failed, is not done yet, or its outputs are missing; recorded with its class
    """
    actor = f"collect:{run_id or 'library'}"
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
        attempt = submissions.last_attempt(connection, job_id, ENGINE)
    working_for(job.tenant)
    if job.status == JobStatus.PUBLISHED:
        return
    if job.status == JobStatus.VERIFYING and job.result is not None:
        log.info("job %d: the outputs are collected already", job_id)
        _remove_originals(job, job.result)
        return
    if attempt is None or attempt.external_id is None or attempt.outcome is not None:
        raise CatalogError(f"Job {job_id} has no MediaConvert job to collect; clear its task and run it again.")
    try:
        ending = _ending(job, attempt, attempt.external_id, MediaConvert.of())
        require_current(job.plan.source)
        result = _Collector(job, attempt, ending).run()
        cost = charged(job, attempt, ending[0])
    except VodflowError as error:
        if isinstance(error, _StillRunning) and given_up is None:
            raise
        failure = given_up if given_up is not None and isinstance(error, _StillRunning) else error
        failure = cause_of(failure, job.plan.source)
        record(actor, lambda connection: jobs.end_job(connection, job_id, failure))
        announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
        raise failure from failure.__cause__
    record(actor, lambda connection: _store(connection, job_id, attempt.id, result, cost))
    # Only now: as long as the result is not kept, everything can be done once more from the originals.
    _remove_originals(job, result)


def interrupt_job(job_id: int, *, actor: str = "interrupt") -> None:
    """Note that collecting was stopped from outside; the next try goes on with what MediaConvert has made."""
    error = EngineError(
        f"Job {job_id} was stopped while its outputs were collected; another try goes on from there.",
        job_id=job_id,
        code="interrupted",
    )
    record(actor, lambda connection: _interrupt(connection, job_id, error))


def _interrupt(connection: Connection, job_id: int, error: EngineError) -> None:
    if jobs.get_job(connection, job_id).status in {JobStatus.SUBMITTED, JobStatus.PROGRESSING}:
        jobs.fail_job(connection, job_id, error)


def _remove_originals(job: JobRow, result: EngineResult) -> None:
    kept = [*(item.name for item in result.objects), layout.MANIFEST]
    Outputs(job.bucket, job.prefix).delete(left_over(list_objects(job.bucket, job.prefix), kept))


class _StillRunning(EngineError):
    """The job is not over; nothing failed."""


def _store(connection: Connection, job_id: int, attempt_id: int, result: EngineResult, cost: Decimal | None) -> None:
    row = jobs.locked_job(connection, job_id)
    if row.status == JobStatus.VERIFYING and row.result == result:
        return  # stored by a try whose answer was lost
    if not attempts.is_running(connection, attempt_id):
        raise CatalogError(
            f"Job {job_id} was ended or begun anew while its outputs were collected; they are not taken.", job_id=job_id
        )
    if row.status == JobStatus.SUBMITTED:  # no event and no poll ever said that it had begun
        jobs.set_status(connection, job_id, JobStatus.PROGRESSING)
    jobs.store_result(connection, job_id, result, cost=cost)


def _ending(job: JobRow, attempt: AttemptRow, external_id: str, service: MediaConvert) -> tuple[Snapshot, Any]:
    """How MediaConvert's job ended, and what its COMPLETE event said, if one came.

    :raises VodflowError: when it failed, or is not over
    """
    with transaction("collect") as connection:
        complete = engine_events.details_of(connection, ENGINE, external_id, EventKind.COMPLETE)
    try:
        seen = service.look(external_id)
    except VodflowError as error:
        if not complete:
            raise
        log.warning("job %d: %s; its COMPLETE event is enough", job.id, error)
        seen = Snapshot(external_id, "COMPLETE")
    if seen.status in FAILURE_STATES:
        raise job_failure(external_id, seen.status, code=seen.code, message=seen.message, catalog_id=job.id)
    if not seen.ended and not complete:
        raise _StillRunning(
            f"MediaConvert's job {external_id} is {seen.status} and not to be collected yet.",
            job_id=job.id,
            code="still_running",
        )
    log.info("job %d: MediaConvert's job %s is complete (attempt %d)", job.id, external_id, attempt.number)
    return seen, complete[-1] if complete else {}


class _Collector:
    def __init__(self, job: JobRow, attempt: AttemptRow, ending: tuple[Snapshot, Mapping[str, Any]]) -> None:
        self.job = job
        self.plan = job.plan
        self.options = options_of(attempt)
        self.seen, self.complete = ending
        self.outputs = Outputs(job.bucket, job.prefix, stored=_stored(self.options.storage))
        self.external_id = str(attempt.external_id)

    def run(self) -> EngineResult:
        began = time.monotonic()
        job = self.job
        listing = list_objects(job.bucket, job.prefix)
        try:
            found = plan_collection(self.plan, self.options, listing, self._reported())
            finished = finish(self.plan, self.options, found, self.outputs.read(found.texts))
            objects = self.outputs.copy(found.copies, found.sizes)
            # Playlists after what they name; the master, which may replace MediaConvert's own, last of all.
            objects += [self.outputs.write(name, body) for name, body in finished.texts.items()]
            self._adopt_keys()
        except SourceNotFound as error:  # of an output that was there a moment ago
            raise EngineError(f"Outputs of job {job.id} disappear: {error}", job_id=job.id, code="outputs") from error
        seconds = round(time.monotonic() - began, 3)
        log.info("job %d: collected %d objects in %.1f s", job.id, len(objects), seconds)
        encode = self._encode_seconds()
        return EngineResult(
            bucket=job.bucket,
            prefix=job.prefix,
            objects=tuple(sorted(objects, key=lambda item: item.name)),
            tracks=finished.tracks,
            download_seconds=0,
            encode_seconds=encode,
            package_seconds=seconds,
            upload_seconds=0,
            wall_seconds=round(self._wall_seconds() + seconds, 3),
            cpu_seconds=0,
            speed=round(self.plan.media.duration / encode, 3) if encode else 0.0,
            warnings=self._warnings(),
        )

    def _adopt_keys(self) -> None:
        """Ask the DRM provider for the keys that MediaConvert has asked it for, so that outputs can be checked."""
        used = self.plan.packaging.encryption
        if used is None:
            return
        inits = {layout.cmaf_init(track): label_of(used, track) for track in layout.cmaf_tracks(self.plan)}
        found = {
            inits[name]: header.key_id
            for name, body in self.outputs.read(inits).items()
            if (header := read_header(body).defaults)
        }
        if clear := set(inits.values()) - set(found):
            raise EngineError(
                f"MediaConvert has left the {', '.join(sorted(clear))} tracks of job {self.job.id} in the clear.",
                job_id=self.job.id, code="outputs", retryable=False,
            )  # fmt: skip
        adopt_keys(self.plan, self.job.prefix, resource_id(self.plan), found)

    def _reported(self) -> list[str]:
        """Names below the prefix that the COMPLETE event gave."""
        base = f"s3://{self.job.bucket}/{self.job.prefix}/"
        uris = events.paths(events.output_groups(self.complete))
        return [uri.removeprefix(base) for uri in uris if uri.startswith(base)]

    def _encode_seconds(self) -> float:
        seen = self.seen
        if seen.started is None or seen.finished is None:
            return 0.0
        # The service tells times in whole seconds.
        return max(1.0, round(seen.finished - seen.started, 3))

    def _wall_seconds(self) -> float:
        seen = self.seen
        return 0.0 if seen.created is None or seen.finished is None else max(0.0, seen.finished - seen.created)

    def _warnings(self) -> tuple[str, ...]:
        with transaction("collect") as connection:
            told = engine_events.details_of(connection, ENGINE, self.external_id, EventKind.NEW_WARNING)
        texts = [events.warning_text(detail) for detail in told]
        codes = {str(detail.get("warningCode", "")).lstrip("0") for detail in told}
        # Warnings whose event was lost: the job itself has their codes and how often each came.
        texts += [
            f"MediaConvert warning {item.get('Code')}, {item.get('Count')} times"
            for item in self.seen.warnings
            if str(item.get("Code")).lstrip("0") not in codes
        ]
        return tuple(dict.fromkeys(texts))


def _stored(storage: Storage | None) -> dict[str, Any]:
    """What a copy must be told again, or it would be stored otherwise than MediaConvert was asked to."""
    if storage is None:
        return {}
    arguments: dict[str, Any] = {}
    if storage.kms_key:
        arguments |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": storage.kms_key}
    elif storage.encrypted:
        arguments["ServerSideEncryption"] = "AES256"
    if storage.storage_class:
        arguments["StorageClass"] = storage.storage_class
    if storage.acl:
        arguments["ACL"] = storage.acl.lower().replace("_", "-")
    return arguments

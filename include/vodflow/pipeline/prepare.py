"""First step: find out what came in, refuse by name what nobody can transcode, and open the job for the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, record_dead_letters, resolve_dead_letters
from vodflow.catalog.rows import JobRow, NewSource, SourceRow
from vodflow.catalog.states import DiscoveredBy, JobStatus, SourceStatus
from vodflow.catalog.work_list import source_of_run
from vodflow.contract.summaries import in_bytes, media_summary
from vodflow.errors import CatalogError, InputRejected, RejectionReason, SourceNotFound, VodflowError
from vodflow.media.preflight import check_limits, check_size
from vodflow.media.probe import probe
from vodflow.outcomes.announce import announce
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.rules import Places, Taken, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri, presigned_get, resolve_source

log = logging.getLogger(__name__)

_CAPITAL: Final = re.compile(r"(?<!^)[A-Z]")

#: The tenant of objects that no watch rule covers.
DEFAULT_TENANT = "default"


def prepare(params: Mapping[str, Any], run_id: str, *, first_try: bool = True, last_try: bool = True) -> JobRow:
    """:func:`prepare_job` for the Params of a run; a run that ends here is kept as a dead letter, and is in the report.

    :param first_try: whether no earlier try of this run can have left a dead letter
    :param last_try: whether an error that a retry might cure ends the run all the same
    :raises ConfigurationError: one sentence for each wrong Param, naming it
    """
    try:
        job = prepare_job(TranscodeRequest.from_params(params), run_id)
    except InputRejected:
        raise
    except Exception as error:
        if last_try or not getattr(error, "retryable", True):
            _keep_failed_run(params, run_id, error)
        raise
    if not first_try:
        with transaction(f"prepare:{run_id}") as connection:
            resolve_dead_letters(connection, FAILED_RUN, run_id, "a later try of the run went on")
    return job


def _keep_failed_run(params: Mapping[str, Any], run_id: str, error: Exception) -> None:
    """Nothing else in the catalog would tell of a run that opened no job."""
    try:
        with transaction(f"prepare:{run_id}") as connection:
            letter = NewDeadLetter(
                origin=FAILED_RUN,
                identity=run_id,
                code=_CAPITAL.sub(r"_\g<0>", type(error).__name__).lower(),
                message=str(error),
                payload={name: value for name, value in params.items() if value is not None},
                source_id=params.get("source_id") or source_of_run(connection, run_id),
            )
            record_dead_letters(connection, [letter])
    except VodflowError as trouble:
        log.warning("The catalog was not told that this run failed: %s", trouble)


def prepare_job(request: TranscodeRequest, run_id: str) -> JobRow:
    """Probe a source, plan what to make of it, and open the job, or find the one that did the same before.

    :param run_id: who asks, for the catalog's records
    :return: the job; its status is PUBLISHED when there is nothing left to transcode
    :raises InputRejected: recorded with its reason; no engine will see this source
    :raises SourceNotFound: a person named an object that does not exist
    :raises ConfigurationError: profile or engine are not to be had here
    :raises PlanError: this source and profile give no valid plan
    """
    job = plan_job(probe_source(request, run_id), request, run_id)
    if job.status == JobStatus.PUBLISHED:
        log.info("Job %d has made and published exactly this before: nothing is transcoded again", job.id)
    elif job.status == JobStatus.VERIFYING:
        log.info("Job %d is encoded already: its outputs are verified and published", job.id)
    else:
        log.info("Job %d: engine %s writes to s3://%s/%s", job.id, job.engine, job.bucket, job.prefix)
    return job


def probe_source(request: TranscodeRequest, run_id: str) -> int:
    """Probe a source, once for each version of an object.

    :param run_id: who asks, for the catalog's records
    :return: the source's id
    :raises InputRejected: recorded with its reason; no engine will see this source
    :raises SourceNotFound: a person named an object that does not exist
    """
    settings = get_settings()
    actor = f"probe:{run_id}"
    source = _find_or_register(request, run_id, settings)
    log.info("Source %d of tenant %s: %s, %s", source.id, source.tenant, source.ref.uri, in_bytes(source.size_bytes))
    if not request.force:
        if source.status == SourceStatus.REJECTED:
            raise InputRejected(RejectionReason(str(source.rejection_reason)), str(source.rejection_detail))
        if source.media_info is not None:
            log.info("Probed before: %s", media_summary(source.media_info))
            return source.id
    try:
        check_size(source.size_bytes, settings)
        _require_current(source)
        info = probe(presigned_get(source.ref), source.ref.size, settings.probe_timeout)
        check_limits(info, settings)
    except SourceNotFound as error:
        gone = InputRejected(RejectionReason.GONE, f"{source.ref.uri} was overwritten or deleted before it was read")
        _reject(source, gone, actor)
        raise gone from error
    except InputRejected as error:
        _reject(source, error, actor)
        raise
    with transaction(actor) as connection:
        sources.mark_probed(connection, source.id, info)
    log.info("What came in: %s", media_summary(info))
    return source.id


def _require_current(source: SourceRow) -> None:
    found = resolve_source(source.bucket, source.key, source.version_id)
    if found.ref.version != source.version:
        raise SourceNotFound(f"{source.ref.uri} has another version now: {found.ref.version}, not {source.version}")


def _reject(source: SourceRow, rejection: InputRejected, actor: str) -> None:
    with transaction(actor) as connection:
        sources.reject_source(connection, source.id, rejection.reason, rejection.detail)
    announce(source_id=source.id, video_id=source.video_id)


def _find_or_register(request: TranscodeRequest, run_id: str, settings: Settings) -> SourceRow:
    actor = f"probe:{run_id}"
    if request.source_id is not None:
        with transaction(actor) as connection:
            return sources.get_source(connection, request.source_id)
    bucket, key = parse_s3_uri(str(request.source_uri))
    found = resolve_source(bucket, key)
    # A person may name any object; a watch rule that covers it says whose it is.
    verdict = judge(Places.of(settings), bucket, key)
    new = NewSource(
        tenant=verdict.tenant if isinstance(verdict, Taken) else DEFAULT_TENANT,
        bucket=bucket,
        key=key,
        version=found.ref.version,
        version_id=found.ref.version_id,
        etag=found.etag,
        size=found.ref.size,
        last_modified=found.last_modified,
        discovered_by=DiscoveredBy.MANUAL,
        profile=request.profile,
        engine=verdict.rule.engine if isinstance(verdict, Taken) else None,
    )
    with transaction(actor) as connection:
        # The run that asks is the run that transcodes: the ingest pipeline must not start a second one.
        sources.mark_dispatched(connection, sources.register_sources(connection, [new]), run_id)
        source = sources.find_source(connection, bucket, key, found.ref.version)
    if source is None:
        raise CatalogError(f"{found.ref.uri} was registered but cannot be found; run this task again")
    return source

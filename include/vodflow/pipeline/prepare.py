"""First step: find out what came in, refuse by name what nobody can transcode, and open the job for the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, record_dead_letters, resolve_dead_letters
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.catalog.states import JobStatus, SourceStatus, TenantStatus
from vodflow.catalog.work_lookup import source_of_run
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.summaries import in_bytes, media_summary
from vodflow.errors import (
    InputRejected,
    RejectionReason,
    SourceNotFound,
    SourceUnavailable,
    SourceUnreadable,
    VodflowError,
)
from vodflow.media.preflight import check_limits, check_size
from vodflow.media.probe import probe
from vodflow.outcomes.announce import announce
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.registration import register_object
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri, presigned_get, resolve_source
from vodflow.storage.readability import cause_of, check_readable
from vodflow.tenancy import effective
from vodflow.tenancy.log_context import working_for

log = logging.getLogger(__name__)

_CAPITAL: Final = re.compile(r"(?<!^)[A-Z]")


def prepare(params: Mapping[str, Any], run_id: str, *, first_try: bool = True, last_try: bool = True) -> JobRow:
    """:func:`prepare_job` for the Params of a run; a run that ends here is kept as a dead letter, and is in the report.

    :param first_try: whether no earlier try of this run can have left a dead letter
    :param last_try: whether an error that a retry might cure ends the run all the same
    :raises ConfigurationError: one sentence for each wrong Param, naming it
    """
    try:
        job = prepare_job(TranscodeRequest.from_params(params), run_id)
    except (InputRejected, SourceUnreadable):
        raise
    except Exception as error:
        ends = last_try or not getattr(error, "retryable", True)
        if ends and getattr(error, "shared_cause", None) is None:
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
    :raises SourceUnreadable: recorded with its reason; when the object can be read again, it gets another run
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
    :raises SourceUnreadable: recorded with its reason; when the object can be read again, it gets another run
    :raises SourceNotFound: a person named an object that does not exist
    :raises TenantSuspended: its tenant may start nothing new
    """
    settings = get_settings()
    actor = f"probe:{run_id}"
    source = _find_or_register(request, run_id)
    working_for(source.tenant)
    _require_tenant(request, source, settings)
    log.info("Source %d of tenant %s: %s, %s", source.id, source.tenant, source.ref.uri, in_bytes(source.size_bytes))
    known = None if request.force else source.media_info
    if not request.force:
        if source.status == SourceStatus.REJECTED:
            raise InputRejected(RejectionReason(str(source.rejection_reason)), str(source.rejection_detail))
        if known is not None and source.status != SourceStatus.UNREADABLE:
            log.info("Probed before: %s", media_summary(known))
            return source.id
    try:
        check_size(source.size_bytes, settings)
        check_readable(source.ref)
        info = known or _probe(source, settings)
        check_limits(info, settings)
    except (InputRejected, SourceNotFound, SourceUnreadable) as error:
        # Bytes are judged only while they are those that were asked for: a reader meets the next ones unawares.
        cause = cause_of(error, source.ref)
        _refuse(source, cause, actor)
        raise cause from cause.__cause__
    with transaction(actor) as connection:
        sources.mark_probed(connection, source.id, info)
    log.info("What came in: %s", media_summary(info))
    return source.id


def _probe(source: SourceRow, settings: Settings) -> MediaInfo:
    try:
        return probe(presigned_get(source.ref), source.ref.size, settings.probe_timeout)
    except SourceUnavailable:
        check_readable(source.ref)  # is it S3 itself?
        raise


def _refuse(source: SourceRow, error: VodflowError, actor: str) -> None:
    with transaction(actor) as connection:
        match error:
            case InputRejected():
                sources.reject_source(connection, source.id, error.reason, error.detail)
            case SourceUnreadable():
                sources.mark_unreadable(connection, source.id, error.reason, error.detail)
    announce(source_id=source.id, video_id=source.video_id)


def _require_tenant(request: TranscodeRequest, source: SourceRow, settings: Settings) -> None:
    """What was dispatched before its tenant was suspended goes on; nothing does once the tenant is being deleted.

    :raises TenantSuspended: it may not start
    """
    tenant = effective(source.tenant, settings)
    if request.source_id is None or (tenant.row and tenant.row.status is TenantStatus.DELETING):
        tenant.require_active()


def _find_or_register(request: TranscodeRequest, run_id: str) -> SourceRow:
    actor = f"probe:{run_id}"
    if request.source_id is not None:
        with transaction(actor) as connection:
            return sources.get_source(connection, request.source_id)
    # The run that asks is the run that transcodes: the ingest pipeline must not start a second one.
    return register_object(resolve_source(*parse_s3_uri(str(request.source_uri))), actor, run_id=run_id)

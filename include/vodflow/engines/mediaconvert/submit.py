"""Exactly one MediaConvert job for a plan, whatever crashes when.

The attempt's row is written first; then the job is created, with a token that makes the same request within a minute
the same job; then its id is stored. An attempt without an id is one that crashed in between, or whose answer was lost:
its job is looked for by ``UserMetadata`` before it is asked for again. A job that is still of use is never left for a
new one, so a retried task goes on with what it has paid for.
"""

from __future__ import annotations

import logging
from typing import Any

from vodflow.catalog import jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.submissions import Quote, Spending
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import SourceRef
from vodflow.engines.mediaconvert.client import MediaConvert
from vodflow.engines.mediaconvert.failures import NOT_FOUND_CODES
from vodflow.engines.mediaconvert.files.collection import check_collectable
from vodflow.engines.mediaconvert.pricing.estimate import Budget, check_budget, estimate
from vodflow.engines.mediaconvert.request.encryption import planned
from vodflow.engines.mediaconvert.request.job import create_job_request, user_metadata
from vodflow.engines.mediaconvert.snapshot import FAILURE_STATES
from vodflow.engines.mediaconvert.submission_rate import SubmissionLimiter, configured_limiter
from vodflow.engines.submitting import Submission, Submitter
from vodflow.errors import ConfigurationError, SourceNotFound, VodflowError
from vodflow.outcomes.announce import announce
from vodflow.settings import Settings, get_settings
from vodflow.settings.encode_options import EncodeOptions, JobOptions
from vodflow.storage.objects import resolve_source
from vodflow.tenancy import effective

log = logging.getLogger(__name__)

ENGINE = EngineName.MEDIACONVERT


def submit_job(job_id: int, *, run_id: str | None = None, service: MediaConvert | None = None) -> Submission:
    """Have MediaConvert carry a job's plan out, once.

    :param run_id: the run that asks, for the attempt's record
    :param service: none means the settings' one
    :raises BudgetExceeded: the estimate is above a limit; nothing was submitted; recorded
    :raises SourceNotFound: the source is gone or was overwritten; recorded
    :raises JobSettingsError: MediaConvert refuses the settings; recorded
    :raises JobBusy: another process submits this job just now (retryable)
    :raises EngineError: MediaConvert does not answer or has too much to do (retryable); recorded
    """
    return _Submitter(job_id, run_id, service or MediaConvert.of()).run()


def cancel_job(job_id: int, *, actor: str = "cancel", service: MediaConvert | None = None) -> bool:
    """Cancel a job and MediaConvert's job of it; true when that one was still going.

    A job that is over stays as it is.

    :raises EngineError: MediaConvert does not answer (retryable)
    """
    used = service or MediaConvert.of()
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
        attempt = submissions.last_attempt(connection, job_id, ENGINE)
    stopped = False
    if attempt is not None and attempt.resumable:
        external_id = attempt.external_id or _lost_job(used, job, attempt)
        stopped = external_id is not None and used.cancel(external_id)
    record(actor, lambda connection: jobs.cancel_job(connection, job_id))
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
    log.info("job %d: cancelled; MediaConvert's job was %s", job_id, "stopped" if stopped else "over or never made")
    return stopped


def require_current(source: SourceRef) -> None:
    """Refuse a source of which MediaConvert would read, or has read, other bytes than the plan's.

    :raises SourceNotFound: it was overwritten or removed
    """
    found = resolve_source(source.bucket, source.key)
    if found.ref.version == source.version:
        return
    if source.version_id is not None:
        planned = resolve_source(source.bucket, source.key, source.version_id)
        if (planned.etag, planned.ref.size) == (found.etag, found.ref.size):
            return  # the same once more
    raise SourceNotFound(
        f"{source.uri} has version {found.ref.version} now, not {source.version} that was planned. MediaConvert reads "
        "the newest version only; transcode that one, or this one with the local engine.",
        code="overwritten",
    )


class _Submitter(Submitter):
    engine = ENGINE

    def __init__(self, job_id: int, run_id: str | None, service: MediaConvert) -> None:
        super().__init__(job_id, run_id)
        self.service = service
        self.limiter: SubmissionLimiter = configured_limiter()

    def submit(self, job: JobRow, last: AttemptRow | None) -> Submission:
        return (self._again(job, last) if last and last.resumable else None) or self._anew(job)

    def _again(self, job: JobRow, attempt: AttemptRow) -> Submission | None:
        """Go on with what an earlier try began; none when that failed, is recorded, and another job may do better."""
        external_id = attempt.external_id or _lost_job(self.service, job, attempt)
        if external_id is None:
            require_current(job.plan.source)
            attempt = self.resumed(attempt)
            return self._create(job, attempt)
        try:
            seen = self.service.look(external_id)
        except VodflowError as error:
            if error.code not in NOT_FOUND_CODES:
                raise
            log.warning("job %d: MediaConvert knows no job %s any more; a new one follows", job.id, external_id)
            return None
        if seen.status in FAILURE_STATES and attempt.outcome is not None:
            log.info("job %d: MediaConvert's job %s ended as %s; a new one follows", job.id, external_id, seen.status)
            return None
        log.info("job %d: goes on with MediaConvert's job %s, %s", job.id, external_id, seen.status)
        attempt = self.resumed(attempt)
        self.assign(attempt, external_id)
        return Submission(job.id, external_id, ended=seen.ended)

    def _anew(self, job: JobRow) -> Submission:
        require_current(job.plan.source)
        worker = f"MediaConvert, {self.settings.aws_region}"
        with transaction(self.actor) as connection:
            attempt = submissions.intend(
                connection, job.id, self._quote, engine=ENGINE, worker=worker, run_id=self.run_id
            )
        return self._create(job, attempt)

    def _create(self, job: JobRow, attempt: AttemptRow) -> Submission:
        request = attempt_request(job, attempt)
        self.limiter.acquire(f"{self.settings.mediaconvert_endpoint_url}|{self.settings.aws_region}")
        external_id = str(self.service.create(request)["Id"])
        self.assign(attempt, external_id)
        log.info("job %d: MediaConvert's job %s is attempt %d", job.id, external_id, attempt.number)
        return Submission(job.id, external_id, ended=False)

    def _quote(self, job: JobRow, number: int, spent: Spending) -> Quote:
        settings, options = self.settings, self.settings.encode_options
        check_collectable(job.plan, options)
        request = _request(job, options, _job_options(job, number, settings))
        budget = Budget(settings.mediaconvert_budget_job, effective(job.tenant, settings).budget_day)
        asked = {
            "options": options.model_dump(mode="json"),
            "acceleration": settings.mediaconvert_acceleration,
            "region": settings.aws_region,
        }
        limited = budget.per_job is not None or budget.per_tenant_day is not None
        try:
            cost = estimate(request, job.plan.media.duration, region=settings.aws_region)
            cost = estimate(
                request,
                job.plan.media.duration,
                region=settings.aws_region,
                month_to_date=spent.minutes_this_month.get(cost.tier.name, cost.normalized_minutes * 0),
            )
        except ConfigurationError as error:
            if limited:
                raise
            log.warning("job %d: cannot be estimated, and no budget asks for it: %s", job.id, error)
            return Quote(tier=None, minutes=None, cost=None, request=asked)
        check_budget(cost, budget, tenant=job.plan.tenant, spent_today=spent.tenant_today, job_id=job.id)
        log.info("job %d: estimated at %s", job.id, cost)
        told = {"estimate": str(cost), "prices": cost.version}
        return Quote(cost.tier.name, cost.normalized_minutes, cost.amount, asked | told)


def options_of(attempt: AttemptRow) -> EncodeOptions:
    """How an attempt's job was encoded: what names its files."""
    return EncodeOptions.model_validate((attempt.request or {}).get("options") or {})


def attempt_request(job: JobRow, attempt: AttemptRow) -> dict[str, Any]:
    """The CreateJob request of an attempt, with what may have changed in the settings since as it was then."""
    run = _job_options(job, attempt.number, get_settings())
    kept = (attempt.request or {}).get("acceleration", run.acceleration)
    return _request(job, options_of(attempt), run.model_copy(update={"acceleration": kept}))


def _request(job: JobRow, options: EncodeOptions, run: JobOptions) -> dict[str, Any]:
    settings = get_settings()
    if protection := planned(job.plan, settings.speke_url, settings.speke_certificate):
        options = options.model_copy(update={"encryption": protection})
    return create_job_request(job.plan, bucket=job.bucket, prefix=job.prefix, job=run, options=options)


def _lost_job(service: MediaConvert, job: JobRow, attempt: AttemptRow) -> str | None:
    options = _job_options(job, attempt.number, get_settings())
    found = service.find_lost(job.plan.source.uri, user_metadata(job.plan, options), attempt.started_at)
    if found is not None:
        log.info("job %d: MediaConvert's job %s is attempt %d, whose id was lost", job.id, found, attempt.number)
    return found


def _job_options(job: JobRow, number: int, settings: Settings) -> JobOptions:
    if settings.mediaconvert_role is None:
        raise ConfigurationError(
            f"Job {job.id} cannot be submitted to MediaConvert: set VODFLOW_MEDIACONVERT_ROLE to the ARN of the IAM "
            "role that MediaConvert takes on to read the source and write the outputs."
        )
    return JobOptions(
        role=settings.mediaconvert_role,
        job_id=job.id,
        attempt=number,
        queue=settings.mediaconvert_queue,
        priority=job.priority,
        acceleration=settings.mediaconvert_acceleration,
        status_interval=settings.mediaconvert_status_interval,
    )

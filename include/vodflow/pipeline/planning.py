"""Decide what to make of a probed source, and open the job for it."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from vodflow.catalog import jobs, publications, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.catalog.states import JobStatus
from vodflow.contract.engine_names import EngineName
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.protection import Access
from vodflow.contract.slug import video_slug
from vodflow.contract.strategy import Strategy
from vodflow.contract.summaries import plan_summary
from vodflow.errors import CatalogError, ConfigurationError, SourceUnavailable
from vodflow.media.picture_index import PictureIndex, read_index
from vodflow.pipeline.request import TranscodeRequest
from vodflow.planning.cpu import estimated_cpu_seconds
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import Profile, load_profile
from vodflow.planning.reuse import reuse
from vodflow.planning.strategy import Division, choose, may_divide
from vodflow.settings import Settings, get_settings
from vodflow.settings.engines import available
from vodflow.storage.objects import list_objects, presigned_get
from vodflow.tenancy import effective

log = logging.getLogger(__name__)


def plan_job(source_id: int, request: TranscodeRequest, run_id: str) -> JobRow:
    """Make the plan and open its job, or find the job that carried it out already.

    :return: the job; its status is PUBLISHED when the same work is done
    :raises ProfileError: the profile is unknown or wrong
    :raises PlanError: this source and profile give no valid plan
    :raises ConfigurationError: the engine that is asked for is not available here, or there is no private bucket
    """
    settings, actor = get_settings(), f"plan:{run_id}"
    with transaction(actor) as connection:
        source = sources.get_source(connection, source_id)
        if source.media_info is None:
            raise CatalogError(f"source {source_id} has not been probed; clear the run and let it prepare again")
        profile = profile_of(source, request, settings)
        revision = jobs.revision_for(connection, source_id, profile.name, run_id=run_id, force=request.force)
        access = Access(effective(source.tenant, settings).own.access or Access.PUBLIC)
        plan = plan_source(
            source, source.media_info, request, profile, revision=revision, settings=settings, access=access
        )
        plan = publications.kept(connection, source_id, plan)
        engine = _engine(request, source, profile)
        log.info("Profile %s, %s", profile.name, _why(request.profile, source.profile, "the default"))
        log.info("Engine %s, %s", engine, _why(request.engine, source.engine, "the profile's"))
        log.info("To make: %s", plan_summary(plan))
        for warning in plan.warnings:
            log.warning("%s", warning.message)
        division, older = _division(profile, engine, settings), _older(connection, source_id, plan, request, engine)
        if older is None and not may_divide(division):
            return _open(connection, source_id, plan, engine, request, run_id, settings)
    # Reading a source's index takes a while, in which no transaction waits.
    strategy = _reused(plan, older) or choose(plan, division, lambda: _pictures(source, plan, settings))
    log.info("Divided as %s. %s", strategy.kind, strategy.reason)
    plan = plan.model_copy(update={"strategy": strategy})
    with transaction(actor) as connection:
        return _open(connection, source_id, plan, engine, request, run_id, settings)


def _open(
    connection: Connection,
    source_id: int,
    plan: TranscodePlan,
    engine: EngineName,
    request: TranscodeRequest,
    run_id: str,
    settings: Settings,
) -> JobRow:
    bucket, prefix = output_place(plan, settings)
    job = jobs.open_job(
        connection,
        source_id,
        plan,
        engine=engine,
        priority=request.priority,
        run_id=run_id,
        bucket=bucket,
        prefix="/".join(part for part in (prefix, plan.prefix) if part),
        estimated_cpu_seconds=None if engine == EngineName.MEDIACONVERT else estimated_cpu_seconds(plan),
    )
    if job.status == JobStatus.QUEUED and (known := job.plan.strategy) != plan.strategy:
        log.info("Job %d is divided as an earlier try left it, as %s. %s", job.id, known.kind, known.reason)
    return job


def output_place(plan: TranscodePlan, settings: Settings) -> tuple[str, str]:
    """Bucket and prefix of a plan's outputs: what not everybody may fetch has a bucket of its own, for all tenants.

    :raises ConfigurationError: the settings have no such bucket
    """
    if plan.access == Access.PUBLIC:
        return effective(plan.tenant, settings).output_place(settings.media_bucket, settings.output_prefix)
    if settings.protected_bucket is None:
        raise ConfigurationError(
            f"Profile {plan.profile} makes videos that need a playback token, and there is no private bucket for them. "
            "Set VODFLOW_PROTECTED_BUCKET to one that nobody but Vodflow reads."
        )
    return settings.protected_bucket, settings.output_prefix


def _older(
    connection: Connection, source_id: int, plan: TranscodePlan, request: TranscodeRequest, engine: EngineName
) -> JobRow | None:
    """A published job of the same bytes that made something else; a forced run wants nothing of it."""
    if request.force or engine == EngineName.MEDIACONVERT:
        return None
    older = publications.latest_of_source(connection, source_id)
    return None if older is None or older.plan_hash == plan.hash else older


def _reused(plan: TranscodePlan, older: JobRow | None) -> Strategy | None:
    """How to make the plan with the older job's tracks; none where it has none of use, or they are gone."""
    strategy = reuse(plan, older.plan, older.bucket, older.prefix) if older else None
    if strategy is None or older is None:
        return None
    there = list_objects(older.bucket, older.prefix)
    return strategy if all(item.mp4 in there for item in strategy.reused) else None


def _division(profile: Profile, engine: EngineName, settings: Settings) -> Division:
    """How an engine's encodes may be divided; MediaConvert divides them as it likes."""
    wanted = "single" if engine == EngineName.MEDIACONVERT else profile.strategy or settings.strategy
    spreads = engine == EngineName.KUBERNETES
    return Division(wanted, spreads, settings.chunk_seconds, settings.chunks_from, settings.max_parallel_chunks)


def _pictures(source: SourceRow, plan: TranscodePlan, settings: Settings) -> PictureIndex:
    try:
        return read_index(presigned_get(source.ref), plan.media, settings.probe_timeout)
    except SourceUnavailable as error:
        # Undivided it takes longer, and is right as well.
        log.warning("The pictures of %s are not known, so it is not cut: %s", source.ref.uri, error)
        return PictureIndex(obstacle="its index could not be read in time")


def profile_of(source: SourceRow, request: TranscodeRequest, settings: Settings) -> Profile:
    """The profile by which a source is made: what the request asks for, else what the watch rule or its tenant says.

    :raises ProfileError: it is unknown or wrong
    :raises ConfigurationError: its tenant may not use it
    """
    tenant = effective(source.tenant, settings)
    name = request.profile or source.profile or tenant.default_profile
    tenant.require_profile(name)
    return load_profile(name, settings.profiles_dir)


def plan_source(
    source: SourceRow,
    media: MediaInfo,
    request: TranscodeRequest,
    profile: Profile,
    *,
    revision: int,
    settings: Settings,
    access: Access = Access.PUBLIC,
) -> TranscodePlan:
    """The plan of a probed source. Pure, but for the settings.

    :param access: who may fetch the outputs, where the profile does not say
    :raises PlanError: this source and profile give no valid plan
    """
    return make_plan(
        source.ref,
        media,
        profile,
        tenant=source.tenant,
        video=video_slug(source.bucket, source.key),
        outputs=request.outputs,
        qualities=request.qualities,
        revision=revision,
        thumbnail_interval=settings.thumbnail_interval,
        access=access,
    )


def _engine(request: TranscodeRequest, source: SourceRow, profile: Profile) -> EngineName:
    """Who encodes: what the run asks for, else what the watch rule says, else the profile."""
    chosen = request.engine or source.engine or profile.engine
    try:
        return available(chosen)
    except ValueError as error:
        raise ConfigurationError(f"Source {source.id} cannot be transcoded as asked: {error}.") from error


def _why(asked: object, ruled: object, otherwise: str) -> str:
    """Where a choice comes from, for the log."""
    return "as the run asks" if asked else "as the watch rule says" if ruled else otherwise


def engine_of(job_id: int) -> str:
    """Who was chosen to carry a job out.

    :raises CatalogError: there is no such job
    """
    with transaction(f"engine:{job_id}") as connection:
        return str(jobs.get_job(connection, job_id).engine)

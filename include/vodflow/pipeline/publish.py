"""Last step: verify what the engine wrote, then make it the video's public outputs."""

from __future__ import annotations

import logging

from rich.filesize import decimal
from sqlalchemy import Connection

from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.recording import record
from vodflow.catalog.rows import JobRow, NewArtifact, NewRendition
from vodflow.catalog.source_faults import raise_for_source
from vodflow.catalog.states import ArtifactKind
from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.contract.result import EngineResult, OutputObject
from vodflow.contract.strategy import Strategy
from vodflow.errors import CatalogError, VodflowError
from vodflow.keys import stored_keys
from vodflow.outcomes.announce import announce
from vodflow.pipeline.asset_event import PublishedVideo
from vodflow.pipeline.repair import next_strategy
from vodflow.publication.manifest import build_manifest, public_url
from vodflow.storage.objects import put_json, readable_url
from vodflow.tenancy.log_context import working_for
from vodflow.verification import S3Store, Verification, verify
from vodflow.verification.result import MeasuredRendition

log = logging.getLogger(__name__)


def verify_and_publish(job_id: int) -> PublishedVideo:
    """Verify a job's outputs, unless that is done, and make them the public ones of its video.

    :raises VerificationError: naming object and rule; the job has failed, and nothing is published
    :raises InputRejected, SourceUnreadable: the engine found the source at fault; there is nothing to publish
    :raises CatalogError: no engine has finished the job
    """
    verify_job(job_id)
    published = PublishedVideo.of(publish_job(job_id))
    log.info("Published: %s", published.manifest_url or published.manifest)
    log.info("Watch it: %s", published.player_url or "with a playback token")
    return published


def verify_job(job_id: int) -> None:
    """Check everything that the engine wrote against the plan, and keep the measurements.

    :raises VerificationError: naming object and rule; the job has failed, and nothing is published
    :raises InputRejected, SourceUnreadable: the engine found the source at fault; there is nothing to verify
    """
    actor = "verify"
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
    working_for(job.tenant)
    if job.published:
        log.info("Job %d was verified and published before", job_id)
        return
    raise_for_source(job)
    log.info("Verifying what job %d wrote to s3://%s/%s", job_id, job.bucket, job.prefix)
    try:
        keys = stored_keys(job.plan, job.prefix)
        verification = verify(job.plan, job.bucket, job.prefix, S3Store(), readable_url(job.plan.source), keys)
    except VodflowError as error:
        if not error.retryable:
            failure, strategy = error, next_strategy(job, error)
            record(actor, lambda connection: _fail(connection, job, failure, strategy))
            announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
        raise
    record(actor, lambda connection: jobs.store_verification(connection, job_id, verification))
    log.info("Every rule holds: %s", _measured(verification))


def _fail(connection: Connection, job: JobRow, error: VodflowError, strategy: Strategy | None) -> None:
    jobs.fail_job(connection, job.id, error)
    if strategy is not None:
        jobs.replan(connection, job.id, job.plan, strategy)


def publish_job(job_id: int) -> JobRow:
    """Flip the video's publication in one transaction, then write ``manifest.json``; again and again the same.

    :return: the job, PUBLISHED
    :raises CatalogError: the job is not verified
    :raises InputRejected, SourceUnreadable: the engine found the source at fault; there is nothing to publish
    """
    with transaction("publish") as connection:
        job = jobs.get_job(connection, job_id)
        raise_for_source(job)
        result, verification = _evidence(job)
        manifest_name = f"{job.prefix}/{layout.MANIFEST}"
        manifest_uri = f"s3://{job.bucket}/{manifest_name}"
        publish(connection, job_id, renditions(job.plan, verification, result), artifacts(result.objects), manifest_uri)
        job = jobs.get_job(connection, job_id)
        # Built, and held against its schema, before the flip is committed.
        manifest = build_manifest(job, verification, result, base_url=public_url(job.bucket))
    put_json(job.bucket, manifest_name, manifest)
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
    return job


def _measured(verification: Verification) -> str:
    """What was checked, and what was measured."""
    rungs = [f"{item.name} {item.average_bitrate / 1e3:.0f} kbit/s" for item in verification.renditions]
    return (
        f"{len(verification.rules)} rules, {verification.objects} objects, {decimal(verification.bytes)}, "
        f"{verification.duration:.1f} s; {', '.join(rungs)}"
    )


def _evidence(job: JobRow) -> tuple[EngineResult, Verification]:
    if job.result is None or job.verification_document is None:
        raise CatalogError(f"job {job.id} is {job.status} and not verified; clear its run from the engine's task on")
    return job.result, Verification.model_validate(job.verification_document)


def renditions(plan: TranscodePlan, verification: Verification, result: EngineResult) -> list[NewRendition]:
    """One row for each track: what was asked for beside what was measured."""
    speeds = {track.name: track.speed for track in result.tracks}
    asked: list[VideoRendition | AudioRendition] = [*plan.renditions, *plan.audio]
    return [_rendition(item, verification.rendition(item.name), speeds.get(item.name)) for item in asked]


def _rendition(
    asked: VideoRendition | AudioRendition, measured: MeasuredRendition, speed: float | None
) -> NewRendition:
    return NewRendition(
        name=asked.name,
        kind=measured.kind,
        codec=measured.codec,
        bitrate=asked.bitrate,
        measured_bitrate=measured.average_bitrate,
        peak_bitrate=measured.peak_bitrate,
        size_bytes=measured.bytes,
        duration=measured.duration,
        width=measured.width,
        height=measured.height,
        frame_rate=measured.frame_rate,
        channels=measured.channels,
        sample_rate=measured.sample_rate,
        speed=speed,
    )


def artifacts(objects: tuple[OutputObject, ...]) -> list[NewArtifact]:
    """The objects that people or players address by name; segments are found through their playlists."""
    return [
        NewArtifact(
            name=item.name,
            kind=kind,
            size_bytes=item.size,
            checksum=item.checksum,
            content_type=item.content_type,
        )
        for item in objects
        if (kind := artifact_kind(item.name)) is not None
    ]


def artifact_kind(name: str) -> ArtifactKind | None:
    """What an output is for; none for segments and their headers."""
    if name == layout.POSTER:
        return ArtifactKind.POSTER
    if name == layout.DASH_MANIFEST:
        return ArtifactKind.DASH
    folder, _, file = name.partition("/")
    if folder == "hls" and file.endswith(".m3u8"):
        return ArtifactKind.HLS
    return {"mp4": ArtifactKind.MP4, "thumbnails": ArtifactKind.THUMBNAIL}.get(folder)

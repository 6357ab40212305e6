"""The earlier transcoding service's routes, so that its clients move without change: thin aliases of ``/api/v1/jobs``.

A job's id here also carries the names that its client gave project and video: nobody else has to remember them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from vodflow import jobs as library
from vodflow.api.access import JobsReader, JobsWriter, Requires
from vodflow.api.app_state import services
from vodflow.api.audit import record
from vodflow.api.callers import Caller, Scope
from vodflow.api.job_access import ask, find, look
from vodflow.api.job_watch import name_of, watch
from vodflow.api.models.aws_transcoding import (
    STATUSES,
    IntegratedTranscodingUploadRequest,
    OutputFormat,
    TranscodingHealth,
    TranscodingJob,
    TranscodingJobList,
    TranscodingJobRequest,
    TranscodingStatus,
    UploadResult,
    WhereToSend,
    ours,
)
from vodflow.api.models.jobs import NewJob
from vodflow.api.parameters import LongText, ShortText
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.api.routes.job_events import LONGEST_WAIT, until_over
from vodflow.api.routes.jobs import changed, stop
from vodflow.catalog.states import JobStatus
from vodflow.contract.layout import DASH_MANIFEST, HLS_MASTER
from vodflow.contract.plan import Output
from vodflow.contract.slug import tenant_slug
from vodflow.jobs import Job

router = APIRouter(prefix="/aws/transcoding", tags=["earlier-services"])

#: Below a job's prefix, what players open.
_FILES: Final = {OutputFormat.HLS: HLS_MASTER, OutputFormat.DASH: DASH_MANIFEST, OutputFormat.MP4: "mp4/"}

JobId = Annotated[LongText, Path(description="`job_id` of an answer, or any name of a job")]

#: What separates our name of a job from those of its client.
_AND: Final = "~"

#: Those names: of the project, and of the video.
_NAMES: Final = TypeAdapter(tuple[ShortText, ShortText])

_MAKES: Final = problem_responses(409, 502)


@router.post("/job", responses=_MAKES)
def create(request: Request, caller: JobsWriter, wanted: TranscodingJobRequest) -> TranscodingJob:
    """Create a transcoding job; the same request finds its job."""
    return _told(_ask(request, caller, wanted.input_s3_path, wanted), wanted.project_id, wanted.video_id)


@router.get("/job/{job_id}")
def status(request: Request, caller: JobsReader, job_id: JobId) -> TranscodingJob:
    """How far a job is."""
    ref, *names = _parts(job_id)
    return _told(look(request, caller, ref), *names)


@router.get("/jobs")
def list_jobs(
    request: Request,
    caller: JobsReader,  # noqa: ARG001 - the right is what is asked for
    status: TranscodingStatus | None = None,
    max_results: Annotated[int, Query(ge=1, le=100)] = 20,
    next_token: Annotated[LongText | None, Query(min_length=1)] = None,
) -> TranscodingJobList:
    """Jobs, newest first."""
    found = library.list_jobs(
        status=None if status is None else map(str, ours(status)), limit=max_results, cursor=next_token,
        settings=services(request).settings,
    )  # fmt: skip
    return TranscodingJobList(jobs=[_told(job) for job in found.jobs], next_token=found.cursor)


@router.delete("/job/{job_id}", responses=_MAKES)
def cancel(request: Request, caller: JobsWriter, job_id: JobId) -> TranscodingJob:
    """Cancel a job."""
    ref, *names = _parts(job_id)
    job = find(request, ref)
    if job.over and job.status not in {JobStatus.CANCELED, JobStatus.FAILED}:
        raise Problem(409, "job_is_over", f"Job {ref} is {STATUSES[job.status]} already: there is nothing to cancel.")
    job, _ = stop(request, caller, job, None)
    changed(request, "cancel", job)
    return _told(job, *names)


@router.post("/upload", responses=_MAKES)
async def upload(request: Request, caller: JobsWriter, wanted: IntegratedTranscodingUploadRequest) -> UploadResult:
    """Transcode a video that is in S3, or say where to upload the file: nobody has this server read its own files."""
    named = {"video_id": wanted.video_id, "project_id": wanted.project_id, "title": wanted.title}
    if not wanted.video_file_path.startswith("s3://"):
        place = await run_in_threadpool(_where_to_send, request, caller, wanted)
        return UploadResult(transcoding_job_id=None, transcoding_status=None, job=None, upload=place, **named)
    job = await run_in_threadpool(_ask, request, caller, wanted.video_file_path, wanted)
    if wanted.wait_for_transcoding and not job.over:
        job = await until_over(watch(request, caller, job), job, LONGEST_WAIT)
    told = _told(job, wanted.project_id, wanted.video_id)
    return UploadResult(
        transcoding_job_id=told.job_id, transcoding_status=told.status, job=told, upload=None, **named
    )  # fmt: skip


def _where_to_send(request: Request, caller: Caller, wanted: IntegratedTranscodingUploadRequest) -> WhereToSend:
    """An upload of the file, called as its client calls the video: another file of that name is a new version."""
    Requires(Scope.UPLOADS_WRITE).check(caller)
    if wanted.file_size is None:
        raise Problem(
            422, "invalid_request",
            f"body.file_size: {wanted.video_file_path} is not in S3. Say how many bytes the file has, and the answer "
            "says where to upload it; or give s3://bucket/key.",
            errors=[{"field": "body.file_size", "rule": "missing", "message": "needed for a file that is not in S3"}],
        )  # fmt: skip
    filename = re.split(r"[\\/]", wanted.video_file_path)[-1]
    called = f"{wanted.video_id}{PurePosixPath(filename).suffix}"
    settings = services(request).settings
    made = library.create_upload(
        filename, wanted.file_size, method="single", tenant=caller.tenant or tenant_slug(wanted.project_id),
        name=f"{wanted.project_id}/{called}" if caller.tenant else called, by=caller.actor, settings=settings,
        outputs=[one.lower() for one in wanted.output_formats], qualities=wanted.quality_levels,
    )  # fmt: skip
    record(request, "uploads.create", f"upload {made.public_id}", tenant=made.tenant, detail={"source": made.uri})
    signed = library.signed_upload(made, settings=settings)
    assert signed is not None  # noqa: S101 - it was opened just now, for one request
    return WhereToSend(
        upload_id=made.public_id, upload_url=signed.url, method=signed.method, headers=dict(signed.headers),
        expires_at=signed.expires_at,
    )  # fmt: skip


@router.get("/health")
def health(request: Request, caller: JobsReader) -> TranscodingHealth:
    """Whether MediaConvert answers; what it says is for callers of the installation."""
    checks = {check.name: check for check in library.health(services(request).settings).checks}
    found = checks["engine mediaconvert"]
    said = {True: "healthy", False: "unhealthy", None: "disabled"}[found.ok]
    return TranscodingHealth(status=said, detail=found.detail if caller.tenant is None else "")


def _ask(request: Request, caller: Caller, source: str, wanted: Any) -> Job:
    new = NewJob(
        source=source, qualities=wanted.quality_levels, outputs=[Output(one.lower()) for one in wanted.output_formats]
    )
    job, is_new = ask(request, caller, new)
    names = {"project_id": wanted.project_id, "video_id": wanted.video_id}
    changed(request, "create", job, **new.model_dump(mode="json", exclude_defaults=True), **names, new=is_new)
    return job


def _told(job: Job, project_id: str | None = None, video_id: str | None = None) -> TranscodingJob:
    names = [project_id, video_id]
    made = name_of(job)
    if project_id is not None:
        made += _AND + base64.urlsafe_b64encode(json.dumps(names).encode()).decode().rstrip("=")
    formats = [OutputFormat(one.upper()) for one in job.outputs]
    status = STATUSES[job.status]
    done = status is TranscodingStatus.COMPLETE
    return TranscodingJob(
        job_id=made,
        status=status,
        project_id=project_id or job.tenant,
        video_id=video_id or job.source.rpartition("/")[2],
        input_s3_path=job.source,
        output_s3_prefix=job.output,
        output_formats=formats,
        quality_levels=list(job.qualities),
        output_files={one: f"{job.output}/{_FILES[one]}" for one in formats} if done else {},
        progress_percentage=100.0 if done else job.progress,
        error_message=job.reason if status is TranscodingStatus.ERROR else None,
        created_at=job.created_at,
        completed_at=job.finished_at,
    )


def _parts(job_id: str) -> list[str]:
    """Our name of a job, and those of its client where the id carries them."""
    ref, _, names = job_id.partition(_AND)
    if not names:
        return [ref]
    try:
        told = _NAMES.validate_json(base64.urlsafe_b64decode(names + "=" * (-len(names) % 4)))
    except (binascii.Error, ValueError) as error:
        raise not_found(f"job {job_id}") from error
    return [ref, *told]

"""Uploads under the paths of an earlier media service, so that its clients move without change."""

from __future__ import annotations

from fastapi import APIRouter, Request

from vodflow import jobs
from vodflow.api import audit
from vodflow.api.access import Uploader
from vodflow.api.app_state import airflow_of, services
from vodflow.api.models.media_uploads import MediaUpload, PresignedUpload, PresignedUploadRequest
from vodflow.api.problems import problem_responses
from vodflow.catalog.states import UploadStatus

router = APIRouter(prefix="/api/v1/media", tags=["uploads"])


@router.post("/presigned-upload", responses=problem_responses(409, 422, 429, 503))
def presigned_upload(request: Request, caller: Uploader, asked: PresignedUploadRequest) -> PresignedUpload:
    """Open an upload in one request; as `POST /api/v1/uploads` with `method: single`."""
    settings = services(request).settings
    upload = jobs.create_upload(
        asked.filename, asked.file_size, content_type=asked.content_type, method="single", tenant=caller.tenant,
        by=caller.actor, settings=settings,
    )  # fmt: skip
    audit.record(
        request, "uploads.create", f"upload {upload.public_id}", tenant=upload.tenant,
        detail={"filename": upload.filename, "size": upload.size_bytes, "source": upload.uri},
    )  # fmt: skip
    signed = jobs.signed_upload(upload, settings=settings)
    assert signed is not None  # noqa: S101 - it was opened just now, for one request
    return PresignedUpload.of(upload, signed, int(min(settings.upload_url_expiry, settings.upload_expiry)))


@router.post("/uploads/{upload_id}/complete", responses=problem_responses(404, 409, 502, 503))
def complete_media_upload(request: Request, caller: Uploader, upload_id: str) -> MediaUpload:
    """As `POST /api/v1/uploads/{upload_id}/complete`."""
    with airflow_of(request, caller) as airflow:
        upload, job = jobs.complete_upload(upload_id, airflow=airflow, settings=services(request).settings)
    audit.record(request, "uploads.complete", f"upload {upload.public_id}", tenant=upload.tenant)
    return MediaUpload.of(upload, job)


@router.get("/uploads/{upload_id}", responses=problem_responses(404, 503))
def media_upload(request: Request, caller: Uploader, upload_id: str) -> MediaUpload:  # noqa: ARG001
    """How far it is, until it can be played."""
    settings = services(request).settings
    upload = jobs.get_upload(upload_id, settings=settings)
    job = jobs.job_of(upload, settings=settings) if upload.status == UploadStatus.COMPLETED else None
    return MediaUpload.of(upload, job)

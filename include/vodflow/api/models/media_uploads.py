"""Uploads as an earlier media service called them; the values are those of :mod:`vodflow.api.models.uploads`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from vodflow.api.models.common import Answer, Asked
from vodflow.api.parameters import ShortText
from vodflow.catalog.states import JobStatus, SourceStatus, UploadStatus
from vodflow.catalog.uploads import UploadRow
from vodflow.jobs.job import Job
from vodflow.jobs.presigned_uploads import MAX_SINGLE
from vodflow.storage.presigning import SignedRequest

_ENDED = {UploadStatus.CANCELED: "cancelled", UploadStatus.ABANDONED: "cancelled", UploadStatus.REFUSED: "failed"}
_FAILED = {JobStatus.FAILED, JobStatus.REJECTED, SourceStatus.REJECTED, SourceStatus.UNREADABLE}


class PresignedUploadRequest(Asked):
    """A file that somebody wants to send in one request."""

    filename: ShortText = Field(examples=["lecture-01.mp4"])
    content_type: ShortText = Field(examples=["video/mp4"])
    file_size: int = Field(
        ge=1, le=MAX_SINGLE, description="bytes; larger files: `/api/v1/uploads`", examples=[104857600]
    )


class PresignedUpload(Answer):
    """Where to send it."""

    upload_id: str
    upload_url: str
    method: str = Field(description="of the request that sends it")
    headers: dict[str, str] = Field(description="to be sent with it as they are")
    expires_at: datetime
    expires_in: int = Field(description="seconds")

    @classmethod
    def of(cls, row: UploadRow, signed: SignedRequest, seconds: int) -> PresignedUpload:
        """From the library's."""
        return cls(
            upload_id=row.public_id,
            upload_url=signed.url,
            method=signed.method,
            headers=dict(signed.headers),
            expires_at=signed.expires_at,
            expires_in=seconds,
        )


class MediaUpload(Answer):
    """What became of it."""

    upload_id: str
    filename: str
    content_type: str
    file_size: int
    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    progress: float = Field(description="percent of the transcoding")
    error: str | None
    video_id: int | None = Field(description="for playback")
    created_at: datetime

    @classmethod
    def of(cls, row: UploadRow, job: Job | None) -> MediaUpload:
        """From the library's."""
        return cls(
            upload_id=row.public_id,
            filename=row.filename,
            content_type=row.content_type,
            file_size=row.size_bytes,
            status=_status(row, job),
            progress=100.0 if job and job.succeeded else job.progress if job else 0.0,
            error=row.error or (job.reason if job else None),
            video_id=job.video_id if job else None,
            created_at=row.created_at,
        )


def _status(row: UploadRow, job: Job | None) -> str:
    if job is None:
        return _ENDED.get(row.status, "pending")
    if job.succeeded:
        return "completed"
    return "failed" if job.status in _FAILED else "cancelled" if job.status == JobStatus.CANCELED else "processing"

"""Requests and answers of the earlier service's routes ``/aws/transcoding/*``, with its names."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vodflow.api.models.jobs import Status
from vodflow.api.parameters import LongText, ShortText
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.jobs.presigned_uploads import MAX_SINGLE


class TranscodingStatus(StrEnum):
    """MediaConvert's words for how far a job is."""

    SUBMITTED = "SUBMITTED"
    PROGRESSING = "PROGRESSING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"
    ERROR = "ERROR"


#: Our statuses in those words.
STATUSES: Final[dict[str, TranscodingStatus]] = {
    **dict.fromkeys((*SourceStatus, *JobStatus), TranscodingStatus.SUBMITTED),
    JobStatus.PROGRESSING: TranscodingStatus.PROGRESSING,
    JobStatus.VERIFYING: TranscodingStatus.PROGRESSING,
    JobStatus.PUBLISHED: TranscodingStatus.COMPLETE,
    JobStatus.CANCELED: TranscodingStatus.CANCELED,
    JobStatus.FAILED: TranscodingStatus.ERROR,
    JobStatus.REJECTED: TranscodingStatus.ERROR,
    SourceStatus.UNREADABLE: TranscodingStatus.ERROR,
}


def ours(status: TranscodingStatus) -> list[Status]:
    """Which of our statuses one of those words means."""
    both: tuple[Status, ...] = (*JobStatus, *SourceStatus)
    return [one for one in both if STATUSES[one] is status]


class OutputFormat(StrEnum):
    """What is made."""

    HLS = "HLS"
    DASH = "DASH"
    MP4 = "MP4"


def _last_word(value: object) -> object:
    """``HD_1080P``, as the earlier service's own code called it, is ``1080p``."""
    return value.rpartition("_")[2].lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Format = Annotated[OutputFormat, BeforeValidator(_upper)]
Quality = Annotated[ShortText, BeforeValidator(_last_word)]


class _Wanted(BaseModel):
    # Its clients may send more than is of use here.
    model_config = ConfigDict(frozen=True)

    video_id: ShortText
    project_id: ShortText
    output_formats: list[Format] = Field(default=[OutputFormat.HLS, OutputFormat.DASH], min_length=1)
    quality_levels: list[Quality] = Field(default=["1080p", "720p", "480p"], min_length=1, max_length=50)


class TranscodingJobRequest(_Wanted):
    """What is to be made of an object in S3."""

    input_s3_path: LongText = Field(description="`s3://bucket/key`")
    output_s3_prefix: LongText | None = Field(
        default=None, description="taken and not used: outputs go where the answer's `output_s3_prefix` says"
    )


class IntegratedTranscodingUploadRequest(_Wanted):
    """A video that is to be uploaded and transcoded."""

    video_file_path: LongText = Field(
        description="`s3://bucket/key`; for any other path the answer says where to upload the file"
    )
    title: LongText | None = None
    file_size: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SINGLE,
        description="bytes of a file that is not in S3; it takes no other number",
    )
    wait_for_transcoding: bool = Field(default=False, description="answer when it is over, or after a minute")


class TranscodingJob(BaseModel):
    """How far a job is, and what it made."""

    job_id: str
    status: TranscodingStatus
    video_id: str
    project_id: str
    input_s3_path: str
    output_s3_prefix: str | None = Field(description="where the outputs are, or will be, once that is known")
    output_formats: list[OutputFormat]
    quality_levels: list[str]
    output_files: dict[OutputFormat, str] = Field(description="of each format what players open, once it is COMPLETE")
    progress_percentage: float
    error_message: str | None
    created_at: datetime
    completed_at: datetime | None


class TranscodingJobList(BaseModel):
    """A page of jobs."""

    jobs: list[TranscodingJob]
    next_token: str | None


class WhereToSend(BaseModel):
    """The request that sends the file to S3; then `POST /api/v1/uploads/{upload_id}/complete` says what came of it."""

    upload_id: str
    upload_url: str
    method: str
    headers: dict[str, str] = Field(description="to be sent with it as they are")
    expires_at: datetime


class UploadResult(BaseModel):
    """What became of an integrated upload."""

    transcoding_job_id: str | None = Field(description="none before the file is uploaded")
    transcoding_status: TranscodingStatus | None
    video_id: str
    project_id: str
    title: str | None
    job: TranscodingJob | None
    upload: WhereToSend | None = Field(description="where to send a file that is not in S3 yet")


class TranscodingHealth(BaseModel):
    """Whether it answers."""

    service: str = "mediaconvert"
    status: str = Field(description="`healthy`, `unhealthy`, or `disabled` where other engines do the work")
    detail: str

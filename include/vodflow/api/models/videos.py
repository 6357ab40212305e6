"""Videos and sources."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from vodflow.api.models.common import Answer, AskedList
from vodflow.api.models.jobs import Status
from vodflow.api.parameters import LongText, ShortText, TenantName
from vodflow.catalog.states import SourceStatus
from vodflow.contract.engine_names import EngineName
from vodflow.contract.media_info import MediaInfo


class VideoQuery(AskedList):
    """Which videos are wanted; what is left out means all."""

    search: LongText | None = Field(default=None, description="beginnings of words of the key, or `s3://bucket/prefix`")
    tenant: TenantName | None = None
    status: list[Status] = Field(default=[], description="any of these: of the newest job, or of the source")
    profile: ShortText | None = None
    engine: EngineName | None = None


class VideoDocument(Answer):
    """A video as it is now. Bytes, seconds, percent 0 to 100."""

    video_id: int
    tenant: str
    bucket: str
    key: str
    source_id: int = Field(description="the bytes that its key has now")
    job_id: int | None = Field(description="the newest job for them")
    status: str = Field(description="of that job; of the source while it has none")
    profile: str | None
    engine: str | None
    priority: int | None
    registered_at: datetime
    size_bytes: int
    duration: float | None
    run_id: str | None
    stage: str | None
    progress: float | None
    speed: float | None
    eta_seconds: float | None
    finished_at: datetime | None
    reason: str | None = Field(description="why it was rejected or failed, or could not be read")
    published_at: datetime | None


class VideoDetailsDocument(Answer):
    """All that is known of one video, and one of its jobs: rows as the catalog has them (docs/catalog.md)."""

    video: VideoDocument
    public_job_id: int | None = Field(description="whose outputs are public")
    sources: list[dict[str, Any]] = Field(description="versions of its bytes, newest first")
    jobs: list[dict[str, Any]] = Field(description="newest first")
    publications: list[dict[str, Any]]
    job: dict[str, Any] | None = Field(description="the one that was asked for, else the newest")
    events: list[dict[str, Any]] = Field(description="changes of that job's status, oldest first")
    attempts: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    renditions: list[dict[str, Any]] = Field(description="its published tracks, each with what was measured of it")
    artifacts: list[dict[str, Any]] = Field(description="its published objects")
    measurement: dict[str, Any] | None
    waits: list[dict[str, Any]] = Field(description="what stops its run just now")


class SourceQuery(AskedList):
    """Which sources are wanted; what is left out means all."""

    tenant: TenantName | None = None
    status: list[SourceStatus] = Field(default=[], description="any of these")
    reason: LongText | None = Field(default=None, description="why it was rejected, or could not be read: `truncated`")
    source: LongText | None = Field(default=None, description="below `s3://bucket/prefix`")


class SourceDocument(Answer):
    """One version of a video's bytes."""

    id: int
    video_id: int
    tenant: str
    bucket: str
    key: str
    version: str
    version_id: str | None
    etag: str
    size_bytes: int
    last_modified: datetime
    discovered_by: str
    profile: str | None
    engine: str | None
    status: str
    rejection_reason: str | None
    rejection_detail: str | None
    unreadable_reason: str | None = Field(description="why it could not be read when that was tried last")
    unreadable_detail: str | None
    run_id: str | None
    reopened: int
    registered_at: datetime
    dispatched_at: datetime | None
    probed_at: datetime | None
    rejected_at: datetime | None
    unreadable_at: datetime | None


class SourceDetails(SourceDocument):
    """With what was found in it."""

    media_info: MediaInfo | None

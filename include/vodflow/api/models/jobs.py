"""Jobs: what is asked for, how far they are, what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from vodflow.api.models.common import Answer, Asked, AskedList
from vodflow.api.parameters import LongText, ShortText, TenantName
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output
from vodflow.pipeline.request import DEFAULT_PRIORITY

#: What can be said of work: of a job, or of a source that has none.
Status = JobStatus | SourceStatus


class NewJob(Asked):
    """A request for outputs of one object."""

    source: LongText = Field(
        description="`s3://bucket/key`; its current version is meant", examples=["s3://b/acme/a.mp4"]
    )
    profile: ShortText | None = Field(default=None, description="none means the watch rule's, or the default one")
    outputs: list[Output] | None = Field(default=None, min_length=1, description="none means what the profile says")
    qualities: list[ShortText] | None = Field(
        default=None, min_length=1, max_length=50, description="rungs of the profile; none means all that fit"
    )
    engine: EngineName | None = Field(default=None, description="none means what the watch rule or the profile says")
    priority: int = Field(default=DEFAULT_PRIORITY, ge=0, le=100, description="higher first")
    force: bool = Field(default=False, description="make it again, although it is published or was rejected")


class Cancellation(Asked):
    """Why a job is cancelled."""

    reason: LongText | None = Field(default=None, description="for the job's history and the reports")


class NewPriority(Asked):
    """Another place in the queues."""

    priority: int = Field(ge=0, le=100, description="higher first")


class JobQuery(AskedList):
    """Which jobs are wanted; what is left out means all."""

    status: list[Status] = Field(default=[], description="any of these; source statuses find sources without a job")
    tenant: TenantName | None = None
    engine: EngineName | None = None
    profile: ShortText | None = None
    source: LongText | None = Field(default=None, description="below `s3://bucket/prefix`")


class JobDocument(Answer):
    """One request for outputs of one source. Bytes, seconds, percent 0 to 100, US dollars."""

    ref: str = Field(description="names the job in addresses: its id, or the run that is to plan it")
    id: int | None = Field(description="none until the run has planned it")
    source_id: int | None
    video_id: int | None = Field(description="of the video, as playback tokens ask for it")
    source: str
    version: str
    size: int
    tenant: str
    status: str = Field(description="of the job; of its source while there is no job")
    over: bool = Field(description="nothing more happens by itself, as far as the catalog knows")
    profile: str | None
    engine: str | None
    priority: int | None
    run_id: str | None
    run_state: str | None = Field(description="of the run, where Airflow was asked; `unknown` while it does not answer")
    external_id: str | None
    stage: str | None
    progress: float
    speed: float | None = Field(description="media seconds encoded a second")
    eta: float | None
    error_class: str | None
    error_code: str | None
    reason: str | None = Field(description="why it was rejected or failed")
    retryable: bool | None
    outputs: list[str]
    qualities: list[str]
    warnings: list[str]
    estimated_cost: float | None
    actual_cost: float | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    output: str | None = Field(description="`s3://bucket/prefix` of the outputs")
    manifest: str | None
    public: bool = Field(description="it is what the video shows now")
    player: str | None


class JobDetails(Answer):
    """What happened to a job, what it waits for, how its encode is divided, what it published."""

    history: list[dict[str, Any]]
    waits: list[dict[str, Any]]
    strategy: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    renditions: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]

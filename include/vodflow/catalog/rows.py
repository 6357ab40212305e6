"""Rows of the catalog as values, and what callers hand in to be stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self, get_args, get_type_hints

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, FromClause, Row, null

from vodflow.catalog.states import ArtifactKind, DiscoveredBy, JobStatus, SourceStatus
from vodflow.contract.engine_names import EngineName
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.contract.result import EngineResult
from vodflow.contract.slug import video_slug
from vodflow.errors import ErrorClass, RejectionReason, UnreadableReason

#: What a tenant is called in paths and tables.
TenantSlug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
#: PostgreSQL's text holds every character but NUL; S3 allows 1024 bytes of key.
_Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]+$")]


class NewSource(BaseModel):
    """A source object somebody noticed.

    :param version: S3 version id, or the unquoted ETag where the bucket keeps no versions
    :param size: bytes
    :param seen_at: when these were the key's current bytes for certain; none when only this version was looked at
    :param profile: profile of the watch rule; none means the default one
    :param engine: engine of the watch rule; none means what the profile says
    :param unreadable: why it cannot be read now, where that is known; then no run is started yet
    :param asks: whether the object itself says what shall be made of it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: TenantSlug
    bucket: _Text
    key: _Text
    version: _Text
    version_id: str | None = None
    etag: str
    size: int = Field(ge=0)
    last_modified: AwareDatetime
    seen_at: AwareDatetime | None = None
    discovered_by: DiscoveredBy
    profile: str | None = None
    engine: EngineName | None = None
    unreadable: UnreadableReason | None = None
    unreadable_detail: str | None = None
    asks: bool = False


class NewRendition(BaseModel):
    """A published track, as the verifier measured it. Rates in bits a second, times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    codec: str
    bitrate: int = Field(ge=0)
    measured_bitrate: int = Field(ge=0)
    peak_bitrate: int | None = None
    size_bytes: int = Field(ge=0)
    duration: float = Field(ge=0)
    width: int | None = None
    height: int | None = None
    frame_rate: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    speed: float | None = None


class NewArtifact(BaseModel):
    """A published object that people or players address.

    :param name: path below the job's prefix
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ArtifactKind
    size_bytes: int = Field(ge=0)
    checksum: str | None = None
    content_type: str


def within(column: Any, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """That a moment is at or after one, and before the other; none sets no bound."""
    bounds = [] if since is None else [column >= since]
    return bounds if until is None else [*bounds, column < until]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """Base of the row types. Words and documents of the database become what the fields are declared as."""

    def __post_init__(self) -> None:
        for name, decode in _decoders(type(self)).items():  # type: ignore[arg-type]
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, decode(value))

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """From a result row that has (at least) this record's fields as columns."""
        values = row._mapping  # noqa: SLF001  (SQLAlchemy's public accessor, despite the name)
        return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})

    @classmethod
    def columns(cls, *tables: FromClause, **given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        """What to select for each field: as given, else of the first table with a column of that name, else null."""
        named = {name: table.c[name] for table in reversed(tables) for name in table.c.keys()}  # noqa: SIM118
        return [(named | given).get(field.name, null()).label(field.name) for field in dataclasses.fields(cls)]


@cache
def _decoders(record: type[Record]) -> dict[str, Callable[[Any], Any]]:
    """How fields that are enumerations or models are read, by name."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, declared in get_type_hints(record).items():
        for kind in get_args(declared) or (declared,):
            if isinstance(kind, type) and issubclass(kind, StrEnum):
                found[name] = kind
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                found[name] = kind.model_validate
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceRow(Record):
    """Bytes that a video has or had, with the names that make its output path."""

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
    discovered_by: DiscoveredBy
    profile: str | None
    engine: EngineName | None
    status: SourceStatus
    rejection_reason: RejectionReason | None
    rejection_detail: str | None
    unreadable_reason: UnreadableReason | None
    unreadable_detail: str | None
    media_info: MediaInfo | None
    run_id: str | None
    reopened: int
    registered_at: datetime
    dispatched_at: datetime | None
    probed_at: datetime | None
    rejected_at: datetime | None
    unreadable_at: datetime | None

    @property
    def video_slug(self) -> str:
        """Second part of the output path."""
        return video_slug(self.bucket, self.key)

    @property
    def ref(self) -> SourceRef:
        """The identity of the bytes, as plans name it."""
        return SourceRef(
            bucket=self.bucket, key=self.key, version=self.version, version_id=self.version_id, size=self.size_bytes
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobRow(Record):
    """One plan for one source, carried out by one engine. Costs in US dollars, times in seconds."""

    id: int
    source_id: int
    video_id: int
    plan_hash: str
    profile: str
    revision: int
    engine: EngineName
    priority: int
    status: JobStatus
    stage: str | None
    progress: float
    speed: float | None
    eta_seconds: float | None
    heartbeat_at: datetime | None
    external_id: str | None
    bucket: str
    prefix: str
    run_id: str | None
    error_class: ErrorClass | None
    error_code: str | None
    error_message: str | None
    retryable: bool | None
    created_at: datetime
    queued_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    encoded_at: datetime | None
    verified_at: datetime | None
    finished_at: datetime | None
    estimated_cost: Decimal | None
    actual_cost: Decimal | None
    encode_seconds: float | None
    cpu_seconds: float | None
    worker_seconds: float | None
    plan_document: dict[str, Any]
    result_document: dict[str, Any] | None
    verification_document: dict[str, Any] | None

    @property
    def plan(self) -> TranscodePlan:
        """The plan, decoded."""
        return TranscodePlan.model_validate(self.plan_document)

    @property
    def result(self) -> EngineResult | None:
        """What the engine made, decoded; none before it is done."""
        return None if self.result_document is None else EngineResult.model_validate(self.result_document)

    @property
    def tenant(self) -> str:
        """Slug of whose it is."""
        return str(self.plan_document["tenant"])

    @property
    def divided(self) -> bool:
        """Whether its plan is carried out in parts."""
        return bool(self.plan_document.get("strategy", {}).get("kind", "single") != "single")

    @property
    def published(self) -> bool:
        """Whether the work is done and verified."""
        return self.status == JobStatus.PUBLISHED


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttemptRow(Record):
    """One time an engine was asked to carry a job out. Cost in US dollars.

    :param outcome: none while it runs
    :param external_id: the engine's own id of its job; none before the engine has answered
    :param request: how the engine was asked
    """

    id: int
    job_id: int
    number: int
    engine: EngineName
    worker: str
    run_id: str | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error_class: ErrorClass | None
    external_id: str | None
    tier: str | None
    normalized_minutes: Decimal | None
    estimated_cost: Decimal | None
    request: dict[str, Any] | None

    @property
    def resumable(self) -> bool:
        """Whether the engine's job may still be of use: the attempt runs, or it failed in a way that may pass."""
        return self.outcome is None or (self.outcome == "failed" and self.error_class != ErrorClass.PERMANENT)

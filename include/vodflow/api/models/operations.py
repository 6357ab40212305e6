"""Dead letters, and what others are told: channels and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from vodflow.api.models.common import Answer, Asked, AskedList
from vodflow.api.parameters import LongText, ShortText, TenantName
from vodflow.catalog.states import DeliveryStatus
from vodflow.settings.channels import EventKind


class LetterQuery(AskedList):
    """Which dead letters are wanted; what is left out means all."""

    open: bool | None = Field(default=None, description="those that nobody has resolved, or those that somebody has")
    origin: ShortText | None = Field(default=None, description="what gave up: `ingest_videos.intake`")
    code: ShortText | None = None


class LetterDocument(Answer):
    """Work that was given up and waits for a person."""

    id: int
    origin: str
    identity: str
    code: str
    message: str
    source_id: int | None
    job_id: int | None
    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    can_redrive: bool = Field(description="whether it can be tried again from here")


class LetterDetails(LetterDocument):
    """With what came in, for those who operate the installation."""

    payload: dict[str, Any] | None


class Resolution(Asked):
    """What became of a letter."""

    resolution: LongText = Field(min_length=1, description="one sentence for those who read it later")


class ChannelDocument(Answer):
    """Where notifications go, without what is secret about it."""

    name: str
    type: str
    tenant: str | None = Field(description="whose it is; none means the installation's")
    events: list[EventKind]
    tenants: list[str] = Field(description="only what concerns these, with wildcards; empty means all")
    attempts: int
    timeout: float
    topic_arn: str | None = None


class DeliveryQuery(AskedList):
    """Which deliveries are wanted; what is left out means all."""

    status: DeliveryStatus | None = None
    channel: ShortText | None = None
    event: EventKind | None = None
    tenant: TenantName | None = None
    job_id: int | None = Field(default=None, ge=1, lt=2**63)


class DeliveryDocument(Answer):
    """One event for one channel."""

    id: int
    event_key: str
    channel: str
    event: EventKind
    tenant: str
    source_id: int | None
    job_id: int | None
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    due_at: datetime
    attempted_at: datetime | None
    finished_at: datetime | None
    response_code: int | None
    error: str | None


class DeliveryDetails(DeliveryDocument):
    """With what was sent."""

    payload: dict[str, Any]


class TestResult(Answer):
    """How sending a test event ended."""

    __test__ = False

    delivered: bool
    response_code: int | None
    error: str | None
    retryable: bool

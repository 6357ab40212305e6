"""What others have to be told: notifications by channel, and which metadata items are behind."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.states import DeliveryStatus
from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, timestamp
from vodflow.settings.channels import EventKind

notification_delivery = Table(
    "notification_delivery",
    metadata,
    identity(),
    Column("event_key", Text, nullable=False, comment="equal for the same event, whoever reports it and how often"),
    Column("channel", Text, nullable=False, comment="in VODFLOW_NOTIFICATIONS; tenant/name is a tenant's own"),
    Column("event", Text, nullable=False),
    Column("tenant", Text, nullable=False, comment="empty for what concerns all"),
    Column("source_id", BigInteger, ForeignKey("source.id"), comment="none for what concerns no video alone"),
    Column("job_id", BigInteger, ForeignKey("job.id"), comment="none for a source rejected before it had one"),
    Column("job_event_id", BigInteger, ForeignKey("job_event.id"), comment="the change of status it tells of"),
    Column("payload", JSONB, nullable=False, comment="what is sent, as of the event"),
    Column("status", Text, nullable=False, server_default=DeliveryStatus.PENDING.value),
    Column("attempts", Integer, nullable=False, server_default="0"),
    timestamp("created_at", nullable=False),
    timestamp("due_at", nullable=False, comment="of the next attempt, while it is PENDING"),
    timestamp("attempted_at"),
    timestamp("finished_at"),
    Column("response_code", Integer, comment="HTTP status of the last answer"),
    Column("error", Text, comment="why the last attempt, or the delivery, failed"),
    UniqueConstraint("event_key", "channel"),
    one_of("event", EventKind),
    one_of("status", DeliveryStatus),
    *not_negative("attempts"),
    CheckConstraint("(status = 'PENDING') = (finished_at IS NULL)", name="finished_has_time"),
    CheckConstraint("status <> 'DELIVERED' OR attempts > 0", name="delivered_was_attempted"),
    Index("ix_notification_delivery_due", "due_at", postgresql_where=text("status = 'PENDING'")),
    Index("ix_notification_delivery_source_id", "source_id"),
    Index("ix_notification_delivery_job_id", "job_id"),
    Index("ix_notification_delivery_tenant", "tenant", "id"),
    comment="One event for one channel: the outbox until it is sent, the delivery log afterwards.",
)

metadata_sync = Table(
    "metadata_sync",
    metadata,
    Column("video_id", BigInteger, ForeignKey("video.id"), primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, comment="above that of every item sent before; only grows"),
    Column("synced_version", BigInteger, nullable=False, server_default="0", comment="the table has this or a newer"),
    timestamp("due_at", nullable=False, comment="when to send, while synced_version is below version"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failed since the last success"),
    timestamp("synced_at"),
    Column("error", Text, comment="why the last attempt failed"),
    *not_negative("attempts"),
    CheckConstraint("synced_version BETWEEN 0 AND version", name="synced_version"),
    Index("ix_metadata_sync_due", "due_at", postgresql_where=text("synced_version < version")),
    comment="How far the DynamoDB item of a video is behind the catalog.",
)

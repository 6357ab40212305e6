"""What others have to be told: the outbox and log of notifications, and how far metadata items are behind."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.tables.base import identity, not_negative, one_of, timestamp

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_delivery",
        identity(),
        sa.Column("event_key", sa.Text, nullable=False,
                  comment="equal for the same event, whoever reports it and how often"),
        sa.Column("channel", sa.Text, nullable=False, comment="name of the channel in VODFLOW_NOTIFICATIONS"),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("source_id", sa.BigInteger, sa.ForeignKey("source.id"), nullable=False),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey("job.id"),
                  comment="none for a source rejected before it had one"),
        sa.Column("job_event_id", sa.BigInteger, sa.ForeignKey("job_event.id"),
                  comment="the change of status it tells of"),
        sa.Column("payload", JSONB, nullable=False, comment="what is sent, as of the event"),
        sa.Column("status", sa.Text, server_default="PENDING", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        timestamp("created_at", nullable=False),
        timestamp("due_at", nullable=False, comment="of the next attempt, while it is PENDING"),
        timestamp("attempted_at"),
        timestamp("finished_at"),
        sa.Column("response_code", sa.Integer, comment="HTTP status of the last answer"),
        sa.Column("error", sa.Text, comment="why the last attempt, or the delivery, failed"),
        sa.UniqueConstraint("event_key", "channel"),
        one_of("event", ("published", "failed", "rejected", "canceled")),
        one_of("status", ("PENDING", "DELIVERED", "FAILED", "SUPERSEDED")),
        *not_negative("attempts"),
        sa.CheckConstraint("(status = 'PENDING') = (finished_at IS NULL)", name="finished_has_time"),
        sa.CheckConstraint("status <> 'DELIVERED' OR attempts > 0", name="delivered_was_attempted"),
        sa.Index("ix_notification_delivery_due", "due_at", postgresql_where=sa.text("status = 'PENDING'")),
        sa.Index("ix_notification_delivery_source_id", "source_id"),
        sa.Index("ix_notification_delivery_job_id", "job_id"),
        comment="One event for one channel: the outbox until it is sent, the delivery log afterwards.",
    )  # fmt: skip
    op.create_table(
        "metadata_sync",
        sa.Column("video_id", sa.BigInteger, sa.ForeignKey("video.id"), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="above that of every item sent before; only grows"),
        sa.Column("synced_version", sa.BigInteger, server_default="0", nullable=False,
                  comment="the table has this or a newer"),
        timestamp("due_at", nullable=False, comment="when to send, while synced_version is below version"),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False, comment="failed since the last success"),
        timestamp("synced_at"),
        sa.Column("error", sa.Text, comment="why the last attempt failed"),
        *not_negative("attempts"),
        sa.CheckConstraint("synced_version BETWEEN 0 AND version", name="synced_version"),
        sa.Index("ix_metadata_sync_due", "due_at", postgresql_where=sa.text("synced_version < version")),
        comment="How far the DynamoDB item of a video is behind the catalog.",
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("metadata_sync")
    op.drop_table("notification_delivery")

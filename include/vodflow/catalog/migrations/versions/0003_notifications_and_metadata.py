"""What others have to be told: the outbox and log of notifications, and how far metadata items are behind."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "event_key",
            sa.Text(),
            nullable=False,
            comment="equal for the same event, whoever reports it and how often",
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="name of the channel in VODFLOW_NOTIFICATIONS"),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True, comment="none for a source rejected before it had one"),
        sa.Column("job_event_id", sa.BigInteger(), nullable=True, comment="the change of status it tells of"),
        sa.Column("payload", postgresql.JSONB(), nullable=False, comment="what is sent, as of the event"),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="of the next attempt, while it is PENDING",
        ),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_code", sa.Integer(), nullable=True, comment="HTTP status of the last answer"),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last attempt, or the delivery, failed"),
        sa.CheckConstraint(
            "event IN ('published', 'failed', 'rejected', 'canceled')", name=op.f("ck_notification_delivery_event")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'DELIVERED', 'FAILED', 'SUPERSEDED')", name=op.f("ck_notification_delivery_status")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notification_delivery_attempts")),
        sa.CheckConstraint(
            "(status = 'PENDING') = (finished_at IS NULL)", name=op.f("ck_notification_delivery_finished_has_time")
        ),
        sa.CheckConstraint(
            "status <> 'DELIVERED' OR attempts > 0", name=op.f("ck_notification_delivery_delivered_was_attempted")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_notification_delivery_source_id_source")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_notification_delivery_job_id_job")),
        sa.ForeignKeyConstraint(
            ["job_event_id"], ["job_event.id"], name=op.f("fk_notification_delivery_job_event_id_job_event")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_delivery")),
        sa.UniqueConstraint("event_key", "channel", name=op.f("uq_notification_delivery_event_key_channel")),
        comment="One event for one channel: the outbox until it is sent, the delivery log afterwards.",
    )
    op.create_index(
        "ix_notification_delivery_due",
        "notification_delivery",
        ["due_at"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_index("ix_notification_delivery_source_id", "notification_delivery", ["source_id"])
    op.create_index("ix_notification_delivery_job_id", "notification_delivery", ["job_id"])
    op.create_table(
        "metadata_sync",
        sa.Column("video_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="above that of every item sent before; only grows",
        ),
        sa.Column(
            "synced_version",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="the table has this or a newer",
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when to send, while synced_version is below version",
        ),
        sa.Column(
            "attempts", sa.Integer(), server_default="0", nullable=False, comment="failed since the last success"
        ),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last attempt failed"),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_metadata_sync_attempts")),
        sa.CheckConstraint("synced_version BETWEEN 0 AND version", name=op.f("ck_metadata_sync_synced_version")),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_metadata_sync_video_id_video")),
        sa.PrimaryKeyConstraint("video_id", name=op.f("pk_metadata_sync")),
        comment="How far the DynamoDB item of a video is behind the catalog.",
    )
    op.create_index(
        "ix_metadata_sync_due",
        "metadata_sync",
        ["due_at"],
        postgresql_where=sa.text("synced_version < version"),
    )


def downgrade() -> None:
    op.drop_table("metadata_sync")
    op.drop_table("notification_delivery")

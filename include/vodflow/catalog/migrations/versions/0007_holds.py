"""Runs that wait for what stops every video alike."""

import sqlalchemy as sa
from alembic import op

from vodflow.catalog.tables.base import one_of, timestamp

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("run_id", sa.Text, primary_key=True, comment="run of transcode_video that waits"),
        sa.Column("step", sa.Text, primary_key=True, comment="task of the run"),
        sa.Column("cause", sa.Text, nullable=False, comment="vodflow.errors.SharedCause"),
        sa.Column("scope", sa.Text, nullable=False,
                  comment="the machine whose trouble it is; empty when it is everybody's"),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        timestamp("since", nullable=False),
        timestamp("seen_at", nullable=False, comment="last look"),
        timestamp("tried_at", comment="last try of its own"),
        timestamp("given_up_at", comment="its run has failed, and is started again when the cause is over"),
        one_of("cause", ("disk", "machine", "catalog", "storage", "engine", "account")),
        sa.CheckConstraint("(scope <> '') = (cause IN ('disk', 'machine'))", name="scope"),
        sa.Index("ix_hold_step", "step", "scope"),
        comment="Runs that wait for what stops every video alike: a full disk, S3 away. They spend no try on it.",
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("hold")

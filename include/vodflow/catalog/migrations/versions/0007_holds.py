"""Runs that wait for what stops every video alike."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("run_id", sa.Text(), nullable=False, comment="run of transcode_video that waits"),
        sa.Column("step", sa.Text(), nullable=False, comment="task of the run"),
        sa.Column("cause", sa.Text(), nullable=False, comment="vodflow.errors.SharedCause"),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="the machine whose trouble it is; empty when it is everybody's",
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="last look",
        ),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True, comment="last try of its own"),
        sa.Column(
            "given_up_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="its run has failed, and is started again when the cause is over",
        ),
        sa.CheckConstraint(
            "cause IN ('disk', 'machine', 'catalog', 'storage', 'engine', 'account')", name=op.f("ck_hold_cause")
        ),
        sa.CheckConstraint("(scope <> '') = (cause IN ('disk', 'machine'))", name=op.f("ck_hold_scope")),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_hold")),
        comment="Runs that wait for what stops every video alike: a full disk, S3 away. They spend no try on it.",
    )
    op.create_index("ix_hold_step", "hold", ["step", "scope"])


def downgrade() -> None:
    op.drop_table("hold")

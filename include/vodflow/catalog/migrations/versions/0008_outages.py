"""What stopped every video alike, and notifications that concern no video alone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLE, _EVENT = "notification_delivery", "ck_notification_delivery_event"
_WORDS = "'published', 'failed', 'rejected', 'canceled', 'unreadable'"


def _set_words(words: str) -> None:
    op.drop_constraint(op.f(_EVENT), _TABLE)
    op.create_check_constraint(op.f(_EVENT), _TABLE, f"event IN ({words})")


def upgrade() -> None:
    op.create_table(
        "outage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="vodflow.errors.SharedCause"),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="the machine whose trouble it is; empty when it is everybody's",
        ),
        sa.Column("step", sa.Text(), nullable=False, comment="task that met it first"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="none while anybody waits for it"),
        sa.CheckConstraint(
            "cause IN ('disk', 'machine', 'catalog', 'storage', 'engine', 'account')", name=op.f("ck_outage_cause")
        ),
        sa.CheckConstraint("(scope <> '') = (cause IN ('disk', 'machine'))", name=op.f("ck_outage_scope")),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_outage_ended")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
        comment="What stopped every video alike, and for how long.",
    )
    op.create_index(
        "uq_outage_open", "outage", ["cause", "scope"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    _set_words(f"{_WORDS}, 'held', 'resumed'")
    op.alter_column(_TABLE, "tenant", comment="empty for what concerns all")
    op.alter_column(_TABLE, "source_id", nullable=True, comment="none for what concerns no video alone")


def downgrade() -> None:
    op.execute("DELETE FROM notification_delivery WHERE source_id IS NULL")
    op.alter_column(_TABLE, "source_id", nullable=False, comment=None)
    op.alter_column(_TABLE, "tenant", comment=None)
    _set_words(_WORDS)
    op.drop_table("outage")

"""Sources that cannot be read for a while, and which bytes of a key are the current ones."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHECKS = {
    "ck_source_unreadable_reason": "unreadable_reason ~ '^[a-z][a-z0-9_]*$'",
    "ck_source_reopened": "reopened >= 0",
    "ck_source_unreadable_has_reason": "status <> 'UNREADABLE' OR unreadable_reason IS NOT NULL",
    "ck_source_unreadable_has_time": "(unreadable_reason IS NULL) = (unreadable_at IS NULL)",
}

#: Checks of a column's words, before; one word is added to each.
_WORDS = {
    ("source", "status"): ("'DISCOVERED', 'DISPATCHED', 'PROBED', 'REJECTED'", "UNREADABLE"),
    ("notification_delivery", "event"): ("'published', 'failed', 'rejected', 'canceled'", "unreadable"),
    ("report_transcoding_problem_daily", "kind"): ("'failed', 'rejected'", "unreadable"),
}


def _set_words(*, with_new: bool) -> None:
    for (table, column), (words, new) in _WORDS.items():
        name, added = op.f(f"ck_{table}_{column}"), f", '{new}'" if with_new else ""
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, f"{column} IN ({words}{added})")


def upgrade() -> None:
    for column in (
        sa.Column(
            "current_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="since when the key has these bytes; orders those of one key",
        ),
        sa.Column(
            "unreadable_reason",
            sa.Text(),
            nullable=True,
            comment="why it could not be read when that was tried last; kept afterwards",
        ),
        sa.Column("unreadable_detail", sa.Text(), nullable=True),
        sa.Column("unreadable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened", sa.Integer(), server_default="0", nullable=False, comment="runs started after the first"),
    ):
        op.add_column("source", column)
    op.alter_column("source", "last_modified", comment="by S3", existing_comment="by S3; orders the versions of a key")
    _set_words(with_new=True)
    # That an object is gone was a judgement for good until now.
    op.execute(
        """
        UPDATE source SET current_since = last_modified, unreadable_reason = rejection_reason,
               unreadable_detail = rejection_detail, unreadable_at = rejected_at,
               status = 'UNREADABLE', rejection_reason = NULL, rejection_detail = NULL, rejected_at = NULL
         WHERE rejection_reason = 'gone'
        """
    )
    op.execute("UPDATE source SET current_since = last_modified WHERE status <> 'UNREADABLE'")
    for name, check in _CHECKS.items():
        op.create_check_constraint(op.f(name), "source", check)
    op.create_index(
        "ix_source_unreadable", "source", ["bucket", "key"], postgresql_where=sa.text("status = 'UNREADABLE'")
    )
    op.create_index(
        "ix_source_unreadable_at",
        "source",
        ["unreadable_at"],
        postgresql_where=sa.text("unreadable_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_source_unreadable_at", table_name="source")
    op.drop_index("ix_source_unreadable", table_name="source")
    for name in _CHECKS:
        op.drop_constraint(op.f(name), "source")
    op.execute(
        """
        UPDATE source SET status = 'REJECTED', rejection_reason = 'gone', rejection_detail = unreadable_detail,
               rejected_at = unreadable_at
         WHERE status = 'UNREADABLE'
        """
    )
    op.execute("DELETE FROM notification_delivery WHERE event = 'unreadable'")
    op.execute("DELETE FROM report_transcoding_problem_daily WHERE kind = 'unreadable'")
    _set_words(with_new=False)
    op.alter_column("source", "last_modified", comment="by S3; orders the versions of a key", existing_comment="by S3")
    for name in ("current_since", "unreadable_reason", "unreadable_detail", "unreadable_at", "reopened"):
        op.drop_column("source", name)

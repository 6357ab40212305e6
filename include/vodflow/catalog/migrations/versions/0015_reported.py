"""Notifications that say what mattered of a day."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE, _EVENT = "notification_delivery", "ck_notification_delivery_event"
_WORDS = "'published', 'failed', 'rejected', 'canceled', 'unreadable', 'held', 'resumed'"


def _set_words(words: str) -> None:
    op.drop_constraint(op.f(_EVENT), _TABLE)
    op.create_check_constraint(op.f(_EVENT), _TABLE, f"event IN ({words})")


def upgrade() -> None:
    _set_words(f"{_WORDS}, 'reported'")


def downgrade() -> None:
    op.execute("DELETE FROM notification_delivery WHERE event = 'reported'")
    _set_words(_WORDS)

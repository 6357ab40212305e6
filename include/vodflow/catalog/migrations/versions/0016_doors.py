"""Tenants with settings of their own, API keys, the audit trail; uploads, imports; courses, content keys."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = (
    "tenant_configuration", "api_key", "audit_event", "idempotency_record", "rate_counter", "upload", "url_import",
    "course_video", "enrolment", "course", "playback_revocation", "content_key",
)  # fmt: skip


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for name in _TABLES:
        op.execute(f"DROP TABLE {name}")
    op.execute("DROP FUNCTION audit_event_guard()")
    for name in ("name", "status", "status_reason", "status_at"):
        op.drop_column("tenant", name)

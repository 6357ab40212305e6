"""The catalog: assets, work, outputs, reports, and the job state machine. The statements are in the ``.sql`` file."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "rendition", "publication", "job_event", "job_attempt", "dead_letter", "artifact", "job", "source", "video",
    "report_transcoding_problem_daily", "tenant", "report_transcoding_daily",
)  # fmt: skip


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    for function in ("job_guard", "job_journal", "job_event_guard"):
        op.execute(f"DROP FUNCTION {function}()")

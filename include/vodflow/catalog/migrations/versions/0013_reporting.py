"""The schema ``reporting`` and the role ``analyst`` that reads it; today's two report tables become views of it."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for name in ("job_event_at", "job_open_at", "job_outputs_deleted_at", "job_measurement_measured_at"):
        op.execute(f"DROP INDEX ix_{name}")
    op.execute("DROP INDEX ix_source_waited_at")
    op.execute("DROP VIEW report_transcoding_problem_daily, report_transcoding_daily; DROP SCHEMA reporting CASCADE")
    op.execute(Path(__file__).with_name("0013_before.sql").read_text("utf-8"))

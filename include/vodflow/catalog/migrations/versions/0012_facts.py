"""Facts for reports: measurements of quality, history of publications, prices, and when each fact was recorded."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for table in ("rendition_measurement", "job_measurement", "publication_event", "price"):
        op.drop_table(table)
    for trigger, table in (
        ("publication_journal", "publication"),
        ("source_recorded", "source"),
        ("cancel_request_over", "job"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    made = ("publication_journal", "publication_event_guard", "price_guard", "recorded_now", "cancel_request_over")
    for function in made:
        op.execute(f"DROP FUNCTION {function}()")
    first = Path(__file__).with_name("0001_the_catalog.sql").read_text("utf-8")
    journal = first[first.index("CREATE FUNCTION job_journal()") : first.index("CREATE TRIGGER job_journal")]
    op.execute(journal.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for table, columns in (
        ("source", ("recorded_xid",)),
        ("job_event", ("recorded_xid",)),
        ("job", ("estimated_cpu_seconds", "outputs_deleted_at", "cancel_request")),
    ):
        for column in columns:
            op.drop_column(table, column)
    for index in ("ix_source_registered_at", "ix_source_probed_at"):
        op.drop_index(index, table_name="source")
    op.execute("""
        ALTER TABLE rendition ADD COLUMN vmaf double precision, ADD COLUMN psnr double precision,
            ADD COLUMN ssim double precision,
            ADD CONSTRAINT ck_rendition_psnr CHECK (psnr >= 0),
            ADD CONSTRAINT ck_rendition_vmaf CHECK (vmaf BETWEEN 0 AND 100),
            ADD CONSTRAINT ck_rendition_ssim CHECK (ssim BETWEEN -1 AND 1);
        COMMENT ON COLUMN rendition.vmaf IS 'not filled yet';
        COMMENT ON COLUMN rendition.psnr IS 'decibels; not filled yet';
        COMMENT ON COLUMN rendition.ssim IS 'not filled yet';
    """)

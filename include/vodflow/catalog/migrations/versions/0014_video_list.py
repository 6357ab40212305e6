"""The list of videos: a row for each, by which it is filtered and ordered."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for table in ("source", "job"):
        for trigger in (f"{table}_listed", f"{table}_listed_again"):
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute("DROP FUNCTION list_video()")
    op.execute("DROP VIEW video_newest")
    op.drop_index("ix_video_words", table_name="video")
    op.drop_table("listing")

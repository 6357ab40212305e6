"""Comments: what the columns of a rendition and of the report hold."""

from alembic import op
from sqlalchemy import Double

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SPEED = "media seconds encoded a wall second"
#: (table, column): the comment before, and now.
_COMMENTS = {
    ("rendition", "speed"): (_SPEED, f"{_SPEED}, if encoded by itself; see job.speed"),
    ("rendition", "vmaf"): (None, "not filled yet"),
    ("rendition", "psnr"): ("decibels", "decibels; not filled yet"),
    ("rendition", "ssim"): (None, "not filled yet"),
    ("report_transcoding_daily", "time_to_publish_p50"): (
        "seconds from registered to published",
        "seconds from request to publication",
    ),
    ("report_transcoding_daily", "time_to_publish_p95"): (
        "seconds from registered to published",
        "seconds from request to publication",
    ),
}


def upgrade() -> None:
    for (table, column), (before, now) in _COMMENTS.items():
        op.alter_column(table, column, existing_type=Double(), comment=now, existing_comment=before)
    # Each rendition had the speed of the whole job.
    op.execute("UPDATE rendition SET speed = NULL")


def downgrade() -> None:
    op.execute("UPDATE rendition SET speed = job.speed FROM job WHERE job.id = rendition.job_id")
    for (table, column), (before, now) in _COMMENTS.items():
        op.alter_column(table, column, existing_type=Double(), comment=before, existing_comment=now)

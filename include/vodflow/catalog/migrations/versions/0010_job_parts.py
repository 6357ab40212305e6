"""Parts of divided jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_part",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False, comment="its name: audio, chunk-003, rungs-2160p"),
        sa.Column("title", sa.Text(), nullable=False, comment="for people: chunk 003 (00:01:00–00:01:30)"),
        sa.Column("digest", sa.Text(), nullable=False, comment="of what it is made by"),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False, comment="how often it was begun"),
        sa.Column("worker", sa.Text(), nullable=True, comment="who works or worked: a host, a pod"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True, comment="of its files in S3"),
        sa.Column("checksum", sa.Text(), nullable=True, comment="of its files' checksums"),
        sa.Column("cpu_seconds", sa.Double(), nullable=True, comment="of all its processes"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="of the last attempt"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_job_part_state")),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_job_part_attempt")),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_job_part_size_bytes")),
        sa.CheckConstraint("cpu_seconds >= 0", name=op.f("ck_job_part_cpu_seconds")),
        sa.CheckConstraint(
            "(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_job_part_ended_has_time")
        ),
        sa.CheckConstraint("state <> 'done' OR size_bytes IS NOT NULL", name=op.f("ck_job_part_done_has_size")),
        sa.CheckConstraint(
            "(state = 'failed') = (error_message IS NOT NULL)", name=op.f("ck_job_part_failed_has_message")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_part_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_part")),
        sa.UniqueConstraint("job_id", "part", name=op.f("uq_job_part_job_id_part")),
        comment="One part of a divided job: the sound, a stretch of time, a group of rungs.",
    )


def downgrade() -> None:
    op.drop_table("job_part")

"""Engines that are services: their jobs' ids and events, what they are expected to cost, and places that choose one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ENGINES = "engine IN ('local', 'mediaconvert', 'kubernetes')"

# Raw facts from outside: never rewritten. They may be deleted when they are old; nothing refers to them.
_ENGINE_EVENT_GUARD = """
CREATE FUNCTION engine_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'engine_event keeps what the engine said: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;
CREATE TRIGGER engine_event_guard BEFORE UPDATE OR TRUNCATE ON engine_event
  FOR EACH STATEMENT EXECUTE FUNCTION engine_event_guard();
"""


def upgrade() -> None:
    op.add_column(
        "source",
        sa.Column(
            "engine", sa.Text(), nullable=True, comment="asked for by the watch rule; none means what the profile says"
        ),
    )
    op.create_check_constraint(op.f("ck_source_engine"), "source", _ENGINES)

    op.add_column("job_attempt", sa.Column("engine", sa.Text(), nullable=True))
    op.execute("UPDATE job_attempt SET engine = 'local'")  # the only engine until now
    op.alter_column("job_attempt", "engine", nullable=False)
    op.create_check_constraint(op.f("ck_job_attempt_engine"), "job_attempt", _ENGINES)
    for column in (
        sa.Column("external_id", sa.Text(), nullable=True, comment="the engine's own id of its job"),
        sa.Column("tier", sa.Text(), nullable=True, comment="pricing tier"),
        sa.Column("normalized_minutes", sa.Numeric(14, 4), nullable=True, comment="estimated"),
        sa.Column("estimated_cost", sa.Numeric(12, 6), nullable=True, comment="US dollars"),
        sa.Column(
            "request",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="how the engine was asked: its options, without keys",
        ),
    ):
        op.add_column("job_attempt", column)
    for name in ("normalized_minutes", "estimated_cost"):
        op.create_check_constraint(op.f(f"ck_job_attempt_{name}"), "job_attempt", f"{name} >= 0")
    op.create_index(
        "uq_job_attempt_external",
        "job_attempt",
        ["engine", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "ix_job_attempt_estimated",
        "job_attempt",
        ["started_at"],
        postgresql_where=sa.text("estimated_cost IS NOT NULL"),
    )
    op.create_index(
        "uq_job_external",
        "job",
        ["engine", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )

    op.create_table(
        "engine_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False, comment="given by the sender; a duplicate has the same"),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False, comment="the engine's own id of its job"),
        sa.Column("kind", sa.Text(), nullable=False, comment="the engine's word: COMPLETE, STATUS_UPDATE, …"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="by the engine"),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(_ENGINES, name=op.f("ck_engine_event_engine")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_engine_event_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_event")),
        sa.UniqueConstraint("engine", "event_id", name=op.f("uq_engine_event_engine_event_id")),
        comment="What an engine told about its jobs, as it came: at least once, in any order.",
    )
    op.create_index("ix_engine_event_job_id", "engine_event", ["job_id", "id"])
    op.create_index("ix_engine_event_external", "engine_event", ["engine", "external_id", "kind"])
    op.execute(_ENGINE_EVENT_GUARD)


def downgrade() -> None:
    op.drop_table("engine_event")
    op.execute("DROP FUNCTION engine_event_guard()")
    op.drop_index("uq_job_external", table_name="job")
    op.drop_index("ix_job_attempt_estimated", table_name="job_attempt")
    op.drop_index("uq_job_attempt_external", table_name="job_attempt")
    for name in ("request", "estimated_cost", "normalized_minutes", "tier", "external_id", "engine"):
        op.drop_column("job_attempt", name)
    op.drop_column("source", "engine")

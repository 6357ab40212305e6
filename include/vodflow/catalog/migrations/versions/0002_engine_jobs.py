"""Engines that are services: their jobs' ids and events, what they are expected to cost, and places that choose one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.tables.base import identity, timestamp

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
    asked = sa.Column("engine", sa.Text, comment="asked for by the watch rule; none means what the profile says")
    op.add_column("source", asked)
    op.create_check_constraint(op.f("ck_source_engine"), "source", _ENGINES)

    op.add_column("job_attempt", sa.Column("engine", sa.Text))
    op.execute("UPDATE job_attempt SET engine = 'local'")  # the only engine until now
    op.alter_column("job_attempt", "engine", nullable=False)
    op.create_check_constraint(op.f("ck_job_attempt_engine"), "job_attempt", _ENGINES)
    for column in (
        sa.Column("external_id", sa.Text, comment="the engine's own id of its job"),
        sa.Column("tier", sa.Text, comment="pricing tier"),
        sa.Column("normalized_minutes", sa.Numeric(14, 4), comment="estimated"),
        sa.Column("estimated_cost", sa.Numeric(12, 6), comment="US dollars"),
        sa.Column("request", JSONB(none_as_null=True), comment="how the engine was asked: its options, without keys"),
    ):
        op.add_column("job_attempt", column)
    for name in ("normalized_minutes", "estimated_cost"):
        op.create_check_constraint(op.f(f"ck_job_attempt_{name}"), "job_attempt", f"{name} >= 0")
    known, estimated = sa.text("external_id IS NOT NULL"), sa.text("estimated_cost IS NOT NULL")
    for table in ("job_attempt", "job"):
        columns = ["engine", "external_id"]
        op.create_index(f"uq_{table}_external", table, columns, unique=True, postgresql_where=known)
    op.create_index("ix_job_attempt_estimated", "job_attempt", ["started_at"], postgresql_where=estimated)

    op.create_table(
        "engine_event",
        identity(),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False, comment="given by the sender; a duplicate has the same"),
        sa.Column("job_id", sa.BigInteger, sa.ForeignKey("job.id"), nullable=False),
        sa.Column("external_id", sa.Text, nullable=False, comment="the engine's own id of its job"),
        sa.Column("kind", sa.Text, nullable=False, comment="the engine's word: COMPLETE, STATUS_UPDATE, …"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="by the engine"),
        timestamp("received_at", nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.CheckConstraint(_ENGINES, name="engine"),
        sa.UniqueConstraint("engine", "event_id"),
        sa.Index("ix_engine_event_job_id", "job_id", "id"),
        sa.Index("ix_engine_event_external", "engine", "external_id", "kind"),
        comment="What an engine told about its jobs, as it came: at least once, in any order.",
    )
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

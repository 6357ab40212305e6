"""Rows of one tenant for requests of that tenant: the role ``vodflow_tenant`` and its policies."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_POLICIES = text("SELECT schemaname, tablename FROM pg_policies WHERE policyname = 'own_tenant'")
_GUARDS = {"job_event_guard": "0001_the_catalog", "publication_event_guard": "0012_facts"}
_VIEWS = ("work_now", "last_hour")


def upgrade() -> None:
    # Views read with their owner's rights: they say themselves what a tenant sees of them.
    own = "current_user <> 'vodflow_tenant' OR tenant = current_tenant()"
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    functions, mark, rest = statements.partition("-- Sources and jobs say themselves")
    op.execute(functions)
    for name in _VIEWS:
        head, query = _view(name)
        op.execute(f"{head}\nSELECT * FROM (\n{query}) AS everything WHERE {own}")
    op.execute(mark + rest)


def downgrade() -> None:
    for schema, table in op.get_bind().execute(_POLICIES).all():
        op.execute(f"DROP POLICY everyone ON {schema}.{table}")
        op.execute(f"DROP POLICY own_tenant ON {schema}.{table}")
        op.execute(f"ALTER TABLE {schema}.{table} DISABLE ROW LEVEL SECURITY")
    for name in _VIEWS:
        op.execute("\n".join(_view(name)))
    for name, version in _GUARDS.items():
        op.execute(_part(version, f"CREATE FUNCTION {name}()", "END $$;").replace("CREATE", "CREATE OR REPLACE", 1))
    op.execute("ALTER FUNCTION list_video() SECURITY INVOKER RESET search_path")
    for table in ("source", "job"):
        op.execute(f"DROP TRIGGER {table}_tenant ON {table}")
        op.drop_column(table, "tenant_id")
    op.drop_index("ix_notification_delivery_tenant", "notification_delivery")
    op.execute("COMMENT ON COLUMN notification_delivery.channel IS 'name of the channel in VODFLOW_NOTIFICATIONS'")
    op.execute("DROP TABLE reporting.pipeline_latency")
    op.execute(_part("0013_reporting", "CREATE TABLE reporting.pipeline_latency", "CREATE TABLE reporting.ladder"))
    for name in ("protect_tenants", "removes_a_tenant", "tenant_of_video", "current_tenant_id", "current_tenant"):
        op.execute(f"DROP FUNCTION {name}()")
    # The role stays, for other databases of the server may use it; here it may do nothing any more.
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vodflow_tenant') THEN"
        " DROP OWNED BY vodflow_tenant; END IF; END $$"
    )


def _view(name: str) -> tuple[str, str]:
    """How a view began, and the query that it is."""
    head, _, query = _part("0013_reporting", f"CREATE VIEW reporting.{name} AS", ";").partition("\n")
    return head.replace("CREATE", "CREATE OR REPLACE", 1), query


def _part(version: str, first: str, last: str) -> str:
    """What an earlier migration says from here to there; to the end of the statement, or to where the next begins."""
    said = Path(__file__).with_name(f"{version}.sql").read_text("utf-8")
    begin = said.index(first)
    end = said.index(last, begin + len(first))
    return said[begin : end + len(last)].removesuffix(last if last.startswith("CREATE") else "").rstrip(";")

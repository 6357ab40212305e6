"""Rows of one tenant for requests of that tenant: the role ``vodflow_tenant`` and its policies."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_POLICIES = text("SELECT schemaname, tablename FROM pg_policies WHERE policyname = 'own_tenant'")


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    for schema, table in op.get_bind().execute(_POLICIES).all():
        op.execute(f"DROP POLICY everyone ON {schema}.{table}")
        op.execute(f"DROP POLICY own_tenant ON {schema}.{table}")
        op.execute(f"ALTER TABLE {schema}.{table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION current_tenant_id(); DROP FUNCTION current_tenant()")
    # The role stays, for other databases of the server may use it; here it may do nothing any more.
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vodflow_tenant') THEN"
        " DROP OWNED BY vodflow_tenant; END IF; END $$"
    )

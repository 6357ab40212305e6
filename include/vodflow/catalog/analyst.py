"""The role ``analyst``: it reads the schema ``reporting``, and nothing else.

The migration makes it where it may make roles; where it may not, an administrator does, before or after.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, text

from vodflow.errors import CatalogError, ConfigurationError

ROLE: Final = "analyst"

#: What a session of the role begins with; as in the migration.
_SESSION: Final = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5min",
    "search_path": "reporting",
    "timezone": "UTC",
}

_GRANTS: Final = f"""
    GRANT USAGE ON SCHEMA reporting TO {ROLE};
    GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {ROLE};
    ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO {ROLE};
"""
#: Whoever may connect could fill the disk with temporary tables otherwise.
_NO_TABLES: Final = """
    DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$
"""


def make_role(connection: Any, password: str) -> None:
    """Make the role if it is missing; it has this password and these bounds afterwards.

    :param connection: a psycopg2 connection in autocommit mode, of somebody who may make roles
    """
    from psycopg2 import sql  # noqa: PLC0415 - only where a database is asked

    role = sql.Identifier(ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        cursor.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        for name, value in _SESSION.items():
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            cursor.execute(statement.format(role, sql.Identifier(name), sql.Literal(value)))


def grant(conn: Connection) -> None:
    """Let the role read the schema ``reporting``, with what later migrations add there. Safe to run twice.

    :param conn: of the catalog's owner
    :raises ConfigurationError: there is no such role
    :raises CatalogError: the catalog has no such schema yet
    """
    require_role(conn)
    conn.execute(text(_GRANTS))
    if conn.scalar(text("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()")):
        conn.execute(text(_NO_TABLES))


def require_role(conn: Connection) -> None:
    """See that role and schema are there.

    :raises ConfigurationError: there is no such role
    :raises CatalogError: the catalog has no such schema yet
    """
    schema, role = conn.execute(
        text("SELECT to_regnamespace('reporting') IS NOT NULL, EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"),
        {"role": ROLE},
    ).one()
    if not schema:
        raise CatalogError(
            "The catalog has not this version's tables: there is no schema reporting. Run `vodflow catalog upgrade`."
        )
    if not role:
        raise ConfigurationError(
            f"The server has no role {ROLE}. Have an administrator run CREATE ROLE {ROLE} LOGIN PASSWORD '…', or set "
            "VODFLOW_ANALYST_PASSWORD and run `vodflow init` with VODFLOW_POSTGRES_ADMIN_URL. Then run `vodflow report "
            "grant`."
        )

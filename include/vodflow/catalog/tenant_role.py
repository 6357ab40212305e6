"""The role ``vodflow_tenant``, as which requests of one tenant are carried out; the policies are the migrations'.

The migration makes it where it may make roles; where it may not, an administrator does, before or after.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from vodflow.catalog.database import TENANT_ROLE
from vodflow.errors import CatalogError, ConfigurationError

_FOUND = text(
    "SELECT to_regprocedure('protect_tenants()') IS NOT NULL,"
    " EXISTS (SELECT FROM pg_roles WHERE rolname = :role), current_user"
)


def make_tenant_role(connection: Any, owner: str) -> None:
    """Make the role if it is missing, and let the catalog's owner take it on. Safe to run twice.

    :param connection: a psycopg2 connection in autocommit mode, of somebody who may make roles
    :param owner: role that owns the catalog's tables
    """
    from psycopg2 import sql  # noqa: PLC0415 - only where a database is asked

    role = sql.Identifier(TENANT_ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (TENANT_ROLE,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        cursor.execute(sql.SQL("GRANT {} TO {}").format(role, sql.Identifier(owner)))


def grant(conn: Connection) -> None:
    """Have each tenant's requests see and change its own rows alone, as the newest migration says. Safe to run twice.

    :param conn: of the catalog's owner
    :raises ConfigurationError: there is no such role, or the owner may not take it on
    :raises CatalogError: the catalog has no such tables yet
    """
    ready, role, owner = conn.execute(_FOUND, {"role": TENANT_ROLE}).one()
    if not ready:
        raise CatalogError("The catalog has not this version's tables. Run `vodflow catalog upgrade`.")
    if not role and not conn.scalar(
        text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    ):
        raise ConfigurationError(
            f"The server has no role {TENANT_ROLE}. Have an administrator run CREATE ROLE {TENANT_ROLE} NOLOGIN; GRANT "
            f'{TENANT_ROLE} TO "{owner}", or run `vodflow init` with VODFLOW_POSTGRES_ADMIN_URL. Then run `vodflow '
            "tenants grant`."
        )
    conn.execute(text("SELECT protect_tenants()"))

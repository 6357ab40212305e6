"""The role ``vodflow_tenant``, as which requests of one tenant are carried out; the policies are the migrations'.

The migration makes it where it may make roles; where it may not, an administrator does, before or after.
"""

from __future__ import annotations

from typing import Any

from vodflow.catalog.database import TENANT_ROLE


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

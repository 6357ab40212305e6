"""Rows of tenants that are met for the first time."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ARRAY, Connection, Text, bindparam, text

from vodflow.catalog.database import acting_tenant

_INSERT = text("INSERT INTO tenant (slug) SELECT unnest(:slugs) ON CONFLICT (slug) DO NOTHING").bindparams(
    bindparam("slugs", type_=ARRAY(Text))
)


def ensure_tenants(conn: Connection, slugs: Iterable[str]) -> None:
    """Make tenants that are not there yet. Whoever acts for one tenant makes none: its own row is there."""
    if acting_tenant() is None:
        conn.execute(_INSERT, {"slugs": sorted(set(slugs))})

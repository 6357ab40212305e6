"""Sources, looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from vodflow.catalog.rows import SourceRow
from vodflow.catalog.tables import source, tenant, video
from vodflow.errors import CatalogError


def find_source(
    conn: Connection, bucket: str, key: str, version: str, *, etag: str | None = None, size: int | None = None
) -> SourceRow | None:
    """The source of this version, or of the same bytes (ETag and size) under another one; none when there is none."""
    same = or_(source.c.version == version, and_(source.c.etag == etag, source.c.size_bytes == size))
    query = select_sources().where(source.c.bucket == bucket, source.c.key == key, same)
    row = conn.execute(query.order_by((source.c.version == version).desc(), source.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else SourceRow.of(row)


def get_source(conn: Connection, source_id: int) -> SourceRow:
    """A source by id.

    :raises CatalogError: when there is none
    """
    row = conn.execute(select_sources().where(source.c.id == source_id)).one_or_none()
    if row is None:
        raise CatalogError(f"There is no source {source_id} in the catalog.")
    return SourceRow.of(row)


def select_sources() -> Select[Any]:
    """Every source with its tenant's name."""
    return (
        select(source, tenant.c.slug.label("tenant"))
        .join(video, video.c.id == source.c.video_id)
        .join(tenant, tenant.c.id == video.c.tenant_id)
    )

"""Sources, looked up."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from vodflow.catalog.rows import SourceRow, within
from vodflow.catalog.states import SourceStatus
from vodflow.catalog.tables import source, tenant, video
from vodflow.errors import NotInCatalog


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFilter:
    """Which sources are wanted; none means all.

    :param reason: why it was rejected, or could not be read when that was tried last
    :param prefix: how the key begins
    :param since: registered at or after that moment
    :param until: and before this one
    """

    tenant: str | None = None
    statuses: frozenset[SourceStatus] | None = None
    reason: str | None = None
    bucket: str | None = None
    prefix: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_sources(
    conn: Connection, wanted: SourceFilter, limit: int, after: int | None = None, *, oldest_first: bool = False
) -> list[SourceRow]:
    """Sources in the order of their registration, newest first unless asked otherwise.

    :param after: only what follows the source with this id
    """
    key = source.c.id
    order = key if oldest_first else key.desc()
    owner = select(tenant.c.id).where(tenant.c.slug == wanted.tenant).scalar_subquery()
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.tenant, source.c.tenant_id == owner),
        (wanted.statuses, source.c.status.in_(sorted(wanted.statuses or ()))),
        (wanted.reason, or_(source.c.rejection_reason == wanted.reason, source.c.unreadable_reason == wanted.reason)),
        (wanted.bucket, source.c.bucket == wanted.bucket),
        (wanted.prefix or None, source.c.key.startswith(wanted.prefix, autoescape=True)),
        (after, key > (after or 0) if oldest_first else key < (after or 0)),
    ]
    # The page is chosen first, by ids alone: an index of one table gives their order, whatever the planner thinks of
    # the rows that a tenant has.
    ids = select(key).where(*(condition for asked, condition in conditions if asked is not None))
    ids = ids.where(*within(source.c.registered_at, wanted.since, wanted.until)).order_by(order).limit(limit)
    query = select_sources().where(key.in_(ids.scalar_subquery())).order_by(order)
    return [SourceRow.of(row) for row in conn.execute(query)]


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

    :raises NotInCatalog: when there is none
    """
    row = conn.execute(select_sources().where(source.c.id == source_id)).one_or_none()
    if row is None:
        raise NotInCatalog(f"There is no source {source_id} in the catalog.")
    return SourceRow.of(row)


def select_sources() -> Select[Any]:
    """Every source with its tenant's name."""
    return (
        select(source, tenant.c.slug.label("tenant"))
        .join(video, video.c.id == source.c.video_id)
        .join(tenant, tenant.c.id == video.c.tenant_id)
    )

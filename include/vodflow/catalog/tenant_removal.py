"""Everything that the catalog has of a tenant, found by the columns of its tables, and removed with the tenant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Text,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
)

from vodflow.catalog.tables import (
    audit_event,
    course,
    hold,
    job,
    metadata,
    publication,
    rendition,
    reporting,
    source,
    tenant,
    upload,
    url_import,
    video,
)
from vodflow.catalog.tenants import TenantRow

#: Rows removed by one statement: a transaction stays short, and what is done stays done.
BATCH: Final = 5000

#: What outlives a tenant: who did what.
KEPT: Final = (audit_event,)

#: What the audit trail calls a removal.
REMOVED: Final = "tenants.delete"

#: Columns that name rows which say themselves whose they are.
_OWNERS: Final = {"video_id": video, "source_id": source, "job_id": job, "course_id": course}


def tables_of() -> Iterator[Table]:
    """The tables that hold things of tenants, those first whose rows name others'; ``tenant`` is the last."""
    # The trigger of publications notes their end in rows that go as well.
    order = [publication, *(one for one in reversed(metadata.sorted_tables) if one not in {publication, tenant})]
    for table in [*reporting.sorted_tables, *order, tenant]:
        if table not in KEPT and (table is tenant or _mine(table, 0, "") is not None):
            yield table


def remove_some(conn: Connection, row: TenantRow, table: Table) -> int:
    """Remove up to 5,000 of the tenant's rows of a table; returns how many. It must be one that is being deleted."""
    conn.execute(select(func.set_config("vodflow.removed_tenant", row.slug, true())))
    inner: FromClause = table.alias("inner_table")
    mine = inner.c.id == row.id if table is tenant else _mine(inner, row.id, row.slug)
    if mine is None:
        raise ValueError(f"{table.fullname} holds nothing of tenants")
    own, place = (literal_column(name, Text) for name in ("ctid", "inner_table.ctid"))
    some = select(place).select_from(inner).where(mine).limit(BATCH)
    return conn.execute(delete(table).where(own.in_(some))).rowcount


def stored_keys(conn: Connection, row: TenantRow) -> list[tuple[str, list[str]]]:
    """Bucket and keys of what the tenant sent: of its videos, uploads and imports."""
    parts = (select(one.c.bucket, one.c.key).where(one.c.tenant_id == row.id) for one in (video, upload, url_import))
    first, *others = parts
    sent = first.union(*others).subquery()
    query = select(sent.c.bucket, func.array_agg(sent.c.key)).group_by(sent.c.bucket).order_by(sent.c.bucket)
    return [(bucket, keys) for bucket, keys in conn.execute(query)]


def open_multiparts(conn: Connection, row: TenantRow) -> list[tuple[str, str, str]]:
    """Bucket, key and S3's id of what the tenant sent in parts, whether it is over or not."""
    found: list[tuple[str, str, str]] = []
    for one in (upload, url_import):
        mine = (one.c.tenant_id == row.id) & one.c.multipart_id.is_not(None)
        found += [
            tuple(place) for place in conn.execute(select(one.c.bucket, one.c.key, one.c.multipart_id).where(mine))
        ]
    return found


def output_prefixes(conn: Connection, row: TenantRow) -> list[tuple[str, str]]:
    """Bucket and prefix of each job's outputs."""
    query = select(job.c.bucket, job.c.prefix).where(job.c.tenant_id == row.id).order_by(job.c.id)
    return [(bucket, prefix) for bucket, prefix in conn.execute(query)]


def reported_days(conn: Connection, row: TenantRow) -> list[date]:
    """Days of which reports name the tenant, and those that earlier tries of its removal noted in the audit trail."""
    tables = [one.c for one in reporting.tables.values() if "day" in one.c and "tenant" in one.c]
    found = union(*(select(one.day).where(one.tenant == row.slug) for one in tables))
    begun = (audit_event.c.tenant == row.slug, audit_event.c.action == REMOVED, audit_event.c.at >= row.created_at)
    noted = conn.scalars(select(audit_event.c.detail["days"]).where(*begun))
    return sorted({*conn.scalars(found), *(date.fromisoformat(day) for days in noted for day in days or ())})


def _mine(table: FromClause, tenant_id: int, slug: str) -> ColumnElement[bool] | None:
    """Which rows are a tenant's; none where no row is anybody's."""
    columns = table.c
    if "tenant_id" in columns:
        return columns.tenant_id == tenant_id
    if "tenant" in columns:
        return columns.tenant == slug
    named: list[ColumnElement[bool]] = [
        columns[name].in_(select(owner.c.id).where(owner.c.tenant_id == tenant_id))
        for name, owner in _OWNERS.items()
        if name in columns
    ]
    if "rendition_id" in columns:
        jobs = select(job.c.id).where(job.c.tenant_id == tenant_id)
        named.append(columns.rendition_id.in_(select(rendition.c.id).where(rendition.c.job_id.in_(jobs))))
    if getattr(table, "element", table) is hold:
        runs = (select(one.c.run_id).where(one.c.tenant_id == tenant_id) for one in (job, source))
        named += [columns.run_id.in_(run) for run in runs]
    return or_(*named) if named else None

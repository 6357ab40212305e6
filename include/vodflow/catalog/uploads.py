"""Uploads that others send to S3 themselves: opened, found, ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from vodflow.catalog.rows import Record
from vodflow.catalog.states import UploadStatus
from vodflow.catalog.storable import clean
from vodflow.catalog.tables import tenant, upload
from vodflow.catalog.tenant_rows import ensure_tenants
from vodflow.errors import CatalogError


@dataclasses.dataclass(frozen=True, kw_only=True)
class UploadRow(Record):
    """One upload.

    :param tenant: slug
    :param request: what is asked to be made of it, as a run's conf has it
    """

    id: int
    public_id: str
    tenant: str
    bucket: str
    key: str
    filename: str
    content_type: str
    size_bytes: int
    multipart_id: str | None
    part_size: int | None
    part_checksums: bool
    crc32: str | None
    request: Mapping[str, Any] | None
    status: UploadStatus
    source_id: int | None
    error: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None

    @property
    def uri(self) -> str:
        """Where it goes."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def parts(self) -> int:
        """How many parts it has; 0 where it is sent in one request."""
        return -(-self.size_bytes // self.part_size) if self.part_size else 0

    def size_of(self, number: int) -> int:
        """Bytes of a part.

        :param number: 1 to :attr:`parts`
        """
        size = self.part_size or self.size_bytes
        return min(size, self.size_bytes - (number - 1) * size)


def _select() -> Select[Any]:
    columns = UploadRow.columns(upload, tenant=tenant.c.slug)
    return select(*columns).join_from(upload, tenant)


def open_upload(conn: Connection, tenant_slug: str, values: Mapping[str, Any]) -> UploadRow:
    """Note that somebody may send a file.

    :param values: columns of the table, its tenant excepted
    :raises CatalogError: another upload to that place is open, or there is no such tenant
    """
    ensure_tenants(conn, [tenant_slug])
    tenant_id = conn.scalar(select(tenant.c.id).where(tenant.c.slug == tenant_slug))
    if tenant_id is None:
        raise CatalogError(f"There is no tenant {tenant_slug}.")
    place = (upload.c.bucket == values["bucket"], upload.c.key == values["key"], upload.c.status == UploadStatus.OPEN)
    if other := conn.scalar(select(upload.c.public_id).where(*place)):
        raise CatalogError(f"Upload {other} of that name is open: complete or cancel it first.")
    made = conn.scalar(insert(upload).values(tenant_id=tenant_id, **values).returning(upload.c.id))
    return UploadRow.of(conn.execute(_select().where(upload.c.id == made)).one())


def find_upload(conn: Connection, public_id: str) -> UploadRow | None:
    """One upload.

    :param public_id: a UUID
    """
    row = conn.execute(_select().where(upload.c.public_id == public_id)).one_or_none()
    return None if row is None else UploadRow.of(row)


def list_uploads(
    conn: Connection, limit: int, *, tenant_slug: str | None, status: UploadStatus | None, before_id: int | None
) -> list[UploadRow]:
    """A page of uploads, newest first.

    :param before_id: id of the last one of the page before
    """
    query = _select().order_by(upload.c.id.desc()).limit(limit)
    if tenant_slug is not None:
        query = query.where(tenant.c.slug == tenant_slug)
    if status is not None:
        query = query.where(upload.c.status == status)
    if before_id is not None:
        query = query.where(upload.c.id < before_id)
    return [UploadRow.of(row) for row in conn.execute(query)]


def overdue_uploads(conn: Connection, limit: int, after_id: int = 0) -> Sequence[UploadRow]:
    """Open uploads whose time is over, by ascending id."""
    due = (upload.c.status == UploadStatus.OPEN, upload.c.expires_at < func.now(), upload.c.id > after_id)
    return [UploadRow.of(row) for row in conn.execute(_select().where(*due).order_by(upload.c.id).limit(limit))]


def end_upload(
    conn: Connection, upload_id: int, status: UploadStatus, *, source_id: int | None = None, error: str | None = None
) -> bool:
    """Note what became of an open upload; false when it is over already."""
    statement = (
        update(upload)
        .where(upload.c.id == upload_id, upload.c.status == UploadStatus.OPEN)
        .values(
            status=status,
            source_id=source_id,
            error=None if error is None else clean(error),
            finished_at=func.clock_timestamp(),
        )
    )
    return conn.execute(statement).rowcount > 0

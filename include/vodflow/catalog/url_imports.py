"""Imports by URL: asked for, begun, how far they are, ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, update

from vodflow.catalog.rows import Record
from vodflow.catalog.states import ImportStatus, TenantStatus
from vodflow.catalog.storable import clean_message
from vodflow.catalog.tables import tenant, url_import
from vodflow.catalog.tenant_rows import ensure_tenants
from vodflow.errors import CatalogError

_UNFINISHED: Final = (ImportStatus.QUEUED, ImportStatus.FETCHING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportRow(Record):
    """One import.

    :param tenant: slug
    :param url: without user, password and query
    :param request: what is asked to be made of it, as a run's conf has it
    """

    id: int
    tenant: str
    url: str
    sealed_url: str = dataclasses.field(repr=False)
    bucket: str
    key: str
    request: Mapping[str, Any] | None
    status: ImportStatus
    size_bytes: int | None
    total_bytes: int | None
    validator: str | None
    multipart_id: str | None
    attempts: int
    run_id: str | None
    source_id: int | None
    error: str | None
    created_by: str
    created_at: datetime
    begun_at: datetime | None
    finished_at: datetime | None

    @property
    def uri(self) -> str:
        """Where it is put."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status not in _UNFINISHED


def _select() -> Select[Any]:
    return select(*ImportRow.columns(url_import, tenant=tenant.c.slug)).join_from(url_import, tenant)


def find_same(conn: Connection, tenant_slug: str, identity: str) -> ImportRow | None:
    """The tenant's import of that identity."""
    same = (tenant.c.slug == tenant_slug, url_import.c.identity == identity)
    row = conn.execute(_select().where(*same)).one_or_none()
    return None if row is None else ImportRow.of(row)


def open_import(conn: Connection, tenant_slug: str, values: Mapping[str, Any]) -> ImportRow:
    """Note what is to be fetched. Its run's id is made from its own.

    :param values: columns of the table, its tenant excepted
    :raises CatalogError: there is no such tenant, or it has this import already
    """
    ensure_tenants(conn, [tenant_slug])
    tenant_id = conn.scalar(select(tenant.c.id).where(tenant.c.slug == tenant_slug))
    if tenant_id is None:
        raise CatalogError(f"There is no tenant {tenant_slug}.")
    made = conn.scalar(insert(url_import).values(tenant_id=tenant_id, **values).returning(url_import.c.id))
    conn.execute(update(url_import).where(url_import.c.id == made).values(run_id=f"import-{made}"))
    return ImportRow.of(conn.execute(_select().where(url_import.c.id == made)).one())


def find_import(conn: Connection, import_id: int) -> ImportRow | None:
    """One import."""
    row = conn.execute(_select().where(url_import.c.id == import_id)).one_or_none()
    return None if row is None else ImportRow.of(row)


def list_imports(
    conn: Connection, limit: int, *, tenant_slug: str | None, status: ImportStatus | None, before_id: int | None
) -> list[ImportRow]:
    """A page of imports, newest first.

    :param before_id: id of the last one of the page before
    """
    query = _select().order_by(url_import.c.id.desc()).limit(limit)
    if tenant_slug is not None:
        query = query.where(tenant.c.slug == tenant_slug)
    if status is not None:
        query = query.where(url_import.c.status == status)
    if before_id is not None:
        query = query.where(url_import.c.id < before_id)
    return [ImportRow.of(row) for row in conn.execute(query)]


def waiting_imports(conn: Connection, limit: int) -> list[ImportRow]:
    """Imports that nobody has begun, the oldest first. Those of tenants that are suspended wait until these go on."""
    queued = (url_import.c.status == ImportStatus.QUEUED, tenant.c.status == TenantStatus.ACTIVE)
    return [ImportRow.of(row) for row in conn.execute(_select().where(*queued).order_by(url_import.c.id).limit(limit))]


def begin_import(conn: Connection, import_id: int) -> ImportRow | None:
    """Begin a try; none where the import is over, or was cancelled."""
    statement = (
        update(url_import)
        .where(url_import.c.id == import_id, url_import.c.status.in_(_UNFINISHED))
        .values(
            status=ImportStatus.FETCHING,
            attempts=url_import.c.attempts + 1,
            begun_at=func.clock_timestamp(),
            error=None,
        )
    )
    return find_import(conn, import_id) if conn.execute(statement).rowcount else None


def note_import(conn: Connection, import_id: int, attempt: int, **values: Any) -> bool:
    """Keep how far a try is; false when it is no more wanted, or another one has begun since.

    :param attempt: its number, from 1
    :param values: columns of the table
    """
    going_on = (*_try(import_id, attempt), url_import.c.status == ImportStatus.FETCHING)
    return conn.execute(update(url_import).where(*going_on).values(**values)).rowcount > 0


def _try(import_id: int, attempt: int | None) -> list[ColumnElement[bool]]:
    wanted = [url_import.c.id == import_id]
    return wanted if attempt is None else [*wanted, url_import.c.attempts == attempt]


def end_import(
    conn: Connection,
    import_id: int,
    status: ImportStatus,
    *,
    attempt: int | None = None,
    source_id: int | None = None,
    error: str | None = None,
) -> bool:
    """Note what became of an import; false when it is over already.

    :param attempt: number of the try that ends it; false as well when another one has begun since
    """
    statement = (
        update(url_import)
        .where(*_try(import_id, attempt), url_import.c.status.in_(_UNFINISHED))
        .values(
            status=status,
            source_id=source_id,
            error=None if error is None else clean_message(error),
            finished_at=func.clock_timestamp(),
            # One that was cancelled before its run began: another run of the same id would find nothing to do.
            attempts=func.greatest(url_import.c.attempts, 1),
        )
    )
    return conn.execute(statement).rowcount > 0


def queue_again(conn: Connection, import_id: int) -> bool:
    """Want an import that ended without success once more, by another run; false for all others."""
    ended = (ImportStatus.FAILED, ImportStatus.REFUSED, ImportStatus.CANCELED)
    statement = (
        update(url_import)
        .where(url_import.c.id == import_id, url_import.c.status.in_(ended))
        .values(
            status=ImportStatus.QUEUED,
            run_id=func.concat("import-", url_import.c.id, "-", url_import.c.attempts),
            finished_at=None,
            error=None,
        )
    )
    return conn.execute(statement).rowcount > 0


def end_silent_imports(conn: Connection, seconds: float) -> int:
    """Give imports up whose last try began so long ago that it cannot go on; returns how many."""
    statement = (
        update(url_import)
        .where(
            url_import.c.status == ImportStatus.FETCHING,
            url_import.c.begun_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds),
        )
        .values(
            status=ImportStatus.FAILED,
            error="Its last try ended without a word: the worker was lost.",
            finished_at=func.clock_timestamp(),
        )
    )
    return conn.execute(statement).rowcount

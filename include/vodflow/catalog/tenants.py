"""Tenants: who there is, whether they may use the installation, and what they have otherwise than it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select, text, union_all, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.database import acting_tenant
from vodflow.catalog.rows import JobRow, Record
from vodflow.catalog.states import FINISHED, JobStatus, TenantStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import job, source, tenant, tenant_configuration, upload, url_import, video
from vodflow.errors import CatalogError, TenantBusy, TenantSuspended
from vodflow.settings import get_settings

#: Statuses of jobs that an engine works on.
_AT_WORK = (JobStatus.SUBMITTED, JobStatus.PROGRESSING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TenantRow(Record):
    """One tenant.

    :param status_at: since when it has this status; none for the first one
    """

    id: int
    slug: str
    name: str
    status: TenantStatus
    status_reason: str | None
    status_at: datetime | None
    created_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigurationRow(Record):
    """What a tenant has otherwise than the installation.

    :param document: ``vodflow.tenancy.configuration.TenantConfiguration`` without its secrets
    :param secrets: these by name, sealed
    :param version: 0 while it has nothing of its own
    """

    slug: str
    document: dict[str, Any]
    secrets: dict[str, str] | None
    version: int
    updated_at: datetime | None
    updated_by: str | None


def find_tenant(conn: Connection, slug: str, *, locked: bool = False) -> TenantRow | None:
    """A tenant; none when there is no such one.

    :param locked: keep others from changing it until the end of the transaction
    """
    query = select(tenant).where(tenant.c.slug == slug)
    row = conn.execute(query.with_for_update() if locked else query).one_or_none()
    return None if row is None else TenantRow.of(row)


def list_tenants(conn: Connection, limit: int, after: str = "") -> list[TenantRow]:
    """Tenants in the order of their slugs.

    :param after: only those behind this slug
    """
    query = select(tenant).where(tenant.c.slug > after).order_by(tenant.c.slug).limit(limit)
    return [TenantRow.of(row) for row in conn.execute(query)]


def add_tenant(conn: Connection, slug: str, name: str) -> TenantRow | None:
    """Make a tenant; none when there is one of this slug."""
    made = insert(tenant).values(slug=slug, name=clean(name)).on_conflict_do_nothing().returning(tenant)
    row = conn.execute(made).one_or_none()
    return None if row is None else TenantRow.of(row)


def change_tenant(conn: Connection, slug: str, **values: Any) -> TenantRow | None:
    """Change columns of a tenant; none when there is no such one.

    :param values: ``name``; or ``status`` with ``status_reason``, where the moment is noted as well
    """
    if "status" in values:
        values |= {"status_at": func.clock_timestamp(), "status_reason": clean_message(values["status_reason"] or "")}
    row = conn.execute(update(tenant).where(tenant.c.slug == slug).values(**values).returning(tenant)).one_or_none()
    return None if row is None else TenantRow.of(row)


def find_configuration(conn: Connection, slug: str, *, locked: bool = False) -> ConfigurationRow | None:
    """What a tenant has of its own; none when it has nothing."""
    query = _configurations().where(tenant.c.slug == slug)
    row = conn.execute(query.with_for_update(of=tenant_configuration) if locked else query).one_or_none()
    return None if row is None else ConfigurationRow.of(row)


def all_configurations(conn: Connection) -> list[ConfigurationRow]:
    """What all tenants have of their own, in the order of their slugs; those with nothing are left out."""
    return [ConfigurationRow.of(row) for row in conn.execute(_configurations().order_by(tenant.c.slug))]


def store_configuration(
    conn: Connection, tenant_id: int, document: dict[str, Any], secrets: dict[str, str], *, version: int, by: str
) -> int | None:
    """Keep what a tenant has of its own; the new version, or none when somebody else has changed it since.

    :param version: that the change was made from; 0 when there was none
    """
    values = {
        "document": clean(document), "secrets": secrets or None, "updated_by": by, "version": version + 1,
        "updated_at": func.clock_timestamp(),
    }  # fmt: skip
    mine = (tenant_configuration.c.tenant_id == tenant_id) & (tenant_configuration.c.version == version)
    changed = update(tenant_configuration).where(mine).values(**values)
    made = insert(tenant_configuration).values(tenant_id=tenant_id, **values).on_conflict_do_nothing()
    stored: int | None = conn.scalar((changed if version else made).returning(tenant_configuration.c.version))
    return stored


def channels_asking(conn: Connection, slug: str, event: str) -> list[str]:
    """Names of a tenant's own notification channels that want an event of this kind: ``tenant/channel``."""
    query = select(tenant_configuration.c.document["channels"]).join(tenant).where(tenant.c.slug == slug)
    channels = conn.scalar(query) or ()
    return [f"{slug}/{one['name']}" for one in channels if event in one["events"]]


def lock_places(conn: Connection) -> None:
    """Until the transaction ends nobody else assigns places: two tenants never get the same."""
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("vodflow.places", text("0")))))


def others_in(conn: Connection, tenant_id: int, bucket: str, prefix: str) -> str | None:
    """Slug of another tenant that has a video, an upload, an import or outputs below a prefix, if there is one."""
    paths = (
        (video, video.c.key), (upload, upload.c.key), (url_import, url_import.c.key), (job, job.c.prefix + "/"),
    )  # fmt: skip
    theirs = (
        select(one.c.tenant_id).where(
            one.c.bucket == bucket, path.startswith(prefix, autoescape=True), one.c.tenant_id != tenant_id
        )
        for one, path in paths
    )
    found: str | None = conn.scalar(select(tenant.c.slug).where(tenant.c.id.in_(union_all(*theirs))).limit(1))
    return found


def open_jobs(conn: Connection, slug: str) -> int:
    """How many of a tenant's jobs are not over."""
    mine = select(func.count()).select_from(job).join(tenant, tenant.c.id == job.c.tenant_id)
    return int(conn.scalar(mine.where(tenant.c.slug == slug, job.c.status.not_in(FINISHED))) or 0)


def require_staying(conn: Connection, source_id: int) -> None:
    """See that the tenant of a source is not being deleted; until the transaction ends that does not begin either.

    :raises TenantSuspended: it is
    """
    query = select(tenant.c.slug, tenant.c.status).join(source, source.c.tenant_id == tenant.c.id)
    query = query.where(source.c.id == source_id)
    if acting_tenant() is None:  # a tenant's own requests may not lock its row
        query = query.with_for_update(read=True, of=tenant)
    slug, status = conn.execute(query).one()
    if status == TenantStatus.DELETING:
        raise TenantSuspended(f"Tenant {slug} is being deleted: nothing of it starts.", code="tenant_deleting")


def require_room(conn: Connection, row: JobRow) -> None:
    """See that an engine may begin one more job of a tenant; nobody else of it begins one in this transaction.

    One that is at work goes on whatever else is, and those without a sign of life for ``VODFLOW_JOB_LEASE`` seconds do
    not count.

    :raises TenantBusy: as many are at work as the tenant may have
    """
    if row.status in _AT_WORK:
        return
    slug = row.tenant
    asked = tenant_configuration.c.document["assigned"]["concurrency"].astext
    found = conn.scalar(select(asked).join(tenant).where(tenant.c.slug == slug))
    if found is None:
        return
    key = func.hashtextextended(cast(f"vodflow.concurrency.{slug}", Text), text("0"))
    conn.execute(select(func.pg_advisory_xact_lock(key)))
    at_work = select(func.count()).select_from(job).join(tenant, tenant.c.id == job.c.tenant_id)
    seen = func.greatest(job.c.heartbeat_at, job.c.started_at, job.c.submitted_at)
    alive = seen > func.clock_timestamp() - timedelta(seconds=get_settings().job_lease)
    count = conn.scalar(at_work.where(tenant.c.slug == slug, job.c.status.in_(_AT_WORK), alive)) or 0
    if count >= int(found):
        raise TenantBusy(
            f"Job {row.id} waits: {count} jobs of tenant {slug} are at work, and it may have {found} at the same time.",
            job_id=row.id,
        )


def require_tenant(conn: Connection, slug: str, *, locked: bool = False) -> TenantRow:
    """A tenant.

    :raises CatalogError: there is no such one
    """
    found = find_tenant(conn, slug, locked=locked)
    if found is None:
        raise CatalogError(f"There is no tenant {slug}; `vodflow tenants list` shows those there are.")
    return found


def _configurations() -> Any:
    columns = [column for column in tenant_configuration.c if column.name != "tenant_id"]
    return select(tenant.c.slug, *columns).join(tenant, tenant.c.id == tenant_configuration.c.tenant_id)

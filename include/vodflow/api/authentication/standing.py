"""Whether a tenant may use the installation now."""

from __future__ import annotations

from sqlalchemy import select

from vodflow.api.problems import Problem
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tables import tenant
from vodflow.settings import Settings


def check_tenant(slug: str, settings: Settings) -> None:
    """See that there is such a tenant, and that it may work. Asks the catalog.

    :raises Problem: there is none, or it is suspended (403)
    """
    with acting_for(None), transaction("vodflow.api", settings) as connection:
        status = connection.scalar(select(tenant.c.status).where(tenant.c.slug == slug))
    if status is None:
        raise Problem(403, "unknown_tenant", f"There is no tenant {slug}; `vodflow tenants create` makes one.")
    check_status(slug, TenantStatus(status))


def check_status(slug: str, status: TenantStatus) -> None:
    """See that a tenant may work.

    :raises Problem: it is suspended (403)
    """
    if status is not TenantStatus.ACTIVE:
        raise Problem(403, "tenant_suspended", f"Tenant {slug} is suspended: ask those who run this installation.")

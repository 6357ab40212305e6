"""The audit trail: who changed what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vodflow.api.access import TenantManager
from vodflow.api.app_state import services
from vodflow.api.models.tenants import AuditDocument, AuditQuery
from vodflow.api.paging import Page, page_of
from vodflow.catalog.audit import list_events
from vodflow.catalog.database import transaction

router = APIRouter(prefix="/api/v1/audit", tags=["tenants"])


@router.get("")
def audit(
    request: Request, response: Response, caller: TenantManager, asked: Annotated[AuditQuery, Query()]
) -> Page[AuditDocument]:
    """Every change that was made through the API or by commands; a tenant sees those of its own things."""
    order = f"audit {asked.sort}"
    after = asked.page.after(order, int)
    with transaction(caller.actor, services(request).settings) as connection:
        found = list_events(
            connection, asked.limit + 1, after[0] if after else None, tenant=asked.tenant, action=asked.action,
            actor=asked.actor, since=asked.since, until=asked.until, oldest_first=asked.oldest_first,
        )  # fmt: skip
    return page_of(request, response, found, asked.limit, order, AuditDocument.of)

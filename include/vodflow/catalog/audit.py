"""The audit trail: who changed what through the API or its commands. Rows are added, and never changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from vodflow.catalog.rows import Record
from vodflow.catalog.storable import clean
from vodflow.catalog.tables import audit_event


def add_event(
    conn: Connection,
    action: str,
    thing: str,
    *,
    actor: str,
    actor_kind: str,
    tenant: str | None = None,
    detail: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    address: str | None = None,
) -> None:
    """Note one change.

    :param action: ``jobs.cancel``
    :param thing: what was changed: ``job 12``
    :param actor_kind: ``service``, ``user``, ``api_key``, ``sender`` or ``command``
    :param tenant: slug of whose it is; none where it is the installation's
    :param detail: what changed, for JSON and without secrets
    """
    conn.execute(
        insert(audit_event).values(
            action=action, object=thing, actor=actor, actor_kind=actor_kind, tenant=tenant or "",
            detail=clean(dict(detail)) if detail else None, request_id=request_id, address=address,
        )
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditRow(Record):
    """One change.

    :param tenant: slug of whose thing it was; none for what is not one tenant's
    """

    id: int
    at: datetime
    actor: str
    actor_kind: str
    tenant: str | None
    action: str
    object: str
    request_id: str | None
    address: str | None
    detail: dict[str, Any] | None


def list_events(
    conn: Connection,
    limit: int,
    after: int | None = None,
    *,
    tenant: str | None = None,
    action: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    oldest_first: bool = False,
) -> list[AuditRow]:
    """Changes, newest first unless asked otherwise; none of the conditions means all.

    :param after: only what follows the event with this id
    """
    table = audit_event.c
    columns = AuditRow.columns(audit_event, tenant=func.nullif(table.tenant, ""))
    conditions: list[tuple[object, Callable[[Any], ColumnElement[bool]]]] = [
        (tenant, table.tenant.__eq__), (action, table.action.__eq__), (actor, table.actor.__eq__),
        (since, table.at.__ge__), (until, table.at.__lt__),
        (after, table.id.__gt__ if oldest_first else table.id.__lt__),
    ]  # fmt: skip
    query = select(*columns).where(*(compared(asked) for asked, compared in conditions if asked is not None))
    order = table.id if oldest_first else table.id.desc()
    return [AuditRow.of(row) for row in conn.execute(query.order_by(order).limit(limit))]

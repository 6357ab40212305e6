"""The audit trail: who changed what through the API or its commands. Rows are added, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

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
            detail=dict(detail) if detail else None, request_id=request_id, address=address,
        )
    )  # fmt: skip

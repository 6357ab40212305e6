"""The audit trail of requests. Routes say what they changed; of those that do not, the guard notes that they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.catalog.audit import add_event
from vodflow.catalog.database import acting_for, transaction


def record(
    request: Request, action: str, thing: str, *, detail: Mapping[str, Any] | None = None, tenant: str | None = None
) -> None:
    """Note what this request changed, in a transaction of its own: call it once the change is made.

    :param action: ``jobs.cancel``
    :param thing: what was changed: ``job 12``
    :param detail: what changed, for JSON and without secrets
    :param tenant: slug of whose it is; none means the caller's
    """
    request.state.audited = True
    caller: Caller | None = request.state.caller
    kind, name = (caller.kind.value, caller.name) if caller else ("sender", "unknown")
    whose = tenant or (caller.tenant if caller else None)
    with acting_for(None), transaction("vodflow.api", services(request).settings) as connection:
        add_event(
            connection, action, thing, actor=name, actor_kind=kind, tenant=whose, detail=detail,
            request_id=request.state.request_id, address=request.client.host if request.client else None,
        )  # fmt: skip

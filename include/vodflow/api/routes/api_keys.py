"""API keys of programs: made, replaced and ended; the key itself is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from vodflow.api.access import TenantManager
from vodflow.api.app_state import address_of, services
from vodflow.api.audit import record
from vodflow.api.callers import INSTALLATION_ONLY, Caller, Scope
from vodflow.api.models.tenants import KeyDocument, NewKey, NewKeyDocument, Rotation
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import ObjectId, TenantName
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.catalog.database import transaction
from vodflow.catalog.tenants import find_tenant
from vodflow.tenancy import api_keys
from vodflow.tenancy.api_keys import ApiKey

router = APIRouter(prefix="/api/v1/api-keys", tags=["tenants"])


@router.get("")
def list_api_keys(
    request: Request,
    response: Response,
    caller: TenantManager,
    pages: Pages,
    tenant: Annotated[TenantName | None, Query(description="of this tenant alone")] = None,
) -> Page[KeyDocument]:
    """API keys, newest first, also those that do not hold any more."""
    order = f"api-keys {tenant}"
    after = pages.after(order, int)
    with transaction(caller.actor, services(request).settings) as connection:
        found = api_keys.list_keys(
            connection, tenant_slug=tenant, after=after[0] if after else None, limit=pages.limit + 1
        )
    return page_of(request, response, found, pages.limit, order, KeyDocument.of)


@router.post("", status_code=201, responses=problem_responses(404))
def create_api_key(request: Request, response: Response, caller: TenantManager, asked: NewKey) -> NewKeyDocument:
    """Make a key. It is shown in this answer, and never again."""
    whose = asked.tenant or caller.tenant
    _check_rights(caller, whose, asked.scopes)
    with transaction(caller.actor, services(request).settings) as connection:
        if whose is not None and find_tenant(connection, whose) is None:
            raise not_found(f"tenant {whose}")
        made = api_keys.create(
            connection, asked.name, asked.scopes, created_by=caller.actor, tenant_slug=whose,
            expires_at=asked.expires_at,
        )  # fmt: skip
    _note(request, "api_keys.create", made.key)
    response.headers["Location"] = address_of(request, "api/v1/api-keys", made.key.id)
    return NewKeyDocument.shown(made)


@router.get("/{key_id}", responses=problem_responses(404))
def read_api_key(request: Request, caller: TenantManager, key_id: ObjectId) -> KeyDocument:
    """One key."""
    with transaction(caller.actor, services(request).settings) as connection:
        return KeyDocument.of(_known(connection, key_id))


@router.post("/{key_id}/rotate", status_code=201, responses=problem_responses(404, 409))
def rotate_api_key(
    request: Request, response: Response, caller: TenantManager, key_id: ObjectId, asked: Rotation
) -> NewKeyDocument:
    """Make a successor with the same rights; the old key holds for a while yet, so that nothing stands still."""
    with transaction(caller.actor, services(request).settings) as connection:
        old = _known(connection, key_id)
        _check_rights(caller, old.tenant, old.scopes)
        made = api_keys.rotate(
            connection, key_id, created_by=caller.actor, grace=timedelta(seconds=asked.grace_seconds)
        )
    _note(request, "api_keys.rotate", made.key, replaces=key_id)
    response.headers["Location"] = address_of(request, "api/v1/api-keys", made.key.id)
    return NewKeyDocument.shown(made)


@router.delete("/{key_id}", responses=problem_responses(404))
def revoke_api_key(request: Request, caller: TenantManager, key_id: ObjectId) -> KeyDocument:
    """End a key at once. Safe to repeat."""
    with transaction(caller.actor, services(request).settings) as connection:
        _check_rights(caller, _known(connection, key_id).tenant, ())
        ended = api_keys.revoke(connection, key_id)
    if ended is None:
        raise not_found(f"API key {key_id}")
    _note(request, "api_keys.revoke", ended)
    return KeyDocument.of(ended)


def _known(connection: Connection, key_id: int) -> ApiKey:
    found = api_keys.get(connection, key_id)
    if found is None:
        raise not_found(f"API key {key_id}")
    return found


def _check_rights(caller: Caller, tenant: str | None, scopes: list[Scope] | tuple[str, ...]) -> None:
    """Nobody gives away, by a key, what they may not do themselves.

    :raises Problem: they would
    """
    if tenant is None and not caller.may(Scope.TENANTS_MANAGE):
        raise Problem(403, "not_allowed", f"Keys of the installation take the right {Scope.TENANTS_MANAGE}.")
    mine = {scope for scope in Scope if caller.may(scope)}
    beyond = sorted(set(scopes) - mine)
    if beyond:
        raise Problem(403, "not_allowed", f"You may not give rights that you have not: {', '.join(beyond)}.")
    if tenant is not None and (common := sorted(set(scopes) & INSTALLATION_ONLY)):
        raise Problem(
            422, "invalid_scopes", f"A tenant's key cannot have {', '.join(common)}: leave that out.",
            errors=[{"field": "body.scopes", "rule": "installation_only", "message": "not for a tenant's key"}],
        )  # fmt: skip


def _note(request: Request, action: str, made: ApiKey, **more: int) -> None:
    detail = {"name": made.name, "prefix": made.prefix, "scopes": list(made.scopes), **more}
    record(request, action, f"API key {made.id}", detail=detail, tenant=made.tenant)

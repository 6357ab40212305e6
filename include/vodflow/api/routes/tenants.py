"""Tenants: who there is, what each has of its own, and how one comes, stops and goes."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import ValidationError

from vodflow.api import etags
from vodflow.api.access import TenantManager, TenantsManager
from vodflow.api.app_state import address_of, services
from vodflow.api.audit import record
from vodflow.api.callers import Caller, Scope
from vodflow.api.models.tenants import (
    ConfigurationDocument,
    ExportedDocument,
    ExportRequest,
    NewTenant,
    RemovedDocument,
    Renamed,
    Suspension,
    TenantDocument,
)
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import TenantName
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.catalog.database import transaction
from vodflow.catalog.tenants import TenantRow, find_tenant, list_tenants
from vodflow.errors import ConfigurationError
from vodflow.jobs.tenant_export import export_tenant
from vodflow.jobs.tenant_removal import days_reported, remove_tenant
from vodflow.tenancy import registry
from vodflow.tenancy.registry import Configured

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"])

_ORDER = "tenants"


@router.get("")
def tenants(request: Request, response: Response, caller: TenantsManager, pages: Pages) -> Page[TenantDocument]:
    """All tenants, in the order of their slugs."""
    after = pages.after(_ORDER, str)
    with transaction(caller.actor, services(request).settings) as connection:
        found = list_tenants(connection, pages.limit + 1, after[0] if after else "")
    return page_of(request, response, found, pages.limit, _ORDER, TenantDocument.model_validate, attrgetter("slug"))


@router.post("", status_code=201, responses=problem_responses(409))
def create(request: Request, response: Response, caller: TenantsManager, asked: NewTenant) -> TenantDocument:  # noqa: ARG001
    """Make a tenant."""
    made = registry.create(asked.slug, asked.name, services(request).settings)
    record(request, "tenants.create", f"tenant {made.slug}", detail={"name": made.name}, tenant=made.slug)
    response.headers["Location"] = address_of(request, "api/v1/tenants", made.slug)
    return TenantDocument.model_validate(made)


@router.get("/{slug}", responses=problem_responses(404))
def tenant(request: Request, caller: TenantManager, slug: TenantName) -> TenantDocument:
    """One tenant."""
    return TenantDocument.model_validate(_known(request, caller, slug))


@router.patch("/{slug}", responses=problem_responses(404))
def rename(request: Request, caller: TenantManager, slug: TenantName, asked: Renamed) -> TenantDocument:
    """Give a tenant another name for people."""
    before = _known(request, caller, slug)
    made = registry.rename(slug, asked.name, services(request).settings)
    detail = {"name": {"old": before.name, "new": made.name}}
    record(request, "tenants.rename", f"tenant {slug}", detail=detail, tenant=slug)
    return TenantDocument.model_validate(made)


@router.post("/{slug}/suspend", responses=problem_responses(404, 409))
def suspend(request: Request, caller: TenantsManager, slug: TenantName, asked: Suspension) -> TenantDocument:
    """Let nothing new of a tenant start, and refuse its callers; what runs goes on."""
    _known(request, caller, slug)
    made = registry.suspend(slug, asked.reason, services(request).settings)
    record(request, "tenants.suspend", f"tenant {slug}", detail={"reason": asked.reason}, tenant=slug)
    return TenantDocument.model_validate(made)


@router.post("/{slug}/resume", responses=problem_responses(404, 409))
def resume(request: Request, caller: TenantsManager, slug: TenantName) -> TenantDocument:
    """Let a suspended tenant go on; sources that waited start with the next round of sensing."""
    _known(request, caller, slug)
    made = registry.resume(slug, services(request).settings)
    record(request, "tenants.resume", f"tenant {slug}", tenant=slug)
    return TenantDocument.model_validate(made)


@router.get("/{slug}/configuration", responses=problem_responses(404))
def configuration(
    request: Request, response: Response, caller: TenantManager, slug: TenantName
) -> ConfigurationDocument:
    """What a tenant has otherwise than the installation; secrets are masked."""
    _known(request, caller, slug)
    found = registry.configuration(slug, services(request).settings)
    etags.check(request, response, _etag(slug, found))
    return ConfigurationDocument.of(found)


@router.put("/{slug}/configuration", responses=problem_responses(404, 409, 412, 428))
def configure(
    request: Request,
    response: Response,
    caller: TenantManager,
    slug: TenantName,
    document: Annotated[dict[str, Any], Body(description="see docs/tenants.md; `********` keeps a secret as it is")],
) -> ConfigurationDocument:
    """Replace what a tenant has of its own, as the version that If-Match names.

    What is `assigned` is the installation's to change: others leave it out, or send it as it is.
    """
    _known(request, caller, slug)
    if "if-match" not in request.headers:
        raise Problem(
            428, "precondition_required", "Send If-Match with the ETag of the configuration that you have read."
        )
    used = services(request).settings
    before = registry.configuration(slug, used)
    etags.check(request, response, _etag(slug, before))
    try:
        made = registry.configure(
            slug, document, used, by=caller.actor, version=before.version, assigned_too=caller.may(Scope.TENANTS_MANAGE)
        )
    except ConfigurationError as error:
        raise _wrong(error) from error
    if made.changed:
        record(request, "tenants.configure", f"tenant {slug}", detail=made.changed, tenant=slug)
    response.headers["ETag"] = _etag(slug, made)
    return ConfigurationDocument.of(made)


@router.post("/{slug}/export", responses=problem_responses(404))
def export(request: Request, caller: TenantsManager, slug: TenantName, asked: ExportRequest) -> ExportedDocument:
    """Write everything of a tenant below a prefix in S3. Ends when that is done; safe to repeat."""
    _known(request, caller, slug)
    done = export_tenant(slug, asked.target, services(request).settings, with_bytes=asked.with_bytes)
    record(request, "tenants.export", f"tenant {slug}", detail={"target": asked.target, "rows": done.rows}, tenant=slug)
    return ExportedDocument.of(done)


@router.delete("/{slug}", responses=problem_responses(404, 409))
def delete(
    request: Request,
    caller: TenantsManager,
    slug: TenantName,
    confirm: Annotated[str, Query(description="the slug once more", max_length=63)],
) -> RemovedDocument:
    """Remove a tenant with its videos, outputs and rows, for good; what it did stays in the audit trail.

    Ends when that is done; if it breaks off, send it again.
    """
    _known(request, caller, slug)
    if confirm != slug:
        raise Problem(
            422, "not_confirmed", f"Everything of {slug} would be removed: say so with confirm={slug}.",
            errors=[{"field": "query.confirm", "rule": "slug", "message": "must be the tenant's slug"}],
        )  # fmt: skip
    used = services(request).settings
    begun = {"state": "begun", "days": [str(day) for day in days_reported(slug, used)]}
    record(request, "tenants.delete", f"tenant {slug}", detail=begun, tenant=slug)
    done = remove_tenant(slug, used)
    detail = {"state": "done", "objects": done.objects, "rows": done.rows}
    record(request, "tenants.delete", f"tenant {slug}", detail=detail, tenant=slug)
    return RemovedDocument.of(done)


def _known(request: Request, caller: Caller, slug: str) -> TenantRow:
    """The tenant, as far as the caller sees it.

    :raises Problem: there is none
    """
    with transaction(caller.actor, services(request).settings) as connection:
        found = find_tenant(connection, slug)
    if found is None:
        raise not_found(f"tenant {slug}")
    return found


def _etag(slug: str, found: Configured) -> str:
    return etags.etag_of("configuration", slug, found.version)


def _wrong(error: ConfigurationError) -> Problem:
    if error.code == "assigned":
        return Problem(403, "not_allowed", str(error))
    cause = error.__cause__
    errors = [
        {"field": ".".join(map(str, item["loc"])) or "body", "rule": item["type"],
         "message": item["msg"].removeprefix("Value error, ")}
        for item in (cause.errors() if isinstance(cause, ValidationError) else ())
    ]  # fmt: skip
    return Problem(422, "invalid_configuration", str(error), errors=errors)

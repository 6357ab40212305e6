"""Imports by URL: ask for one, look, cancel, try again. See docs/uploads.md."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vodflow import jobs
from vodflow.api import audit
from vodflow.api.access import Uploader
from vodflow.api.app_state import address_of, airflow_of, services
from vodflow.api.job_access import document
from vodflow.api.models.imports import ImportDetails, ImportDocument, NewImport
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import ObjectId, TenantName
from vodflow.api.problems import problem_responses
from vodflow.api.routes.uploads import tenant_for
from vodflow.catalog.states import ImportStatus
from vodflow.catalog.url_imports import ImportRow

router = APIRouter(prefix="/api/v1/imports", tags=["uploads"])


@router.post(
    "",
    status_code=201,
    responses=problem_responses(409, 429)
    | {200: {"model": ImportDetails, "description": "Asked for before: the same import."}},
)
def create_import(request: Request, response: Response, caller: Uploader, asked: NewImport) -> ImportDetails:
    """Have a video fetched and transcoded. The same URL for the same place is one import."""
    tenant = tenant_for(caller, asked.tenant)
    with airflow_of(request, caller) as airflow:
        found, new = jobs.create_import(
            asked.url, name=asked.name, tenant=tenant, by=caller.actor, airflow=airflow,
            settings=services(request).settings, **asked.options(),
        )  # fmt: skip
    _record(request, "create", found, new=new)
    response.status_code = 201 if new else 200
    response.headers["Location"] = address_of(request, "api/v1/imports", found.id)
    return _details(request, found)


@router.get("", responses=problem_responses(422, 503))
def list_imports(
    request: Request,
    response: Response,
    caller: Uploader,  # noqa: ARG001 - the right is what is asked for
    pages: Pages,
    status: Annotated[ImportStatus | None, Query()] = None,
    tenant: Annotated[TenantName | None, Query()] = None,
) -> Page[ImportDocument]:
    """Imports, newest first."""
    order = f"imports {status} {tenant}"
    after = pages.after(order, int)
    found = jobs.list_imports(
        tenant=tenant, status=status, limit=pages.limit + 1, before_id=after[0] if after else None,
        settings=services(request).settings,
    )  # fmt: skip
    return page_of(request, response, found, pages.limit, order, ImportDocument.of)


@router.get("/{import_id}", responses=problem_responses(404, 503))
def get_import(request: Request, caller: Uploader, import_id: ObjectId) -> ImportDetails:  # noqa: ARG001
    """How far it is, and what became of it."""
    return _details(request, jobs.get_import(import_id, settings=services(request).settings))


@router.post("/{import_id}/cancel", responses=problem_responses(404, 409, 503))
def cancel_import(request: Request, caller: Uploader, import_id: ObjectId) -> ImportDetails:  # noqa: ARG001
    """Stop it within seconds, and forget what was fetched. Twice is once."""
    found = jobs.cancel_import(import_id, settings=services(request).settings)
    _record(request, "cancel", found)
    return _details(request, found)


@router.post("/{import_id}/retry", responses=problem_responses(404, 409, 503))
def retry_import(request: Request, caller: Uploader, import_id: ObjectId) -> ImportDetails:
    """Try it again where it failed, was refused or cancelled; it goes on behind what has arrived."""
    with airflow_of(request, caller) as airflow:
        found = jobs.retry_import(import_id, airflow=airflow, settings=services(request).settings)
    _record(request, "retry", found)
    return _details(request, found)


def _record(request: Request, action: str, found: ImportRow, **more: bool) -> None:
    audit.record(
        request, f"imports.{action}", f"import {found.id}", tenant=found.tenant,
        detail={"url": found.url, "source": found.uri, **more},
    )  # fmt: skip


def _details(request: Request, found: ImportRow) -> ImportDetails:
    ended = found.status == ImportStatus.COMPLETED
    job = document(jobs.get(f"source-{found.source_id}", settings=services(request).settings)) if ended else None
    return ImportDetails(**ImportDocument.shown(found), job=job)

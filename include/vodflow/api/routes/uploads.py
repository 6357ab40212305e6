"""Uploads that go to S3 directly: open one, have its requests signed, look, complete, cancel. See docs/uploads.md."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vodflow import jobs
from vodflow.api import audit
from vodflow.api.access import Uploader
from vodflow.api.app_state import address_of, airflow_of, services
from vodflow.api.callers import Caller
from vodflow.api.job_access import document
from vodflow.api.models.uploads import (
    NewUpload,
    SignedParts,
    UploadDetails,
    UploadDocument,
    WantedParts,
    Wishes,
    signed_parts,
)
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import TenantName
from vodflow.api.problems import Problem, problem_responses
from vodflow.catalog.states import UploadStatus
from vodflow.catalog.uploads import UploadRow

router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"])


@router.post("", status_code=201, responses=problem_responses(403, 409, 422, 429, 503))
def open_upload(request: Request, response: Response, caller: Uploader, asked: NewUpload) -> UploadDetails:
    """Let a file be sent to S3, and say how."""
    settings = services(request).settings
    values = asked.model_dump(exclude={*Wishes.model_fields, "tenant"})
    upload = jobs.create_upload(
        **values, **asked.options(), tenant=tenant_for(caller, asked.tenant), by=caller.actor, settings=settings
    )
    audit.record(
        request, "uploads.create", f"upload {upload.public_id}", tenant=upload.tenant,
        detail={"filename": upload.filename, "size": upload.size_bytes, "source": upload.uri},
    )  # fmt: skip
    response.headers["Location"] = address_of(request, "api/v1/uploads", upload.public_id)
    return _details(request, upload)


@router.get("", responses=problem_responses(422, 503))
def list_uploads(
    request: Request,
    response: Response,
    caller: Uploader,  # noqa: ARG001 - the right is what is asked for
    pages: Pages,
    status: Annotated[UploadStatus | None, Query()] = None,
    tenant: Annotated[TenantName | None, Query()] = None,
) -> Page[UploadDocument]:
    """Uploads, newest first."""
    order = f"uploads {status} {tenant}"
    after = pages.after(order, int)
    found = jobs.list_uploads(
        tenant=tenant, status=status, limit=pages.limit + 1, before_id=after[0] if after else None,
        settings=services(request).settings,
    )  # fmt: skip
    return page_of(request, response, found, pages.limit, order, UploadDocument.of)


@router.get("/{upload_id}", responses=problem_responses(404, 503))
def get_upload(request: Request, caller: Uploader, upload_id: str) -> UploadDetails:  # noqa: ARG001
    """One upload, the parts that S3 has of it, and what became of it."""
    return _details(request, jobs.get_upload(upload_id, settings=services(request).settings))


@router.post("/{upload_id}/parts", responses=problem_responses(404, 409, 422))
def sign_parts(request: Request, caller: Uploader, upload_id: str, wanted: WantedParts) -> SignedParts:  # noqa: ARG001
    """Sign the requests that send some parts; as often as is needed, also for parts that were sent before."""
    settings = services(request).settings
    upload = jobs.get_upload(upload_id, settings=settings)
    return signed_parts(jobs.sign_parts(upload, {one.number: one.crc32 for one in wanted.parts}, settings=settings))


@router.post("/{upload_id}/complete", responses=problem_responses(404, 409, 502, 503))
def complete_upload(request: Request, caller: Uploader, upload_id: str) -> UploadDetails:
    """See that everything has arrived as promised, and have it transcoded. Twice is once."""
    settings = services(request).settings
    with airflow_of(request, caller) as airflow:
        upload, job = jobs.complete_upload(upload_id, airflow=airflow, settings=settings)
    audit.record(request, "uploads.complete", f"upload {upload.public_id}", tenant=upload.tenant)
    return UploadDetails.with_all(upload, None, [], document(job))


@router.delete("/{upload_id}", responses=problem_responses(404, 409, 503))
def cancel_upload(request: Request, caller: Uploader, upload_id: str) -> UploadDocument:  # noqa: ARG001
    """Give an open upload up, and what S3 has of it. Twice is once."""
    upload = jobs.cancel_upload(upload_id, settings=services(request).settings)
    audit.record(request, "uploads.cancel", f"upload {upload.public_id}", tenant=upload.tenant)
    return UploadDocument.of(upload)


def tenant_for(caller: Caller, asked: str | None) -> str | None:
    """Whose a new thing is: the caller's, or the one named by a caller of the installation.

    :raises Problem: a tenant's caller names another one (403)
    """
    if caller.tenant is not None and asked not in {None, caller.tenant}:
        raise Problem(
            403, "not_allowed", f"You, {caller.name}, may do this for tenant {caller.tenant} only: name no other."
        )
    return caller.tenant or asked


def _details(request: Request, upload: UploadRow) -> UploadDetails:
    settings = services(request).settings
    completed = upload.status == UploadStatus.COMPLETED
    job = document(jobs.job_of(upload, settings=settings)) if completed else None
    single = jobs.signed_upload(upload, settings=settings)
    return UploadDetails.with_all(upload, single, jobs.received_parts(upload, settings=settings), job)

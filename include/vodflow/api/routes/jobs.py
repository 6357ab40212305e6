"""Jobs: create, look at, list, cancel, try again, another priority."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response

from vodflow import jobs as library
from vodflow.api.access import JobsReader, JobsWriter
from vodflow.api.app_state import address_of, services
from vodflow.api.audit import record
from vodflow.api.callers import Caller
from vodflow.api.job_access import ask, document, find
from vodflow.api.job_watch import name_of
from vodflow.api.models.jobs import Cancellation, JobDetails, JobDocument, JobQuery, NewJob, NewPriority
from vodflow.api.paging import Page, cursor_of, page
from vodflow.api.parameters import ShortText
from vodflow.api.problems import Problem, problem_responses
from vodflow.api.routes.videos import rows
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.jobs import set_priority
from vodflow.catalog.states import JobStatus
from vodflow.jobs import Job

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", tags=["jobs"])

Ref = Annotated[ShortText, Path(description="a job's id; `source-7` for the newest job of a source; or a run's id")]

#: Seconds for which an answer waits for a cancellation; it goes on by itself.
_PATIENCE: Final = 5.0
_POOL: Final = ThreadPoolExecutor(32, thread_name_prefix="vodflow-api-cancel")


@router.post(
    "/jobs",
    status_code=201,
    responses=problem_responses(502) | {200: {"model": JobDocument, "description": "Asked for before: the same job."}},
)
def create(
    request: Request,
    response: Response,
    caller: JobsWriter,
    wanted: NewJob,
    idempotency_key: Annotated[ShortText | None, Header()] = None,
) -> JobDocument:
    """Have an object in S3 transcoded. The same request finds its job, whoever asked first."""
    job, new = ask(request, caller, wanted, idempotency_key)
    response.status_code = 201 if new else 200
    response.headers["Location"] = address_of(request, "api/v1/jobs", name_of(job))
    changed(request, "create", job, **wanted.model_dump(mode="json", exclude_defaults=True), new=new)
    return document(job)


@router.get("/jobs")
def list_jobs(
    request: Request,
    response: Response,
    caller: JobsReader,  # noqa: ARG001 - the right is asked for
    asked: Annotated[JobQuery, Query()],
) -> Page[JobDocument]:
    """Jobs by when they were made; among them sources without a job, and runs that failed without making one."""
    order = f"jobs {asked.sort}"
    (after,) = asked.page.after(order, str) or (None,)
    found = library.list_jobs(
        status=map(str, asked.status), tenant=asked.tenant, engine=asked.engine, profile=asked.profile,
        source=asked.source, since=asked.since, until=asked.until, limit=asked.limit, cursor=after,
        oldest_first=asked.oldest_first, settings=services(request).settings,
    )  # fmt: skip
    cursor = None if found.cursor is None else cursor_of(order, found.cursor)
    return page(request, response, [document(job) for job in found.jobs], cursor)


@router.get("/jobs/{ref}/details")
def details(request: Request, caller: JobsReader, ref: Ref) -> JobDetails:  # noqa: ARG001 - the right is asked for
    """What happened to a job, what it waits for, how its encode is divided, what it published."""
    told = library.details(ref, settings=services(request).settings)
    return JobDetails(**{name: rows(found) for name, found in told.items()})


@router.post(
    "/jobs/{ref}/cancel",
    responses=problem_responses(502)
    | {202: {"model": JobDocument, "description": "It is being stopped; its engine may take a while."}},
)
def cancel(
    request: Request, response: Response, caller: JobsWriter, ref: Ref, why: Cancellation | None = None
) -> JobDocument:
    """Stop a job and whatever its engine does for it. One that was cancelled stays so."""
    job = find(request, ref)
    if job.over and job.status not in {JobStatus.CANCELED, JobStatus.FAILED}:
        raise Problem(409, "job_is_over", f"Job {ref} is {job.status} already: there is nothing to cancel.")
    reason = None if why is None else why.reason
    job, done = stop(request, caller, job, reason)
    changed(request, "cancel", job, reason=reason)
    response.status_code = 200 if done else 202
    return document(job)


@router.post("/jobs/{ref}/retry", responses=problem_responses(502))
def retry(request: Request, caller: JobsWriter, ref: Ref) -> JobDocument:
    """Try a failed or cancelled job again; what is done already is not made twice."""
    job = find(request, ref)
    used = services(request)
    with acting_for(None), used.airflow(caller) as client:
        job = library.retry(name_of(job), airflow=client, settings=used.settings)
    changed(request, "retry", job)
    return document(job)


@router.put("/jobs/{ref}/priority", responses=problem_responses(409))
def priority(request: Request, caller: JobsWriter, ref: Ref, wanted: NewPriority) -> JobDocument:
    """Another place in the queues, for what has not begun. An encode that runs goes on as it is."""
    job = find(request, ref)
    if job.id is None:
        raise Problem(409, "not_planned_yet", f"Job {ref} is not planned yet; ask again when it has an id.")
    used = services(request)
    with transaction(caller.actor, used.settings) as connection:
        set_priority(connection, job.id, wanted.priority)
    if used.run_priority is not None and job.run_id:
        used.run_priority(job.run_id, wanted.priority)
    changed(request, "priority", job, priority=wanted.priority)
    return document(find(request, str(job.id)))


def stop(request: Request, caller: Caller, job: Job, reason: str | None) -> tuple[Job, bool]:
    """Cancel a job, and whether that is done: after some seconds it goes on behind the answer."""
    used = services(request)

    def work() -> Job:
        with acting_for(None), used.airflow(caller) as client:
            return library.cancel(name_of(job), reason=reason, by=caller.actor, airflow=client, settings=used.settings)

    future = _begin(work)
    if not wait([future], _PATIENCE).done:
        future.add_done_callback(_tell)
        return find(request, name_of(job)), False
    return future.result(), True


def changed(request: Request, action: str, job: Job, **detail: object) -> None:
    """Note in the audit trail what was done to a job."""
    told = {name: value for name, value in detail.items() if value is not None}
    record(request, f"jobs.{action}", f"job {name_of(job)}", detail=told or None, tenant=job.tenant)


def _begin(work: Callable[[], Job]) -> Future[Job]:
    return _POOL.submit(contextvars.copy_context().run, work)


def _tell(future: Future[Job]) -> None:
    if error := future.exception():
        log.error("A cancellation failed", exc_info=error)

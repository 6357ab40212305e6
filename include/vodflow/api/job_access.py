"""Jobs for callers: found as the catalog shows them to their tenant, then worked on as the installation.

What a tenant's caller may not see does not exist for it. Once a job is seen, the library works on it without the
tenant's narrow view: an engine's limits and the runs of Airflow are everybody's.
"""

from __future__ import annotations

from fastapi import Request

from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.api.job_watch import is_unsure, name_of
from vodflow.api.models.jobs import JobDocument, NewJob
from vodflow.catalog.database import acting_for
from vodflow.errors import SourceNotFound, VodflowError
from vodflow.jobs import Job, get
from vodflow.jobs.requests import check_request, make_request, start_or_find
from vodflow.sensing.places import watched
from vodflow.sensing.registration import register_object
from vodflow.sensing.rules import Watched, judge
from vodflow.settings import Settings
from vodflow.storage.objects import parse_s3_uri, resolve_source


def find(request: Request, ref: str) -> Job:
    """A job by its id, ``source-7`` or its run's id, as the catalog has it.

    :raises NotInCatalog: there is none, or it is another tenant's
    """
    return get(ref, settings=services(request).settings)


def look(request: Request, caller: Caller, ref: str) -> Job:
    """:func:`find`, and what Airflow says of its run where the catalog alone cannot know how things stand.

    While Airflow does not answer the run's state is ``unknown``, and the job not over.
    """
    job = find(request, ref)
    if not is_unsure(job):
        return job
    used = services(request)
    try:
        with used.airflow(caller) as client:
            return get(name_of(job), airflow=client, settings=used.settings)
    except VodflowError as error:
        return job.with_run("unknown") if error.retryable else job


def ask(request: Request, caller: Caller, wanted: NewJob, token: str | None = None) -> tuple[Job, bool]:
    """The job of a request, and whether a run was started for it that was not there before.

    :param token: with ``force``, makes repeated calls one request
    :raises SourceNotFound: there is no such object, or it is in no place of the caller's tenant
    """
    used = services(request)
    asked = make_request(wanted.source, **wanted.model_dump(exclude={"source"}, exclude_none=True))
    check_own(caller, wanted.source, used.settings)
    check_request(asked, used.settings)
    with acting_for(None):
        found = resolve_source(*parse_s3_uri(wanted.source), settings=used.settings)
        row = register_object(found, caller.actor, settings=used.settings)
        if caller.tenant not in {None, row.tenant}:
            raise _not_there(wanted.source)
        with_id = asked.model_copy(update={"source_uri": None, "source_id": row.id})
        with used.airflow(caller) as client:
            return start_or_find(row, with_id, client, token=token, settings=used.settings)


def check_own(caller: Caller, uri: str, settings: Settings) -> None:
    """See that an object lies where the caller's tenant keeps its videos; S3 itself knows no tenants.

    :raises SourceNotFound: it lies elsewhere, which looks as if it were not there
    """
    if caller.tenant is not None:
        verdict = judge(watched(settings), *parse_s3_uri(uri))
        if not isinstance(verdict, Watched) or verdict.tenant != caller.tenant:
            raise _not_there(uri)


def document(job: Job) -> JobDocument:
    """A job for JSON."""
    return JobDocument.model_validate(job).model_copy(update={"ref": name_of(job)})


def _not_there(uri: str) -> SourceNotFound:
    return SourceNotFound(f"{uri} does not exist, or no watch rule takes it as a video of yours.")

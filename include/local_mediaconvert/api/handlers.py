"""What each operation does. Parameters and answers have the names of the wire."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from local_mediaconvert import probe
from local_mediaconvert.api import account, queues, templates
from local_mediaconvert.errors import conflict, not_found
from local_mediaconvert.jobs.creation import digest, new_job
from local_mediaconvert.jobs.jobs import JobFilter
from local_mediaconvert.service import Service

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Service, Parameters], Answer]


def create_job(service: Service, given: Parameters) -> Answer:
    """Store a job; a client token used again within a minute gives the job that it made."""
    before = _with_same_token(service, given)
    if before is not None:
        return {"job": before}
    new = new_job(given, service.catalogue())  # takes milliseconds, in which others may use the store
    with service.store.transaction():
        before = _with_same_token(service, given)
        if before is not None:
            return {"job": before}
        job = service.jobs.insert(new)
        templates.put_tags(service, job["arn"], given.get("tags", {}))
    service.scheduler.wake()
    return {"job": job}


def _with_same_token(service: Service, given: Parameters) -> Answer | None:
    """The job that the same request made less than a minute ago."""
    token = given.get("clientRequestToken")
    before = service.jobs.by_token(token, time.time() - service.config.minute) if token else None
    if before is None:
        return None
    job, known = before
    if known != digest(given):
        raise conflict("The client request token was used for another request less than a minute ago.")
    return job


def get_job(service: Service, given: Parameters) -> Answer:
    """One job."""
    return {"job": service.jobs.get(given["id"])}


def list_jobs(service: Service, given: Parameters) -> Answer:
    """Jobs, newest first; also SearchJobs, which looks at the names of inputs, too."""
    where = JobFilter()
    where.any_of("status = ?", [given["status"]] if "status" in given else [])
    where.queues([given["queue"]] if "queue" in given else [])
    where.files([given["inputFile"]] if "inputFile" in given else [])
    return _page(service, where, given)


def _page(service: Service, where: JobFilter, given: Parameters) -> Answer:
    jobs, token = service.jobs.page(
        where,
        newest_first=given.get("order", "DESCENDING") == "DESCENDING",
        size=given.get("maxResults"),
        token=given.get("nextToken"),
    )
    return {"jobs": jobs, **({"nextToken": token} if token else {})}


def cancel_job(service: Service, given: Parameters) -> Answer:
    """Cancel a job that waits or runs."""
    if not service.journal.cancel(given["id"]):
        status = service.jobs.get(given["id"])["status"]
        raise conflict(f"The job {given['id']} has ended as {status} and cannot be canceled.")
    service.scheduler.interrupt(given["id"])
    return {}


#: Key of a query's filter → condition on a job.
_CONDITIONS: Final = {
    "status": "status = ?",
    "fileInput": "instr(inputs, ?) > 0",
    "jobEngineVersionRequested": "json_extract(request, '$.jobEngineVersionRequested') = ?",
    "jobEngineVersionUsed": "json_extract(state, '$.jobEngineVersionUsed') = ?",
    "audioCodec": "instr(codecs || char(10), 'audio:' || ? || char(10)) > 0",
    "videoCodec": "instr(codecs || char(10), 'video:' || ? || char(10)) > 0",
    "errorCode": "json_extract(state, '$.errorCode') = CAST(? AS INTEGER)",
}


def start_jobs_query(service: Service, given: Parameters) -> Answer:
    """Keep a query; its results are read when they are asked for."""
    query_id = secrets.token_hex(16)
    with service.store.transaction() as db:
        # AWS keeps results for a limited time, too.
        db.execute("DELETE FROM query WHERE created < ?", (time.time() - 24 * 3600,))
        db.execute("INSERT INTO query VALUES (?, ?, ?)", (query_id, time.time(), json.dumps(given)))
    return {"id": query_id}


def get_jobs_query_results(service: Service, given: Parameters) -> Answer:
    """The page of jobs that a query asked for."""
    row = service.store.row("SELECT request FROM query WHERE id = ?", given["id"])
    if row is None:
        raise not_found(f"The query {given['id']}")
    query = json.loads(row["request"])
    where = JobFilter()
    for item in query.get("filterList", []):
        if item.get("key") == "queue":
            where.queues(item.get("values", []))
        elif item.get("key") is not None:
            where.any_of(_CONDITIONS[item["key"]], item.get("values", []))
    return {**_page(service, where, query), "status": "COMPLETE"}


HANDLERS: Final[Mapping[str, Handler]] = {
    "CreateJob": create_job,
    "GetJob": get_job,
    "ListJobs": list_jobs,
    "SearchJobs": list_jobs,
    "CancelJob": cancel_job,
    "StartJobsQuery": start_jobs_query,
    "GetJobsQueryResults": get_jobs_query_results,
    "Probe": probe.probe,
    **account.HANDLERS,
    **queues.HANDLERS,
    **templates.HANDLERS,
}

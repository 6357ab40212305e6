"""Transcoding for programs: upload, create, look at, wait for, cancel and retry jobs. See docs/library.md.

::

    from vodflow import jobs

    job = jobs.upload("holiday.mov", tenant="acme", outputs=["hls"], qualities=["1080p", "720p"])
    job = jobs.wait(job, timeout=3600, on_progress=lambda job: print(job.status, job.progress))
    print(job.raise_for_status().manifest)

Every function reads ``VODFLOW_*`` settings, or takes ``settings=``. Errors are those of :mod:`vodflow.errors`.
"""

from vodflow.jobs.airflow_client import AirflowClient, Run
from vodflow.jobs.control import cancel, retry
from vodflow.jobs.health import Check, Health, health
from vodflow.jobs.job import Job, Page
from vodflow.jobs.outputs import delete_outputs
from vodflow.jobs.presigned_uploads import (
    create_upload,
    get_upload,
    list_uploads,
    received_parts,
    sign_parts,
    signed_upload,
)
from vodflow.jobs.queries import JobRef, details, get, iterate, list_jobs
from vodflow.jobs.requests import create
from vodflow.jobs.upload import upload
from vodflow.jobs.upload_endings import cancel_upload, complete_upload, end_overdue_uploads, job_of
from vodflow.jobs.url_imports import cancel_import, create_import, get_import, list_imports, retry_import
from vodflow.jobs.waiting import wait, wait_all

__all__ = [
    "AirflowClient",
    "Check",
    "Health",
    "Job",
    "JobRef",
    "Page",
    "Run",
    "cancel",
    "cancel_import",
    "cancel_upload",
    "complete_upload",
    "create",
    "create_import",
    "create_upload",
    "delete_outputs",
    "details",
    "end_overdue_uploads",
    "get",
    "get_import",
    "get_upload",
    "health",
    "iterate",
    "job_of",
    "list_imports",
    "list_jobs",
    "list_uploads",
    "received_parts",
    "retry",
    "retry_import",
    "sign_parts",
    "signed_upload",
    "upload",
    "wait",
    "wait_all",
]

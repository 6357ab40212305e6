"""Waiting for a job: a long poll, and server-sent events. Both share one look at the catalog with all others."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vodflow.api.access import JobsReader
from vodflow.api.job_access import document, look
from vodflow.api.job_watch import Watcher, watch
from vodflow.api.models.jobs import JobDocument
from vodflow.api.parameters import ShortText
from vodflow.api.routes.jobs import Ref
from vodflow.errors import NotInCatalog
from vodflow.jobs import Job

router = APIRouter(prefix="/api/v1", tags=["jobs"])

#: Seconds that a request may ask to be kept waiting.
LONGEST_WAIT: Final = 60

#: Seconds after which a silent stream says that it lives.
HEARTBEAT: Final = 15.0

#: Seconds after which a stream ends and its reader comes again: by then a right may have been taken away.
LONGEST_STREAM: Final = 3600.0


@router.get("/jobs/{ref}")
async def get_job(
    request: Request,
    caller: JobsReader,
    ref: Ref,
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for its end; 0 answers at once")
    ] = 0,
) -> JobDocument:
    """One job as it is now, or as soon as it is over."""
    job = await run_in_threadpool(look, request, caller, ref)
    if wait and not job.over:
        job = await until_over(watch(request, caller, job), job, wait)
    return document(job)


@router.get(
    "/jobs/{ref}/events",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events until its end."},
        204: {"description": "The reader has seen its end: there is nothing to come back for."},
    },
)
async def events(
    request: Request, caller: JobsReader, ref: Ref, last_event_id: Annotated[ShortText | None, Header()] = None
) -> Response:
    """A job as it is now and after each change, until it is over: events `job`, and `end` as the last.

    Each carries the job as JSON, and an id that names its state: who comes again with `Last-Event-ID` is told of it
    only if it has changed.
    """
    job = await run_in_threadpool(look, request, caller, ref)
    if job.over and last_event_id == _id_of(job):
        return Response(status_code=204)
    watcher = watch(request, caller, job)
    return EventStream(watcher, _stream(watcher, job, last_event_id))


class EventStream(StreamingResponse):
    """Server-sent events; its watcher is let go however the stream ends."""

    media_type = "text/event-stream"

    def __init__(self, watcher: Watcher, content: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, headers=headers)
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watcher.close()


async def until_over(watcher: Watcher, job: Job, seconds: float) -> Job:
    """The job at its end, or as it is when the time is over; the watcher is let go."""
    deadline = time.monotonic() + seconds
    try:
        while not (job.over or watcher.is_over) and (left := deadline - time.monotonic()) > 0:
            job = await watcher.next(left) or job
    finally:
        watcher.close()
    return job


async def _stream(watcher: Watcher, job: Job, seen: str | None) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    ends = time.monotonic() + LONGEST_STREAM
    if seen != _id_of(job):
        yield _event(job)
    while not (job.over or watcher.is_over) and time.monotonic() < ends:
        try:
            changed = await watcher.next(HEARTBEAT)
        except NotInCatalog:
            return
        if changed is None:
            yield ": it goes on\n\n"
        else:
            job = changed
            yield _event(job)


def _event(job: Job) -> str:
    said: dict[str, Any] = {"id": _id_of(job), "event": "end" if job.over else "job", "data": _json(job)}
    return "".join(f"{name}: {value}\n" for name, value in said.items()) + "\n"


def _id_of(job: Job) -> str:
    return hashlib.sha256(_json(job).encode()).hexdigest()[:16]


def _json(job: Job) -> str:
    return document(job).model_dump_json()

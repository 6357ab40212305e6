"""What operators do to a video: try again, cancel, another priority."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Annotated, Final

from fastapi import APIRouter, Form, HTTPException, Path, Request
from starlette.responses import RedirectResponse, Response
from vodflow import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import set_priority
from vodflow.catalog.video_list import VideoLine, line_of

from vodflow_airflow.ui.access import Operator
from vodflow_airflow.ui.acting import airflow_as
from vodflow_airflow.ui.asked import Text
from vodflow_airflow.ui.rendering import base_of, is_partial, page
from vodflow_airflow.ui.run_priority import set_run_priority
from vodflow_airflow.ui.video_states import can

log = logging.getLogger(__name__)
router = APIRouter()

VideoId = Annotated[int, Path(ge=1, lt=2**63)]

#: What is said of an action, by its name.
DONE: Final = {
    "retry": "It starts again; what is done already is not made twice.",
    "cancel": "It is being stopped; its engine may take half a minute.",
    "priority": "The priority is set. An encode that runs goes on as it is.",
}

#: Seconds for which an answer waits for a cancellation; it goes on by itself.
_PATIENCE: Final = 2.0

_POOL: Final = ThreadPoolExecutor(8, thread_name_prefix="vodflow-pages")


@router.post("/videos/{video_id}/retry")
def retry(request: Request, visitor: Operator, video_id: VideoId) -> Response:
    """Try a failed or cancelled video again."""
    line = _line(video_id, "retry")
    with airflow_as(visitor) as client:
        jobs.retry(_ref(line), airflow=client)
    return _done(request, line, "retry")


@router.post("/videos/{video_id}/cancel")
def cancel(
    request: Request, visitor: Operator, video_id: VideoId, reason: Annotated[Text, Form(max_length=200)] = ""
) -> Response:
    """Stop what is done for a video. Errors within the first moments are told; later ones stand in the log."""
    line = _line(video_id, "cancel")

    def stop() -> None:
        with airflow_as(visitor) as client:
            jobs.cancel(_ref(line), reason=reason or None, by=visitor.name, airflow=client)

    _begin(stop)
    return _done(request, line, "cancel")


@router.post("/videos/{video_id}/priority")
def priority(
    request: Request, visitor: Operator, video_id: VideoId, priority: Annotated[int, Form(ge=0, le=100)]
) -> Response:
    """Another place in the queues."""
    line = _line(video_id, "priority")
    if line.job_id is None:
        raise HTTPException(409, "There is no job yet that has a priority.")
    with transaction(visitor.name) as conn:
        set_priority(conn, line.job_id, priority)
    if line.run_id:
        set_run_priority(line.run_id, priority)
    return _done(request, line, "priority")


def _line(video_id: int, action: str) -> VideoLine:
    with transaction("vodflow.pages") as conn:
        line = line_of(conn, video_id)
    if line is None:
        raise HTTPException(404, f"There is no video {video_id}.")
    if not can(action, line.status):
        raise HTTPException(409, f"{line.key} is {line.status.lower()} now: that cannot be done to it any more.")
    return line


def _ref(line: VideoLine) -> jobs.JobRef:
    return line.job_id if line.job_id is not None else f"source-{line.source_id}"


def _begin(work: Callable[[], None]) -> None:
    future = _POOL.submit(work)
    if wait([future], _PATIENCE).done:
        future.result()
    else:
        future.add_done_callback(_tell)


def _tell(future: Future[None]) -> None:
    if error := future.exception():
        log.error("An action of the pages failed", exc_info=error)


def _done(request: Request, line: VideoLine, action: str) -> Response:
    if is_partial(request):
        return page(request, "done.html", said=DONE[action], line=line)
    return RedirectResponse(f"{base_of(request)}/videos/{line.video_id}?done={action}", 303)

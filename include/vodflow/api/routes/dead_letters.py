"""Dead letters: look at them, close them, try again what can be tried again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from vodflow import jobs
from vodflow.api.access import JobsReader, Operator
from vodflow.api.app_state import services
from vodflow.api.audit import record
from vodflow.api.callers import Caller, Scope
from vodflow.api.models.operations import LetterDetails, LetterDocument, LetterQuery, Resolution
from vodflow.api.paging import Page, page_of
from vodflow.api.parameters import ObjectId
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.catalog import deliveries
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import (
    FAILED_RUN,
    LetterFilter,
    LetterRow,
    get_letter,
    list_letters,
    resolve_letter,
)
from vodflow.listeners.queues import send
from vodflow.settings import Settings

router = APIRouter(prefix="/api/v1", tags=["dead-letters"])

#: Origin of the letters of notifications that were given up: one for each channel and code, however many there are.
_NOTIFICATIONS: Final = "notifications"

#: Settings of the queues whose messages the letters of these origins hold.
_QUEUES: Final = {
    "ingest_videos.intake": "event_queue_url",
    "mediaconvert.events": "mediaconvert_event_queue_url",
}


@router.get("/dead-letters")
def letters(
    request: Request, response: Response, caller: JobsReader, asked: Annotated[LetterQuery, Query()]
) -> Page[LetterDocument]:
    """Dead letters in the order in which they were kept."""
    order = f"letters {asked.sort}"
    (after,) = asked.page.after(order, int) or (None,)
    wanted = LetterFilter(
        is_open=asked.open, origin=asked.origin, code=asked.code, since=asked.since, until=asked.until
    )
    with transaction(caller.actor, services(request).settings) as connection:
        found = list_letters(connection, wanted, asked.limit + 1, after, oldest_first=asked.oldest_first)
    settings = services(request).settings
    return page_of(request, response, found, asked.limit, order, lambda row: LetterDocument(**_shown(row, settings)))


@router.get("/dead-letters/{letter_id}")
def letter(request: Request, caller: JobsReader, letter_id: ObjectId) -> LetterDetails:
    """One dead letter; what came in is shown to those who operate the installation."""
    return _details(request, caller, letter_id)


@router.post("/dead-letters/{letter_id}/resolve")
def resolve(request: Request, caller: Operator, letter_id: ObjectId, said: Resolution) -> LetterDetails:
    """Close a letter: somebody has looked at it, and nothing is left to be done."""
    _close(request, caller, _letter(request, caller, letter_id), said.resolution)
    record(request, "dead_letters.resolve", f"dead letter {letter_id}", detail={"resolution": said.resolution})
    return _details(request, caller, letter_id)


@router.post("/dead-letters/{letter_id}/redrive", responses=problem_responses(502))
def redrive(request: Request, caller: Operator, letter_id: ObjectId) -> LetterDetails:
    """Try again what was given up, and close the letter: should it fail once more, there is a new one."""
    row = _letter(request, caller, letter_id)
    if row.resolved_at is not None:
        raise _cannot(row, "is closed")
    if not _can_redrive(row, services(request).settings):
        raise _cannot(row, f"is of {row.origin}, which cannot be tried again from here")
    _again(request, caller, row)
    _close(request, caller, row, f"tried again by {caller.actor}")
    record(request, "dead_letters.redrive", f"dead letter {letter_id}", detail={"origin": row.origin})
    return _details(request, caller, letter_id)


def _again(request: Request, caller: Caller, row: LetterRow) -> None:
    used, kept = services(request), row.payload or {}
    if row.origin == _NOTIFICATIONS:
        with transaction(caller.actor, used.settings) as connection:
            first = deliveries.get(connection, int(kept["delivery_id"]))
            if first is None or not deliveries.retry(connection, channel=first.channel):
                raise _cannot(row, "is of notifications of which none waits for another try")
        return
    if row.origin in _QUEUES:
        send(_queue_of(row, used.settings), str(kept["body"]), used.settings)
        return
    ref = row.identity if row.origin == FAILED_RUN else str(row.job_id)
    with used.airflow(caller) as client:
        jobs.retry(ref, airflow=client, settings=used.settings)


def _cannot(row: LetterRow, why: str) -> Problem:
    return Problem(409, "cannot_redrive", f"Dead letter {row.id} {why}.")


def _can_redrive(row: LetterRow, settings: Settings) -> bool:
    kept = row.payload or {}
    if row.origin == _NOTIFICATIONS:
        return "delivery_id" in kept
    if row.origin in _QUEUES:
        return bool(kept.get("body") and _queue_of(row, settings))
    return row.origin == FAILED_RUN or row.job_id is not None


def _queue_of(row: LetterRow, settings: Settings) -> str:
    return getattr(settings, _QUEUES[row.origin]) or ""


def _letter(request: Request, caller: Caller, letter_id: int) -> LetterRow:
    with transaction(caller.actor, services(request).settings) as connection:
        row = get_letter(connection, letter_id)
    if row is None:
        raise not_found(f"dead letter {letter_id}")
    return row


def _close(request: Request, caller: Caller, row: LetterRow, resolution: str) -> None:
    with transaction(caller.actor, services(request).settings) as connection:
        closed = resolve_letter(connection, row.id, resolution)
    if not closed and row.resolved_at is not None:
        raise Problem(409, "resolved_already", f"Dead letter {row.id} was resolved already: {row.resolution}")


def _details(request: Request, caller: Caller, letter_id: int) -> LetterDetails:
    row = _letter(request, caller, letter_id)
    shown = _shown(row, services(request).settings)
    return LetterDetails(**shown, payload=row.payload if caller.may(Scope.OPERATIONS) else None)


def _shown(row: LetterRow, settings: Settings) -> dict[str, object]:
    known = LetterDocument.model_fields.keys() - {"can_redrive"}
    can = row.resolved_at is None and _can_redrive(row, settings)
    return {name: getattr(row, name) for name in known} | {"can_redrive": can}

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
from vodflow.api.paging import Page, cursor_of, page
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

router = APIRouter(prefix="/api/v1", tags=["dead-letters"])

#: Origin of the letters of notifications that were given up.
_NOTIFICATIONS: Final = "notifications"


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
    shown = found[: asked.limit]
    cursor = cursor_of(order, shown[-1].id) if len(found) > asked.limit else None
    return page(request, response, [_document(row) for row in shown], cursor)


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
    if row.resolved_at is not None or not _can_redrive(row):
        why = "is closed" if row.resolved_at else f"is of {row.origin}, which cannot be tried again from here"
        raise Problem(409, "cannot_redrive", f"Dead letter {letter_id} {why}.")
    _again(request, caller, row)
    _close(request, caller, row, f"tried again by {caller.actor}")
    record(request, "dead_letters.redrive", f"dead letter {letter_id}", detail={"origin": row.origin})
    return _details(request, caller, letter_id)


def _again(request: Request, caller: Caller, row: LetterRow) -> None:
    used = services(request)
    if row.origin == _NOTIFICATIONS:
        delivery_id = int((row.payload or {})["delivery_id"])
        with transaction(caller.actor, used.settings) as connection:
            deliveries.retry(connection, delivery_id=delivery_id)
        return
    ref = row.identity if row.origin == FAILED_RUN else str(row.job_id)
    with used.airflow(caller) as client:
        jobs.retry(ref, airflow=client, settings=used.settings)


def _can_redrive(row: LetterRow) -> bool:
    if row.origin == _NOTIFICATIONS:
        return "delivery_id" in (row.payload or {})
    return row.origin == FAILED_RUN or row.job_id is not None


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


def _document(row: LetterRow) -> LetterDocument:
    return LetterDocument(**_shown(row))


def _details(request: Request, caller: Caller, letter_id: int) -> LetterDetails:
    row = _letter(request, caller, letter_id)
    return LetterDetails(**_shown(row), payload=row.payload if caller.may(Scope.OPERATIONS) else None)


def _shown(row: LetterRow) -> dict[str, object]:
    known = LetterDocument.model_fields.keys() - {"can_redrive"}
    return {name: getattr(row, name) for name in known} | {"can_redrive": row.resolved_at is None and _can_redrive(row)}

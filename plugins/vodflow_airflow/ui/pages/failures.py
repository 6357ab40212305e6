"""What failed, was refused, cannot be read or was given up: why, an example, and another try."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import Response
from vodflow import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import open_letters
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.work_list import WorkFilter, list_work
from vodflow.catalog.work_rows import WorkRow
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.jobs.queries import cursor_of, position_of
from vodflow.reports.reasons import reasons

from vodflow_airflow.ui.access import Operator, Viewer, Visitor
from vodflow_airflow.ui.acting import airflow_as
from vodflow_airflow.ui.asked import Asked, Text, tenants
from vodflow_airflow.ui.rendering import page

router = APIRouter()

#: Rows of one page; as many are tried again at once, for each costs Airflow some calls while somebody waits.
ROWS: Final = 50
#: How many are tried again beside each other.
_AT_ONCE: Final = 4

#: What can stand still, with what a person does about it.
KINDS: Final = {
    "failed": (
        frozenset({JobStatus.FAILED}),
        "Remove the cause, then try it again: what is done already is not made twice.",
    ),
    "rejected": (
        frozenset({JobStatus.REJECTED, SourceStatus.REJECTED}),
        "The file is at fault and stays so: upload a sound one under its key, which starts by itself.",
    ),
    "unreadable": (
        frozenset({SourceStatus.UNREADABLE}),
        "Restore the object, or the right to read it; it goes on when the object is seen again, or tried again here.",
    ),
}


class AskedFailures(Asked):
    """Also the kind and the code; empty means all."""

    kind: Literal["", "failed", "rejected", "unreadable"] = ""
    code: Text = ""


class AskedPage(AskedFailures):
    """Where the pages of work and of letters begin."""

    after: Annotated[Text, Field(max_length=80)] = ""
    letter: Annotated[int, Field(ge=1, lt=2**63)] | None = None


class AskedRetry(AskedFailures):
    """What to try again."""

    ref: Annotated[list[Text], Field(default_factory=list)]


@dataclasses.dataclass(frozen=True)
class Tried:
    """What became of asking for another try: how many start, and why the others do not."""

    started: int
    refused: list[tuple[str, str]]


@router.get("/failures")
def failures(request: Request, visitor: Viewer, asked: Annotated[AskedPage, Query()]) -> Response:  # noqa: ARG001
    """Reasons by how often they occur, the work itself, and what was given up."""
    return _shown(request, asked)


@router.post("/failures/retry")
def retry(request: Request, visitor: Operator, asked: Annotated[AskedRetry, Form()]) -> Response:
    """Try jobs, sources or runs again, each by itself; the answer says how many, and why not the others."""
    refs = list(dict.fromkeys(asked.ref))
    if not refs:
        raise ConfigurationError("Nothing is chosen: mark what is to be tried again.")
    if len(refs) > ROWS:
        raise ConfigurationError(f"{len(refs)} are chosen; at most {ROWS} are tried again at once.")
    given = asked.model_dump(exclude={"ref"})
    return _shown(request, AskedPage(**given), _retry(refs, visitor))


def _retry(refs: Sequence[str], visitor: Visitor) -> Tried:
    with airflow_as(visitor) as client, ThreadPoolExecutor(_AT_ONCE) as pool:

        def one(ref: str) -> str | None:
            try:
                jobs.retry(ref, airflow=client)
            except VodflowError as error:
                return str(error)
            return None

        answers = list(pool.map(one, refs))
    refused = [(ref, said) for ref, said in zip(refs, answers, strict=True) if said is not None]
    return Tried(len(refs) - len(refused), refused)


def _shown(request: Request, asked: AskedPage, tried: Tried | None = None) -> Response:
    first, last = asked.days()
    chosen = [asked.kind] if asked.kind else list(KINDS)
    statuses = frozenset(str(status) for kind in chosen for status in KINDS[kind][0])
    wanted = WorkFilter(statuses=statuses, tenant=asked.tenant or None, code=asked.code or None)
    with transaction("vodflow.pages") as conn:
        owners = tenants(conn, asked.tenant)
        why = reasons(conn, first, last, tenant=asked.tenant or None)
        rows, position = list_work(conn, wanted, ROWS, position_of(asked.after or None))
        letters = open_letters(conn, ROWS + 1, asked.letter)
    return page(
        request, "failures.html", asked=asked, first=first, last=last, tenants=owners, kinds=KINDS,
        reasons=why, most=max((reason.occurrences for reason in why), default=1),
        rows=[_row(row) for row in rows], after=cursor_of(position),
        letters=letters[:ROWS], more_letters=letters[ROWS - 1].id if len(letters) > ROWS else None,
        tried=tried, limit=ROWS,
    )  # fmt: skip


def _row(row: WorkRow) -> dict[str, Any]:
    """A line of the list. What is rejected cannot be tried again; ``ref`` names the others."""
    kind = row.status.lower()
    ref = None
    if kind != "rejected":
        ref = row.job_id or (f"source-{row.source_id}" if row.source_id else row.run_id)
    return {"row": row, "kind": kind, "ref": ref, "at": row.finished_at or row.created_at}

"""Reports: the tables of the schema ``reporting`` as JSON or CSV, streamed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Table
from starlette.responses import StreamingResponse

from vodflow.api.access import ReportsReader
from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.api.etags import check, etag_of
from vodflow.api.models.reports import ColumnDocument, ReportDocument, ReportList, ReportQuery
from vodflow.api.parameters import ShortText
from vodflow.api.problems import Problem, not_found
from vodflow.reports.days import parse_range
from vodflow.reports.export import CONTENT_TYPES, TABLES
from vodflow.reports.rows import CHOICES, Wanted, pieces, version
from vodflow.settings import Settings

router = APIRouter(prefix="/api/v1", tags=["reports"])

#: Days of one answer at most, and where none are asked for.
MAX_DAYS: Final = 366
DAYS: Final = 30

#: How text begins that a spreadsheet computes.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_ROWS: Final = {
    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    "text/csv": {"schema": {"type": "string"}},
}


@router.get("/reports")
def reports(caller: ReportsReader) -> ReportList:
    """The tables that the caller may read, with what their columns mean."""
    return ReportList(items=[_described(name) for name in _readable(caller)])


@router.get(
    "/reports/{mart}",
    response_class=Response,
    responses={200: {"content": _ROWS, "description": "The rows, by the table's key."}},
)
def report(
    request: Request,
    caller: ReportsReader,
    mart: Annotated[ShortText, Path(description="a table of `/api/v1/reports`")],
    asked: Annotated[ReportQuery, Query()],
) -> Response:
    """Rows of one table: an array of objects, or CSV with a line of names."""
    if mart not in _readable(caller):
        raise not_found(f"report {mart}; /api/v1/reports lists them")
    wanted, settings = _wanted(asked, TABLES[mart]), services(request).settings
    kind = asked.format or ("csv" if _prefers_csv(request.headers.get("accept", "")) else "json")
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    if kind == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{mart}_{wanted.first}_{wanted.last}.csv"'
    answer = Response(headers=headers, media_type=CONTENT_TYPES["csv"] if kind == "csv" else "application/json")
    check(request, answer, etag_of(mart, wanted, kind, caller.tenant, *version(wanted, settings)))
    parts = (_csv if kind == "csv" else _json)(mart, wanted, settings)
    del answer.headers["content-length"]
    # What goes wrong before the first rows are there is a problem document yet.
    return StreamingResponse(chain([next(parts)], parts), headers=dict(answer.headers))


def _readable(caller: Caller) -> list[str]:
    """One tenant's caller reads what the database keeps apart by tenant."""
    return [name for name, table in sorted(TABLES.items()) if caller.tenant is None or "tenant" in table.c]


def _wanted(asked: ReportQuery, table: Table) -> Wanted:
    last = asked.last or datetime.now(UTC).date()
    first = asked.first or date.fromordinal(max(1, last.toordinal() - DAYS + 1))
    days = parse_range(first, last, names=("from", "to"))
    if len(days) > MAX_DAYS:
        raise _wrong("from", "range", f"{first} to {last} are {len(days)} days; ask for at most {MAX_DAYS} at a time")
    chosen = {name: getattr(asked, name) for name in CHOICES}
    for name, value in chosen.items():
        if value is not None and name not in table.c:
            raise _wrong(name, "column", f"{table.name} has no column {name}; leave it out")
    return Wanted(first=first, last=last, **chosen)


def _wrong(field: str, rule: str, message: str) -> Problem:
    error = {"field": f"query.{field}", "rule": rule, "message": message}
    return Problem(422, "invalid_request", f"{field}: {message}.", errors=[error])


def _prefers_csv(accept: str) -> bool:
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    return "text/csv" in kinds and "application/json" not in kinds


def _json(name: str, wanted: Wanted, settings: Settings) -> Iterator[str]:
    names, separator = TABLES[name].columns.keys(), "["
    for found in pieces(name, wanted, settings):
        rows = (json.dumps(dict(zip(names, row, strict=True)), default=_plain) for row in found)
        yield separator + ",\n".join(rows)
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"


def _csv(name: str, wanted: Wanted, settings: Settings) -> Iterator[str]:
    head: list[Any] = [TABLES[name].columns.keys()]
    for found in pieces(name, wanted, settings):
        yield _lines([*head, *found])
        head = []
    if head:
        yield _lines(head)


def _lines(rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> object:
    """A value as spreadsheets show it: text that they would take for a formula has a quote before it."""
    if isinstance(value, date):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _plain(value: object) -> object:
    return (
        float(value) if isinstance(value, Decimal) else str(value) if not isinstance(value, date) else value.isoformat()
    )


def _described(name: str) -> ReportDocument:
    table = TABLES[name]
    columns = [
        ColumnDocument(
            name=one.name, type=str(one.type).lower(), nullable=bool(one.nullable), key=one.primary_key,
            meaning=one.comment or "",
        )
        for one in table.columns
    ]  # fmt: skip
    return ReportDocument(name=name, meaning=str(table.comment), columns=columns)

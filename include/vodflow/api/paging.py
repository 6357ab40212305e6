"""Lists page by page. A cursor names the place where a page ended: it stays what it is while rows come and go."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Query
from fastapi.dependencies.utils import get_flat_dependant
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from vodflow.api.problems import Problem

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_LONGEST: Final = 1024
#: What PostgreSQL's bigint holds.
_LARGEST: Final = 2**63 - 1


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    cursor: str | None = Field(
        default=None, description="of the next page, for the parameter `cursor`; null at the end"
    )


class Paging:
    """Which page is asked for."""

    def __init__(self, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, order: str, *kinds: type) -> tuple[Any, ...] | None:
        """The place that :func:`cursor_of` was given; none on the first page.

        :param order: the list's order, and its filters where a cursor shall not go with others
        :param kinds: types of the place's values: ``str``, ``int`` or ``datetime``; each may be none
        :raises Problem: the cursor is none, or of another list (422)
        """
        if self.cursor is None:
            return None
        try:
            given, *values = json.loads(base64.b64decode(self.cursor, altchars=b"-_", validate=True))
            found = tuple(_read(value, kind) for value, kind in zip(values, kinds, strict=True))
        except (binascii.Error, ValueError, TypeError, RecursionError) as error:
            raise invalid_cursor() from error
        if given != order:
            raise invalid_cursor()
        return found


def _asked(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items of a page")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=_LONGEST, description="of the page before; none means the first")
    ] = None,
) -> Paging:
    """A page of a list that is asked with the names of its route alone: a mistyped filter would show everything."""
    known = {one.alias for one in get_flat_dependant(request.scope["route"].dependant).query_params}
    if unknown := [name for name in request.query_params if name not in known]:
        errors = [
            {"field": f"query.{name}", "rule": "extra_forbidden", "message": "Extra inputs are not permitted"}
            for name in unknown
        ]
        detail = f"query.{unknown[0]}: this list has no such filter; it has {', '.join(sorted(known))}."
        raise Problem(422, "invalid_request", detail, errors=errors)
    return Paging(limit, cursor)


Pages = Annotated[Paging, Depends(_asked)]


def cursor_of(order: str, *values: str | int | datetime | None) -> str:
    """The place where a page ends, as clients keep it: they do not look inside."""
    told = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([order, *told], separators=(",", ":")).encode()).decode()


def page(request: Request, response: Response, items: Sequence[T], cursor: str | None) -> Page[T]:
    """A page, with the address of the next one in the header ``Link``.

    :param cursor: where it ends; none at the list's end
    """
    if cursor is not None:
        response.headers["Link"] = f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'
    return Page(items=list(items), cursor=cursor)


def page_of(
    request: Request,
    response: Response,
    found: Sequence[R],
    limit: int,
    order: str,
    document: Callable[[R], T],
    place: Callable[[R], str | int] = attrgetter("id"),
) -> Page[T]:
    """A page of what was found, which is one more than the page holds where the list goes on.

    :param order: as for :meth:`Paging.after`
    :param document: what the page has of one that was found
    :param place: of one that was found, in that order
    """
    cursor = cursor_of(order, place(found[limit - 1])) if len(found) > limit else None
    return page(request, response, [document(one) for one in found[:limit]], cursor)


def invalid_cursor() -> Problem:
    """The cursor is none, or of another list."""
    return Problem(
        422, "invalid_cursor", "The cursor is none of this list: send the one that the page before came with, or none.",
        errors=[{"field": "query.cursor", "rule": "cursor", "message": "not a cursor of this list"}],
    )  # fmt: skip


def _read(value: object, kind: type) -> Any:
    if value is None:
        return None
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment
    if type(value) is not kind:
        raise TypeError("a value of another type")
    if isinstance(value, str) and b"\0" in value.encode():  # half a character has no bytes: UnicodeEncodeError
        raise ValueError("characters that nothing is called by")
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise ValueError("too large")
    return value

"""ETags: an answer that a client has already is not sent again, and a change is made to the version it has seen.

Answers of GET have one by themselves, made of their bytes. A route that knows a version calls :func:`check`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from vodflow.api.problems import Problem

#: Hexadecimal digits of a digest: 128 bits.
_DIGITS: Final = 32


#: What 304 says of an answer again (RFC 9110, 15.4.5).
_SAID_AGAIN: Final = ("cache-control", "content-location", "etag", "vary")


class NotModified(Exception):
    """The client has this version already: 304."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers["etag"])
        self.headers = {name: headers[name] for name in _SAID_AGAIN if name in headers}


def etag_of(*version: object) -> str:
    """A strong ETag of what tells versions of one thing apart: its id and version, or times of change."""
    return f'"{_digest(chr(31).join(map(str, version)).encode())}"'


def etag_of_body(body: bytes) -> str:
    """A weak ETag of an answer's bytes."""
    return f'W/"{_digest(body)}"'


def check(request: Request, response: Response, etag: str) -> None:
    """Give the answer this ETag, and see whether the client means this version.

    Call it before anything is changed.

    :raises NotModified: a reading client has it already
    :raises Problem: the client means another version (412)
    """
    response.headers["ETag"] = etag
    wanted = _said(request, "if-match")
    if wanted is not None and not matches(wanted, etag, weakly=False):
        raise Problem(
            412, "precondition_failed", "It is not the version that If-Match names: read it again, then change that.",
            headers={"ETag": etag},
        )  # fmt: skip
    if request.method in {"GET", "HEAD"} and has_already(request, etag):
        raise NotModified(response.headers)


def has_already(request: Request, etag: str) -> bool:
    """Whether ``If-None-Match`` names this version (RFC 9110, 13.1.2: compared weakly)."""
    known = _said(request, "if-none-match")
    return known is not None and matches(known, etag, weakly=True)


def matches(header: str, etag: str, *, weakly: bool) -> bool:
    """Whether a list of ETags has this one, or is a star."""
    if header.strip() == "*":
        return True
    given = [tag.strip() for tag in header.split(",")]
    if weakly:
        return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in given}
    return not etag.startswith("W/") and etag in given


def _said(request: Request, name: str) -> str | None:
    """A header that may be there several times, as one list."""
    return ", ".join(request.headers.getlist(name)) if name in request.headers else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]

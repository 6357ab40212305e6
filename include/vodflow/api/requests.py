"""What is looked at of every request before anybody reads it: its size, its time, its form."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request

from vodflow.api.problems import Problem

Receive = Callable[[], Awaitable[Any]]

#: Bytes of all headers, and of path and query.
_HEADERS: Final = 32 * 1024
_ADDRESS: Final = 8 * 1024

#: A character that PostgreSQL's text cannot hold, as JSON writes it; a backslash before it would be a text about it.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

#: Half of a character, as JSON writes it: whole ones are two of these.
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")

_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def check_head(request: Request) -> None:
    """See that a request's first lines are of usual size and hold text.

    :raises Problem: they are not
    """
    scope = request.scope
    address = scope.get("raw_path", b"") + scope["query_string"]
    if len(address) > _ADDRESS:
        raise Problem(414, "address_too_long", f"The address has {len(address)} bytes; {_ADDRESS} are taken.")
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > _HEADERS:
        raise Problem(431, "headers_too_large", f"The headers have {size} bytes; {_HEADERS} are taken.")
    if "\0" in scope["path"] or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        raise Problem(422, "invalid_request", "The address holds a character that nothing is called by: NUL.")


async def read_body(request: Request, receive: Receive, limit: int, seconds: float) -> bytes:
    """The whole body.

    :param limit: most bytes
    :param seconds: most time until its end
    :raises Problem: it is larger (413), or slower (408)
    """
    if request.method not in _METHODS_WITH_BODY:
        return b""
    too_large = Problem(
        413, "body_too_large", f"The body has more than {limit} bytes.", headers={"Connection": "close"}
    )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "body_incomplete", "The request ended before its body.")
                body += message.get("body", b"")
                if len(body) > limit:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise Problem(
            408, "body_too_slow", f"The body was not there after {seconds:g} s.", headers={"Connection": "close"}
        ) from error


def check_json(request: Request, body: bytes) -> None:
    """See that a body, where there is one, is text that says it is JSON.

    :raises Problem: it says something else (415), or is no text that can be stored (422)
    """
    if not body:
        return
    if (coding := request.headers.get("content-encoding", "identity").strip().lower()) != "identity":
        raise Problem(
            415, "body_encoded", f"The body is encoded ({coding}): send it as it is.",
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, "not_json", f"Send JSON, with Content-Type: application/json, not {kind or 'without one'}.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(422, "invalid_request", f"The body is not UTF-8, from byte {error.start} on.") from error
    # Raw ones are in UTF-16, too, which Python's parser of JSON would take without a word.
    if b"\0" in body or _NUL.search(body):
        raise Problem(422, "invalid_request", "The body holds a character that cannot be stored: NUL (\\u0000).")
    if _HALF.search(body) and not _is_text(body):
        raise Problem(422, "invalid_request", "The body holds half of a character (\\ud800 to \\udfff alone).")


def _is_text(body: bytes) -> bool:
    """Whether what JSON says can be written down again. What is no JSON is for others to refuse."""
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True
    return True


def replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body that was read already, then what comes after it."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again

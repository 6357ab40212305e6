"""Bodies that do not come, or not whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request
from vodflow.api.problems import Problem
from vodflow.api.requests import check_json, read_body, replayed


def request(method: str = "POST", **headers: str) -> Request:
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": told, "path": "/", "query_string": b""})


class Line:
    """A ``receive`` that gives these messages, then nothing any more."""

    def __init__(self, *messages: Any) -> None:
        self._messages = list(messages)

    async def __call__(self) -> Any:
        if not self._messages:
            await asyncio.sleep(3600)
        return self._messages.pop(0)


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def read(messages: Iterable[Any], **headers: str) -> bytes:
    return asyncio.run(read_body(request(**headers), Line(*messages), 10, 0.05))


def test_a_body_is_read_whole() -> None:
    assert read([part(b"ab"), part(b"", more=True), part(b"cd", more=False)]) == b"abcd"
    assert asyncio.run(read_body(request("GET"), Line(), 10, 0.05)) == b""


@pytest.mark.parametrize(
    ("messages", "headers", "status", "code"),
    [
        ([], {}, 408, "body_too_slow"),
        ([part(b"a")], {}, 408, "body_too_slow"),
        ([part(b"a"), {"type": "http.disconnect"}], {}, 400, "body_incomplete"),
        ([part(b"a" * 11, more=False)], {}, 413, "body_too_large"),
        ([part(b"a" * 6), part(b"a" * 6)], {}, 413, "body_too_large"),
        ([], {"content_length": "11"}, 413, "body_too_large"),
        ([part(b"a" * 11, more=False)], {"content_length": "-1"}, 413, "body_too_large"),
        ([part(b"a" * 11, more=False)], {"content_length": "²"}, 413, "body_too_large"),
    ],
)
def test_other_bodies_are_refused(messages: list[Any], headers: dict[str, str], status: int, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read(messages, **headers)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_body_that_was_read_is_given_again_once() -> None:
    end = {"type": "http.disconnect"}

    async def both() -> list[Any]:
        again = replayed(b"abc", Line(end))
        return [await again(), await again()]

    assert asyncio.run(both()) == [{"type": "http.request", "body": b"abc", "more_body": False}, end]


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/xml", "json", "application/jsonp", "multipart/form-data"]
)
def test_what_does_not_say_that_it_is_json_is_refused(kind: str) -> None:
    check_json(request(content_type=kind), b"")
    with pytest.raises(Problem) as caught:
        check_json(request(content_type=kind), b"{}")
    assert caught.value.status == 415

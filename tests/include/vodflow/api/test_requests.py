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


@pytest.mark.parametrize(
    "body", [b'{"a": "\\ud83d\\ude00"}', b'{"a": "\\\\ud800"}', b'{"a": "\\uDBFF', b"{}", "ä".encode()]
)
def test_text_is_text(body: bytes) -> None:
    """What is no JSON at all is refused where it is parsed."""
    check_json(request(content_type="application/json", content_encoding="identity"), body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "\\ud800"}',
        b'{"\\uDFFF": 1}',
        b'{"a": ["\\ude00\\ud83d"]}',
        b'{"a": "\\u0000"}',
        b'{"a": "\0"}',
        '{"a": "\0"}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-32-be"),
    ],
)
def test_what_cannot_be_stored_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        check_json(request(content_type="application/json"), body)
    assert (caught.value.status, caught.value.code) == (422, "invalid_request")


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", ""])
def test_bodies_come_as_they_are(coding: str) -> None:
    with pytest.raises(Problem) as caught:
        check_json(request(content_type="application/json", content_encoding=coding), b"{}")
    assert (caught.value.status, caught.value.code) == (415, "body_encoded")

"""ETags, and what clients say of them."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from vodflow.api.etags import NotModified, check, etag_of, etag_of_body, matches
from vodflow.api.problems import Problem


def request(method: str = "GET", **headers: str) -> Request:
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": told})


def test_versions_and_bodies_have_etags_of_their_own() -> None:
    assert etag_of("job", 1, 2) == etag_of("job", 1, 2) != etag_of("job", 12)
    assert etag_of_body(b"a").startswith('W/"')
    assert etag_of_body(b"a") != etag_of_body(b"b")


@pytest.mark.parametrize(
    ("header", "etag", "weakly", "expected"),
    [
        ("*", '"a"', False, True),
        ('"a"', '"a"', False, True),
        ('"b", "a"', '"a"', False, True),
        ('W/"a"', '"a"', False, False),
        ('W/"a"', '"a"', True, True),
        ('"a"', 'W/"a"', True, True),
        ('W/"a"', 'W/"a"', False, False),
        ("a", '"a"', True, False),
        ("", '"a"', True, False),
    ],
)
def test_lists_of_etags(header: str, etag: str, weakly: bool, expected: bool) -> None:
    assert matches(header, etag, weakly=weakly) is expected


def test_a_reader_who_has_it_is_told_so() -> None:
    response = Response()
    check(request(), response, '"a"')
    assert response.headers["ETag"] == '"a"'
    with pytest.raises(NotModified) as caught:
        check(request(if_none_match='"a"'), Response(headers={"Vary": "Accept", "X-Other": "x"}), '"a"')
    assert caught.value.headers == {"etag": '"a"', "vary": "Accept"}
    twice = Request({"type": "http", "method": "GET", "headers": [(b"if-none-match", tag) for tag in (b'"b"', b'"a"')]})
    with pytest.raises(NotModified):
        check(twice, Response(), '"a"')
    check(request(if_none_match='"b"'), Response(), '"a"')
    check(request("PUT", if_none_match='"a"'), Response(), '"a"')


def test_a_change_is_of_the_version_that_was_seen() -> None:
    check(request("PUT", if_match='"a"'), Response(), '"a"')
    with pytest.raises(Problem) as caught:
        check(request("PUT", if_match='"b"'), Response(), '"a"')
    assert caught.value.status == 412
    assert caught.value.headers == {"ETag": '"a"'}

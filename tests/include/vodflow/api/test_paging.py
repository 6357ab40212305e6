"""Cursors: what comes back is what was given, and nothing else is taken."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from vodflow.api.paging import Paging, cursor_of
from vodflow.api.problems import Problem

NOON = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = cursor_of("jobs-newest", NOON, 12, "ä/b", None)
    assert Paging(10, cursor).after("jobs-newest", datetime, int, str, int) == (NOON, 12, "ä/b", None)
    assert Paging(10).after("jobs-newest", int) is None


def crafted(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "????",
        "äöü",
        cursor_of("other", 1),
        cursor_of("list", 1, 2),
        cursor_of("list", "1"),
        crafted('["list", 1.5]'),
        crafted('["list", true]'),
        crafted('["list", {}]'),
        crafted('["list", 9223372036854775808]'),
        crafted('["list", NaN]'),
        crafted("1"),
        crafted("null"),
        crafted("{}"),
        crafted("[" * 900),
        crafted("\0"),
    ],
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as caught:
        Paging(10, cursor).after("list", int)
    assert (caught.value.status, caught.value.code) == (422, "invalid_cursor")


@pytest.mark.parametrize("moment", ["2026-11-30", "2026-11-30T12:00:00", "noon", ""])
def test_times_have_a_zone(moment: str) -> None:
    with pytest.raises(Problem):
        Paging(10, crafted(f'["list", "{moment}"]')).after("list", datetime)


@pytest.mark.parametrize("place", ["a\0b", "\ud800", "a\udfffb"])
def test_text_can_be_stored(place: str) -> None:
    with pytest.raises(Problem):
        Paging(10, cursor_of("list", place)).after("list", str)
    assert Paging(10, cursor_of("list", "😀")).after("list", str) == ("😀",)

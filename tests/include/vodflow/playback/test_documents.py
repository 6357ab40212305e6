from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from vodflow.playback.documents import Document, DocumentCache, is_known


def document(size: int) -> Document:
    return Document.of(b"x" * size, "text/plain")


def test_what_was_not_asked_for_longest_is_dropped() -> None:
    made: list[str] = []

    def make(name: str) -> Document:
        made.append(name)
        return document(10_000)

    cache = DocumentCache(35_000)
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        cache.made((name,), lambda name=name: make(name))  # type: ignore[misc]
    assert made == ["a", "b", "c", "d", "b"]


def test_what_does_not_fit_is_answered_and_not_kept() -> None:
    cache = DocumentCache(5_000)
    assert len(cache.made(("a",), lambda: document(10_000)).body) == 10_000
    assert cache.get(("a",)) is None


def test_many_who_ask_at_once_have_it_made_once() -> None:
    cache, made, asked = DocumentCache(100_000), [], threading.Barrier(8)

    def make() -> Document:
        made.append(1)
        return document(10)

    def ask() -> Document:
        asked.wait(10)
        return cache.made(("a",), make)

    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(ask) for _ in range(8)]]
    assert len(made) == 1
    assert len({id(one) for one in found}) == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    cache = DocumentCache(100_000)

    def fail() -> Document:
        raise ValueError("gone")

    for _ in range(2):
        with pytest.raises(ValueError, match="gone"):
            cache.made(("a",), fail)
    assert cache.made(("a",), lambda: document(10)).body


def test_what_two_have_made_counts_once() -> None:
    cache = DocumentCache(25_000)
    for _ in range(2):  # as where a third has failed, and both tried again
        cache._keep(("a",), document(10_000))
    cache._keep(("b",), document(10_000))
    assert cache.get(("a",))


@pytest.mark.parametrize(
    ("known", "has"),
    [
        (None, False), ("", False), ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), (" * ", True),
        ('"ab"', False), ("a", False), ('"b"', False), ('"\u00e9"', False),
    ],
)  # fmt: skip
def test_who_has_it(known: str | None, has: bool) -> None:
    assert is_known('"a"', known) is has


def test_the_tag_is_that_of_the_bytes() -> None:
    assert Document.of(b"a", "x").etag == Document.of(b"a", "y").etag != Document.of(b"b", "x").etag

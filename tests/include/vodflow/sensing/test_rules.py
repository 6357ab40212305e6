from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from vodflow.sensing.rules import Ignored, Places, Watched, counted, judge, tenant_of
from vodflow.settings import Settings
from vodflow.settings.watch_rules import WatchRule

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAIN = Places((WatchRule(bucket="footage"),))


def verdict(places: Places, key: str, **facts: object) -> Watched | Ignored:
    return judge(places, "footage", key, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["acme/a.mp4", "acme/A.MP4", "acme/a.Mov", "acme/x y+é映.MKV", "a.webm"])
def test_videos_are_taken_whatever_the_case(key: str) -> None:
    assert isinstance(verdict(PLAIN, key), Watched)


@pytest.mark.parametrize("key", ["acme/a.txt", "acme/mp4", "acme/a.mp4.part", "acme/a.mp4 "])
def test_other_suffixes_are_not(key: str) -> None:
    assert verdict(PLAIN, key) is Ignored.SUFFIX


def test_no_suffixes_mean_every_key_but_folders() -> None:
    places = Places((WatchRule(bucket="footage", suffixes=()),))
    assert isinstance(verdict(places, "acme/raw"), Watched)
    assert verdict(places, "acme/raw/") is Ignored.FOLDER


def test_upper_case_suffixes_in_a_rule() -> None:
    assert isinstance(verdict(Places((WatchRule(bucket="footage", suffixes=(".MXF",)),)), "a.mxf"), Watched)


def test_only_watched_places_count() -> None:
    places = Places((WatchRule(bucket="footage", prefix="inbox/"),))
    assert verdict(places, "other/a.mp4") is Ignored.UNWATCHED
    assert verdict(places, "inboxes/a.mp4") is Ignored.UNWATCHED
    assert judge(places, "elsewhere", "inbox/a.mp4") is Ignored.UNWATCHED
    assert isinstance(verdict(places, "inbox/a.mp4"), Watched)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(9, Ignored.TOO_SMALL), (10, Watched), (20, Watched), (21, Ignored.TOO_LARGE), (None, Watched)],
)
def test_sizes(size: int | None, expected: object) -> None:
    places = Places((WatchRule(bucket="footage", minimum_size=10, maximum_size=20),))
    found = verdict(places, "a.mp4", size=size)
    assert (type(found) if isinstance(found, Watched) else found) == expected


def test_zero_bytes_are_taken_and_rejected_later_by_name() -> None:
    assert isinstance(verdict(PLAIN, "a.mp4", size=0), Watched)


@pytest.mark.parametrize(("age", "young"), [(59.9, True), (60, False), (61, False), (-5, True)])
def test_age(age: float, young: bool) -> None:
    places = Places((WatchRule(bucket="footage", minimum_age=60),))
    found = verdict(places, "a.mp4", last_modified=NOW - timedelta(seconds=age), now=NOW)
    assert (found is Ignored.TOO_YOUNG) is young


def test_the_first_rule_that_takes_it_decides() -> None:
    small = WatchRule(bucket="footage", maximum_size=10, profile="sd")
    large = WatchRule(bucket="footage", profile="hd")
    found = verdict(Places((small, large)), "a.mp4", size=11)
    assert isinstance(found, Watched)
    assert found.rule.profile == "hd"


@pytest.mark.parametrize(
    ("pattern", "key", "tenant"),
    [
        ("{tenant}/", "acme/a.mp4", "acme"),
        ("{tenant}/", "Acme Studios/2026/a.mp4", "acme-studios"),
        ("{tenant}/", "Grüße & Co/a.mp4", "grusse-co"),
        ("{tenant}/", "a.mp4", "fallback"),
        ("{tenant}/", "///a.mp4", "fallback"),
        ("{tenant}/", "!!!/a.mp4", "fallback"),
        ("inbox/{tenant}/raw/", "inbox/acme/raw/a.mp4", "acme"),
        ("inbox/{tenant}/raw/", "inbox/acme/cut/a.mp4", "fallback"),
        ("inbox/{tenant}/raw/", "inbox/acme/x/raw/a.mp4", "fallback"),
        ("c++/{tenant}/", "c++/acme/a.mp4", "acme"),
        ("inbox/", "inbox/acme/a.mp4", "fallback"),
    ],
)
def test_tenants(pattern: str, key: str, tenant: str) -> None:
    assert tenant_of(WatchRule(bucket="footage", tenant_pattern=pattern, default_tenant="fallback"), key) == tenant


def test_outputs_never_become_inputs() -> None:
    settings = Settings(watch=(WatchRule(bucket="one-bucket"),), media_bucket="one-bucket")
    places = Places.of(settings)
    assert judge(places, "one-bucket", "vod/acme/a/123/mp4/video_360p.mp4") is Ignored.OUTPUT
    assert isinstance(judge(places, "one-bucket", "vodka/a.mp4"), Watched)


def test_listings_cover_each_place_once() -> None:
    places = Places(
        tuple(
            WatchRule(bucket=bucket, prefix=prefix)
            for bucket, prefix in [("two", "b/"), ("one", "a/x/"), ("one", "a/"), ("two", "b/"), ("two", "ba/")]
        )
    )
    assert places.listings() == [("one", "a/"), ("two", "b/"), ("two", "ba/")]


def test_narrowing() -> None:
    places = Places((WatchRule(bucket="one", prefix="a/"), WatchRule(bucket="two", prefix="b/")))
    assert places.narrowed("a/x/").listings() == [("one", "a/x/")]
    assert places.narrowed("").listings() == [("one", "a/"), ("two", "b/")]
    assert places.narrowed("b").listings() == [("two", "b/")]
    assert places.narrowed("c/").listings() == []


def test_what_was_ignored_is_told_in_words() -> None:
    assert counted({}) == "nothing"
    assert counted({Ignored.SUFFIX: 3, Ignored.FOLDER: 1}) == "3 suffix, 1 folder"

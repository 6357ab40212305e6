from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from vodflow.errors import ConfigurationError
from vodflow.sensing import novelty
from vodflow.sensing.novelty import Marker, new_videos
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.objects import ListedObject

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def found(key: str, etag: str = "e", age: float = 0) -> ListedObject:
    return ListedObject(key, 5, etag, NOW - timedelta(seconds=age))


def test_since_takes_everything_from_that_time_on() -> None:
    marker = Marker(since=NOW - timedelta(seconds=10))
    assert [marker.is_new(found("a", age=age)) for age in (9, 10, 10.001)] == [True, True, False]


def test_sight_takes_other_keys_and_overwritten_ones() -> None:
    marker = Marker.at_sight_of([found("a"), found("b")])
    assert not marker.is_new(found("a"))
    assert marker.is_new(found("a", "other"))
    assert marker.is_new(found("c", age=9999))


@pytest.mark.parametrize(
    "marker", [Marker(since=NOW), Marker(), Marker.at_sight_of(found(f"{number}.mp4") for number in range(1000))]
)
def test_markers_survive_serialisation(marker: Marker) -> None:
    assert Marker.deserialize(json.loads(json.dumps(marker.serialize()))) == marker


def test_a_snapshot_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "MAX_KNOWN", 2)
    with pytest.raises(ConfigurationError, match="Give `since`"):
        Marker.at_sight_of(found(str(number)) for number in range(3))


def test_new_videos_fit_the_rule() -> None:
    page = [found("in/a.mp4", age=60), found("in/b.txt", age=60), found("in/c.mp4", age=1), found("in/old.mp4", age=90)]
    marker = Marker.at_sight_of([found("in/old.mp4", age=90)])
    videos = new_videos(page, WatchRule(bucket="footage", prefix="in/", minimum_age=30), marker, NOW)
    assert videos == [
        {
            "uri": "s3://footage/in/a.mp4",
            "bucket": "footage",
            "key": "in/a.mp4",
            "size": 5,
            "etag": "e",
            "last_modified": "2026-04-30T23:59:00+00:00",
        }
    ]

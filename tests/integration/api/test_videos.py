"""Videos and sources over HTTP."""

from __future__ import annotations

import pytest
from support.fixtures.doors import Doors
from support.fixtures.values import probed_source, published_job
from vodflow.catalog import sources
from vodflow.catalog.database import transaction
from vodflow.errors import RejectionReason

pytestmark = pytest.mark.integration


@pytest.fixture
def published(doors: Doors) -> int:
    """A published job of acme's; acme has two videos more, globex one."""
    with transaction("test") as connection:
        job = published_job(connection, probed_source(connection, key="acme/summer holiday.mp4"))
        for number in (1, 2):
            probed_source(connection, key=f"acme/film {number}.mp4")
        probed_source(connection, key="globex/film.mp4", tenant="globex")
    return job.id


def keys(doors: Doors, **asked: object) -> list[str]:
    return [
        video["key"] for video in doors.client.get("/api/v1/videos", params=asked).raise_for_status().json()["items"]
    ]


def test_videos_are_filtered_and_sorted(doors: Doors, published: int) -> None:
    newest = ["globex/film.mp4", "acme/film 2.mp4", "acme/film 1.mp4", "acme/summer holiday.mp4"]
    assert keys(doors) == newest
    assert keys(doors, sort="oldest") == newest[::-1]
    assert keys(doors, tenant="acme") == newest[1:]
    assert keys(doors, search="hol sum") == ["acme/summer holiday.mp4"]
    assert keys(doors, search="s3://footage/acme/f") == newest[1:3]
    assert keys(doors, status="PUBLISHED") == ["acme/summer holiday.mp4"]
    assert keys(doors, status=["PUBLISHED", "PROBED"]) == newest
    assert keys(doors, engine="local", profile="standard") == ["acme/summer holiday.mp4"]
    assert keys(doors, since="2100-01-01T00:00:00Z") == []
    assert keys(doors, until="2100-01-01T00:00:00Z", tenant="nobody") == []


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("path", ["videos", "sources"])
def test_pages_follow_each_other(doors: Doors, published: int, path: str, sort: str) -> None:
    whole = doors.client.get(f"/api/v1/{path}", params={"sort": sort}).json()
    assert whole["cursor"] is None
    items, cursor = [], None
    for _ in range(4):
        answer = doors.client.get(
            f"/api/v1/{path}",
            params={"sort": sort, "limit": 1, "cursor": cursor} if cursor else {"sort": sort, "limit": 1},
        )
        items += answer.json()["items"]
        cursor = answer.json()["cursor"]
        assert ("link" in answer.headers) == (cursor is not None)
    assert (items, cursor) == (whole["items"], None)


@pytest.mark.parametrize("asked", [{"status": "LOST"}, {"limit": 0}, {"sort": "size"}, {"since": "2026-01-01T00:00:00"},
                                   {"cursor": "nonsense"}, {"engine": "abacus"}, {"satus": "FAILED"}])  # fmt: skip
@pytest.mark.parametrize("path", ["videos", "jobs"])
def test_wrong_filters_are_named(doors: Doors, path: str, asked: dict[str, object]) -> None:
    answer = doors.client.get(f"/api/v1/{path}", params=asked)
    assert answer.status_code == 422
    (name,) = asked
    assert answer.json()["errors"][0]["field"].startswith(f"query.{name}")


def test_one_video_with_all_that_is_known(doors: Doors, published: int) -> None:
    video = doors.video_of(published)
    answer = doors.client.get(f"/api/v1/videos/{video}")
    told = answer.json()
    assert told["video"]["key"] == "acme/summer holiday.mp4"
    assert (told["public_job_id"], told["job"]["id"]) == (published, published)
    assert [event["new_status"] for event in told["events"]] == ["QUEUED", "PROGRESSING", "VERIFYING", "PUBLISHED"]
    assert [track["name"] for track in told["renditions"]] == ["720p"]
    assert [one["name"] for one in told["artifacts"]] == ["hls/master.m3u8"]
    assert len(told["sources"]) == len(told["jobs"]) == len(told["attempts"]) == 1
    assert told["measurement"] is None
    assert not {"plan", "result", "recorded_xid"} & told["job"].keys()
    again = doors.client.get(f"/api/v1/videos/{video}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in (f"/api/v1/videos/{video}?job=999", "/api/v1/videos/999"):
        assert doors.client.get(path).json()["code"] == "not_found"


def test_sources_say_why_they_were_refused(doors: Doors, published: int) -> None:
    with transaction("test") as connection:
        bad = probed_source(connection, key="acme/short.mp4")
        sources.reject_source(connection, bad.id, RejectionReason.TRUNCATED, "half of it is missing")
    (found,) = doors.client.get("/api/v1/sources", params={"status": "REJECTED"}).json()["items"]
    assert (found["rejection_reason"], found["rejection_detail"]) == ("truncated", "half of it is missing")
    assert doors.client.get("/api/v1/sources", params={"reason": "truncated"}).json()["items"] == [found]
    assert doors.client.get("/api/v1/sources", params={"source": "s3://footage/acme/sh"}).json()["items"] == [found]
    assert doors.client.get("/api/v1/sources", params={"source": "nowhere"}).status_code == 422
    one = doors.client.get(f"/api/v1/sources/{bad.id}").json()
    assert found.items() <= one.items()
    assert one["media_info"]["duration"] == 60.0
    assert doors.client.get("/api/v1/sources/999").status_code == 404

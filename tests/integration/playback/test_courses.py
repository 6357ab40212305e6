"""Courses: who may watch what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from support.playback_site import Site
from vodflow.catalog.database import transaction

pytestmark = pytest.mark.integration

BASE = "/api/v1/courses"


@pytest.fixture
def acme(site: Site, video: int) -> httpx.Client:
    """Somebody of the tenant that has a video."""
    return site.as_("acme")


def course(client: httpx.Client, code: str = "maths/1", **more: Any) -> int:
    answer = client.post(BASE, json={"code": code, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def may(site: Site, video: int, user: str, **more: Any) -> bool:
    asked = {"video_id": video, "user_id": user, **more}
    answer = site.as_("acme").post("/api/v1/playback/tokens", json=asked)
    assert answer.status_code == 200 or answer.json()["code"] == "not_enrolled", answer.text
    return answer.status_code == 200


def test_only_who_is_enrolled_may_watch(site: Site, acme: httpx.Client, video: int) -> None:
    assert may(site, video, "ada"), "a video of no course"
    made = course(acme)
    assert acme.put(f"{BASE}/{made}/videos/{video}").status_code == 204
    assert not may(site, video, "ada")
    assert acme.put(f"{BASE}/{made}/enrolments/ada", json={}).status_code == 200
    assert may(site, video, "ada")
    assert may(site, video, "ada", course="maths/1")
    assert not may(site, video, "ada", course="maths/2")
    assert not may(site, video, "bob")
    other = course(acme, "maths/2")
    acme.put(f"{BASE}/{other}/videos/{video}")
    acme.put(f"{BASE}/{other}/enrolments/bob", json={})
    assert may(site, video, "bob"), "one course is enough"
    assert not may(site, video, "ada", course="maths/2")
    assert acme.delete(f"{BASE}/{made}/videos/{video}").status_code == 204
    assert not may(site, video, "ada")
    assert acme.delete(f"{BASE}/{other}").status_code == 204
    assert may(site, video, "ada")


def test_a_closed_course_is_for_teachers(site: Site, acme: httpx.Client, video: int) -> None:
    made = course(acme, active=False)
    acme.put(f"{BASE}/{made}/videos/{video}")
    for user, role in (("ada", "learner"), ("eve", "teacher")):
        acme.put(f"{BASE}/{made}/enrolments/{user}", json={"role": role})
    assert (may(site, video, "ada"), may(site, video, "eve")) == (False, True)
    assert acme.patch(f"{BASE}/{made}", json={"active": True}).json()["active"] is True
    assert may(site, video, "ada")


def test_enrolments_have_times(site: Site, acme: httpx.Client, video: int) -> None:
    made = course(acme)
    acme.put(f"{BASE}/{made}/videos/{video}")
    day, now = timedelta(days=1), datetime.now(UTC)
    for starts, ends, allowed in (
        (None, None, True), (now - day, now + day, True), (now + day, None, False), (None, now - day, False),
    ):  # fmt: skip
        body = {"role": "teacher", "starts_at": starts and starts.isoformat(), "ends_at": ends and ends.isoformat()}
        assert acme.put(f"{BASE}/{made}/enrolments/ada", json=body).status_code == 200
        assert may(site, video, "ada") is allowed


def test_whole_lists_replace_what_was(
    site: Site, acme: httpx.Client, video: int, publish_video: Callable[..., int]
) -> None:
    made, other = course(acme), publish_video()
    assert acme.put(f"{BASE}/{made}/videos", json={"videos": [video, other]}).json() == {"listed": 2, "removed": 0}
    assert acme.put(f"{BASE}/{made}/videos", json={"videos": [other]}).json() == {"listed": 1, "removed": 1}
    assert acme.get(f"{BASE}/{made}/videos").json()["items"] == [{"video_id": other}]
    people = [{"user_id": f"user-{number:04}"} for number in range(600)]
    for _ in range(2):  # safe to send twice
        assert acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": people}).json()["listed"] == 600
    first = acme.get(f"{BASE}/{made}/enrolments?limit=400").json()
    rest = acme.get(f"{BASE}/{made}/enrolments", params={"limit": 400, "cursor": first["cursor"]}).json()
    assert [item["user_id"] for item in first["items"] + rest["items"]] == [item["user_id"] for item in people]
    changed = [{"user_id": "user-0001", "role": "teacher"}]
    assert acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": changed}).json() == {"listed": 1, "removed": 599}
    (left,) = acme.get(f"{BASE}/{made}/enrolments").json()["items"]
    assert (left["user_id"], left["role"]) == ("user-0001", "teacher")


def test_who_is_no_longer_enrolled_watches_no_longer(site: Site, acme: httpx.Client, video: int) -> None:
    made = course(acme)
    acme.put(f"{BASE}/{made}/videos/{video}")
    people = [{"user_id": "ada"}, {"user_id": "bob"}, {"user_id": "a/b c"}]
    acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": people})
    tokens = {user["user_id"]: site.token(video, user["user_id"]) for user in people}
    assert acme.delete(f"{BASE}/{made}/enrolments/ada").status_code == 204
    assert acme.delete(f"{BASE}/{made}/enrolments/ada").status_code == 404
    acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": people[2:]})
    seen = {user: site.play(token, "hls/master.m3u8").status_code for user, token in tokens.items()}
    assert seen == {"ada": 403, "bob": 403, "a/b c": 200}
    assert acme.delete(f"{BASE}/{made}/enrolments/a/b%20c").status_code == 204


@pytest.mark.parametrize(
    ("before", "after", "void"),
    [
        ({}, {"ends_at": "2026-01-01T00:00:00Z"}, True), ({}, {"starts_at": "2096-01-01T00:00:00Z"}, True),
        ({}, {"role": "teacher"}, False), ({"role": "teacher"}, {"ends_at": "2096-01-01T00:00:00Z"}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("listed", [True, False])
def test_an_enrolment_that_is_over_voids_tokens(
    site: Site, acme: httpx.Client, video: int, before: dict[str, str], after: dict[str, str], void: bool, listed: bool
) -> None:
    made = course(acme)
    acme.put(f"{BASE}/{made}/videos/{video}")
    acme.put(f"{BASE}/{made}/enrolments/ada", json=before)
    acme.put(f"{BASE}/{made}/enrolments/bob", json={})
    ada, bob = site.token(video, "ada"), site.token(video, "bob")
    if listed:
        people = [{"user_id": "ada", **after}, {"user_id": "bob"}]
        acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": people})
    else:
        acme.put(f"{BASE}/{made}/enrolments/ada", json=after)
    assert site.play(ada, "hls/master.m3u8").status_code == (403 if void else 200)
    assert site.play(bob, "hls/master.m3u8").status_code == 200


def test_a_list_that_is_sent_again_voids_nothing(site: Site, acme: httpx.Client, video: int) -> None:
    """Whoever is to begin later has lost nothing by it."""
    made, other = course(acme), course(acme, "maths/2")
    acme.put(f"{BASE}/{other}/videos/{video}")
    acme.put(f"{BASE}/{other}/enrolments/ada", json={})
    token = site.token(video, "ada")
    people = [{"user_id": "ada", "starts_at": "2096-01-01T00:00:00Z"}]
    for _ in range(2):
        acme.put(f"{BASE}/{made}/enrolments", json={"enrolments": people})
    assert site.play(token, "hls/master.m3u8").status_code == 200


@pytest.mark.parametrize(
    "change", ["DELETE FROM enrolment", "UPDATE enrolment SET ends_at = now()", "DELETE FROM publication"]
)
def test_who_asks_while_it_ends_gets_no_token(site: Site, acme: httpx.Client, video: int, change: str) -> None:
    """One that is issued after tokens became void, and before others see why, would hold for its whole time."""
    made = course(acme)
    acme.put(f"{BASE}/{made}/videos/{video}")
    acme.put(f"{BASE}/{made}/enrolments/ada", json={})
    asked = {"video_id": video, "user_id": "ada"}
    with ThreadPoolExecutor(1) as pool:
        with transaction("test") as connection:
            connection.execute(text(change))
            answer = pool.submit(site.as_("acme").post, "/api/v1/playback/tokens", json=asked)
            waits = text(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            while not connection.scalar(waits):  # the test's own time limit ends it
                assert not answer.done(), answer.result().text
        assert answer.result().status_code in {403, 404}


def test_courses_are_found_by_code_and_page_by_page(acme: httpx.Client) -> None:
    made = [course(acme, f"c-{number}") for number in range(3)]
    assert acme.post(BASE, json={"code": "c-1"}).status_code == 409
    (found,) = acme.get(f"{BASE}?code=c-1").json()["items"]
    assert (found["id"], found["tenant"], found["active"]) == (made[1], "acme", True)
    first = acme.get(f"{BASE}?limit=2").json()
    second = acme.get(BASE, params={"limit": 2, "cursor": first["cursor"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made
    assert acme.get(f"{BASE}/{made[0]}").json()["code"] == "c-0"
    assert acme.patch(f"{BASE}/{made[0]}", json={"title": "New"}).json()["title"] == "New"


def test_another_tenants_courses_are_not_there(
    site: Site, acme: httpx.Client, video: int, publish_video: Callable[..., int]
) -> None:
    theirs, globex = publish_video("globex"), site.as_("globex")
    made = course(acme)
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {"title": "x"}), ("DELETE", "", None), ("GET", "/videos", None),
        ("PUT", "/videos", {"videos": []}), ("PUT", f"/videos/{theirs}", None), ("DELETE", f"/videos/{video}", None),
        ("GET", "/enrolments", None), ("PUT", "/enrolments", {"enrolments": []}), ("PUT", "/enrolments/x", {}),
        ("DELETE", "/enrolments/x", None),
    ):  # fmt: skip
        answer = globex.request(method, f"{BASE}/{made}{path}", json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert globex.get(BASE).json()["items"] == []
    # Nor does anybody put a video of one tenant into a course of another.
    for client in (acme, site.as_("*")):
        assert client.put(f"{BASE}/{made}/videos/{theirs}").status_code == 404
        assert client.put(f"{BASE}/{made}/videos", json={"videos": [video, theirs]}).status_code == 404
    assert acme.get(f"{BASE}/{made}/videos").json()["items"] == [], "nothing is half done"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"code": ""}), ("POST", "", {"code": "a\0"}), ("POST", "", {"code": "a", "title": "x" * 300}),
        ("PATCH", "/1", {"active": "maybe"}), ("PUT", "/1/videos", {"videos": [0]}),
        ("PUT", "/1/enrolments/x", {"role": "owner"}),
        ("PUT", "/1/enrolments/x", {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}),
        ("PUT", "/1/enrolments/x", {"starts_at": "2026-01-02T00:00:00"}),
        ("PUT", "/1/enrolments", {"enrolments": [{"user_id": "x"}, {"user_id": "x"}]}),
        ("PUT", "/1/enrolments", {"enrolments": [{"user_id": "x"}] * 10_001}), ("GET", f"/{2**63}", None),
    ],
)  # fmt: skip
def test_nonsense_is_named(acme: httpx.Client, method: str, path: str, body: Any) -> None:
    answer = acme.request(method, BASE + path, json=body)
    assert answer.status_code == 422, answer.text


def test_every_change_is_kept(acme: httpx.Client, video: int) -> None:
    made = course(acme)
    acme.put(f"{BASE}/{made}/videos/{video}")
    acme.put(f"{BASE}/{made}/enrolments/ada", json={})
    acme.delete(f"{BASE}/{made}/enrolments/ada")
    acme.delete(f"{BASE}/{made}")
    with transaction("test") as connection:
        found = connection.execute(text("SELECT action, tenant FROM audit_event ORDER BY id")).all()
    actions = ["create", "add_video", "enrol", "end_enrolment", "remove"]
    assert [tuple(row) for row in found] == [(f"courses.{action}", "acme") for action in actions]

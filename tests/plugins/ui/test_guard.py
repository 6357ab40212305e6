"""Who comes in, and with what headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient
from vodflow_airflow.ui.app import make_app, page_routes
from vodflow_airflow.ui.guard import content_policy

pytestmark = pytest.mark.airflow

Visit = Callable[..., TestClient]
PATHS = ("/vodflow/videos", "/vodflow/static/page.css", "/vodflow/nothing", "/vodflow/", "/vodflow/openapi.json")


@pytest.mark.parametrize("path", PATHS)
def test_nobody_sees_anything(visit: Visit, path: str) -> None:
    client = visit()
    assert client.get(path).status_code == 401
    assert client.post(path).status_code == 401
    with_page = client.get(path, headers={"Accept": "text/html"})
    assert with_page.status_code == 303
    assert with_page.headers["location"].startswith("/api/v2/auth/login?next=http%3A%2F%2Ftestserver%2Fvodflow%2F")
    in_a_frame = client.get(path, headers={"Accept": "text/html", "Sec-Fetch-Dest": "iframe"})
    assert in_a_frame.status_code == 401
    assert "Log in to Airflow first." in in_a_frame.text


def test_a_forged_token_opens_nothing(visit: Visit) -> None:
    client = visit(Authorization="Bearer eyJhbGciOiJIUzUxMiJ9.e30.nothing")
    assert client.get("/vodflow/videos").status_code in {401, 403}


def test_a_cookie_of_another_airflow_leads_to_the_log_in(visit: Visit) -> None:
    client = visit()
    client.cookies.set("_token", "eyJhbGciOiJIUzUxMiJ9.e30.nothing")
    assert client.get("/vodflow/videos", headers={"Accept": "text/html"}).status_code == 303
    assert "Log in to Airflow first." in client.get("/vodflow/videos").text


def test_a_piece_of_a_page_is_never_the_log_in_page(visit: Visit) -> None:
    """Also where browsers do not say what they ask for: without TLS, from another machine."""
    answer = visit().get("/vodflow/live?video=1.QUEUED.0", headers={"Accept": "text/html", "HX-Request": "true"})
    assert answer.status_code == 401
    assert "next=%2Fvodflow%2Fvideos" in answer.text
    assert "<html" not in answer.text


def test_head_is_answered_like_get(visit: Visit) -> None:
    assert visit().head("/vodflow/static/page.css").status_code == 401
    assert visit("viewer").head("/vodflow/static/page.css").headers["content-type"].startswith("text/css")


def test_every_answer_is_guarded(visit: Visit) -> None:
    client = visit("viewer")
    for path in PATHS:
        answer = client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert ("no-store" in answer.headers["cache-control"]) is (not path.endswith(".css")), path
    assert client.get("/vodflow/nothing").status_code == 404
    assert "There is no such page." in client.get("/vodflow/nothing").text
    assert client.get("/vodflow/openapi.json").status_code == 404


def test_the_policy_names_the_host_of_the_media() -> None:
    policy = content_policy("https://cdn.example.com/videos")
    assert "media-src 'self' blob: https://cdn.example.com;" in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver:9000"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_other_pages_send_nothing_in_somebody_elses_name(visit: Visit, headers: dict[str, str]) -> None:
    answer = visit("admin").post("/vodflow/videos", headers=headers)
    assert answer.status_code == 403
    assert "Another site sent this" in answer.text


def test_own_pages_and_programs_with_a_token_may_send(visit: Visit) -> None:
    client = visit("admin")
    same = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    assert client.post("/vodflow/videos", headers=same).status_code == 405
    token = client.cookies.pop("_token")
    assert client.post("/vodflow/videos", headers={"Authorization": f"Bearer {token}"}).status_code == 405


def test_every_route_that_changes_something_needs_an_operator() -> None:
    for route in page_routes(make_app()):
        assert route.acts is (route.method not in {"GET", "HEAD"}), route

"""The pages in a browser: nothing in the way of keyboards and screen readers, and they work by clicks alone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert
from support.accessibility import serious
from support.airflow_server import AirflowServer
from support.fixtures.pages import opened
from support.fixtures.values import probed_source, published_job, queued_job
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, record_dead_letters
from vodflow.catalog.tables.facts import job_outcome
from vodflow.catalog.tables.marts import failures as failures_mart
from vodflow.catalog.tables.marts import partition
from vodflow.errors import EngineError, RejectionReason
from vodflow.settings import Settings
from vodflow_airflow.ui.app import make_app, page_routes

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.integration]

#: What a page's address has of the catalog below.
NAMED = {"video_id": "1", "name": "failures"}

#: What the player says of the published video, whose bytes are nowhere.
NO_MEDIA = re.compile(r"media\.s3\.|^Failed to load resource: net::")

#: Routes that are no pages: files, values, pieces of pages, ways to pages.
NO_PAGES = re.compile(r"^/(static|glance|runs|live)\b|^/$|\.(css|html|json|vtt|{kind})$")
PAGES = sorted(
    route.path for route in page_routes(make_app()) if route.method == "GET" and not NO_PAGES.search(route.path)
)


@pytest.fixture
def videos(catalog: Settings, today: date) -> dict[str, int]:
    """One published video, a failed and a refused one, something given up; yesterday is computed, today is empty."""
    day = today - timedelta(days=1)
    noon = datetime.combine(day, time(12), UTC)
    with transaction("test") as conn:
        published_job(conn, probed_source(conn, key="in/one.mp4"))
        failed = queued_job(conn, probed_source(conn, key="in/two.mp4"), run_id="run-2")
        jobs.fail_job(conn, failed.id, EngineError("No space is left.", code="disk"))
        refused = probed_source(conn, key="in/three.mp4")
        sources.reject_source(conn, refused.id, RejectionReason.TRUNCATED, "The file ends early.")
        about = {"origin": FAILED_RUN, "identity": "source-3", "source_id": refused.id}
        record_dead_letters(conn, [NewDeadLetter(**about, code="odd", message="It broke.")])
        outcome = {
            "day": day, "outcome": "event-1", "at": noon, "status": "published", "tenant": "acme", "profile": "sd",
            "engine": "local", "attempts": 1, "stalls": 0, "media_seconds": 60.0, "speed": 2.0, "total_seconds": 40.0,
            "encode_seconds": 30.0,
        }  # fmt: skip
        conn.execute(insert(job_outcome).values(outcome))
        reason = {
            "day": day, "tenant": "acme", "profile": "sd", "engine": "local", "kind": "failed", "error_code": "disk",
            "error_class": "permanent", "occurrences": 3, "videos": 1, "first_at": noon, "last_at": noon,
            "example_uri": "s3://footage/in/two.mp4", "link": "/vodflow/videos/2",
        }  # fmt: skip
        conn.execute(insert(failures_mart).values(reason))
        conn.execute(insert(partition).values(mart="failures", day=day, rows=1, computed_at=noon))
    return {"failed": failed.id}


def settled(page: Page, path: str) -> None:
    """Open a page, and let every piece of it come."""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_keeps_anybody_out(browser: Browser, pages_url: str, videos: object, path: str, scheme: Any) -> None:
    filled = re.sub(r"{(\w+)}", lambda found: NAMED[found[1]], path)
    with opened(browser, pages_url, "op", color_scheme=scheme) as (page, problems):
        settled(page, f"/vodflow{filled}")
        assert serious(page) == []
        assert [said for said in problems if not NO_MEDIA.search(said)] == []
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, "the page is wider than its window"


def test_a_problem_is_a_page_too(browser: Browser, pages_url: str, videos: object) -> None:
    with opened(browser, pages_url, "viewer") as (page, _):
        for path in ("/vodflow/nothing", "/vodflow/failures?tenant=nobody", "/vodflow/videos/999"):
            page.goto(path)
            assert serious(page) == []
            expect(page.get_by_role("navigation", name="Vodflow")).to_be_visible()


def test_an_operator_tries_a_failure_again_by_keyboard(
    browser: Browser, pages_url: str, videos: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with AirflowServer() as airflow, opened(browser, pages_url, "op") as (page, problems):
        airflow.trusting = True
        airflow.runs["run-2"] = {"state": "failed", "conf": {}}
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{airflow.url}/execution/")
        settled(page, "/vodflow/failures?kind=failed")
        page.get_by_role("checkbox", name="Try two.mp4 again").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Try the marked ones again").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("1 of 1 starts again.")
        assert problems == []
    with transaction("test") as conn:
        assert jobs.get_job(conn, videos["failed"]).status == "QUEUED"


def test_a_viewer_may_look_only(browser: Browser, pages_url: str, videos: object) -> None:
    with opened(browser, pages_url, "viewer") as (page, _):
        settled(page, "/vodflow/failures")
        expect(page.get_by_role("link", name="two.mp4").first).to_be_visible()
        assert page.get_by_role("checkbox").count() == page.get_by_role("button", name="Try").count() == 0


def test_all_of_a_page_is_marked_at_once(browser: Browser, pages_url: str, videos: object) -> None:
    with opened(browser, pages_url, "op") as (page, _):
        settled(page, "/vodflow/failures")
        page.get_by_role("button", name="Mark all of this page").click()
        boxes = page.get_by_role("checkbox").all()
        assert boxes
        assert all(box.is_checked() for box in boxes)


def test_a_report_of_one_video_and_of_an_empty_day(
    browser: Browser, pages_url: str, videos: object, today: date
) -> None:
    yesterday = today - timedelta(days=1)
    with opened(browser, pages_url, "viewer") as (page, problems):
        settled(page, "/vodflow/reports")
        expect(page.locator("section.chart svg").first).to_be_visible()
        page.get_by_label("First day").fill(str(yesterday))
        page.get_by_label("Last day").fill(str(yesterday))
        page.get_by_role("button", name="Show").click()
        page.wait_for_load_state("networkidle")
        assert page.locator("section.chart").count() == page.locator("section.chart h2").count() > 5
        numbers = page.locator("#failures details")
        numbers.locator("summary").click()
        with page.expect_download() as download:
            numbers.get_by_role("link", name="CSV").click()
        assert "disk" in download.value.path().read_text()
        settled(page, f"/vodflow/reports?first={today}&last={today}")
        expect(page.get_by_text("Nothing is computed of")).to_be_visible()
        assert problems == []


def test_charts_are_links_where_scripts_are_off(browser: Browser, pages_url: str, videos: object) -> None:
    with opened(browser, pages_url, "viewer", java_script_enabled=False) as (page, _):
        page.goto("/vodflow/reports")
        page.get_by_role("link", name="Failures by reason").click()
        expect(page.locator("figure.chart svg")).to_be_visible()

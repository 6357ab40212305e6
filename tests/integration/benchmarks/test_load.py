"""The load generator sends what it is asked for, and counts what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from support.served_app import served

from benchmarks.playback import REPOSITORY

pytestmark = pytest.mark.integration


def load(url: str, *options: str) -> dict[str, Any]:
    host, _, port = url.removeprefix("http://").partition(":")
    argv = [sys.executable, "-m", "benchmarks.load", host, port, "--connections", "4", "--seconds", "0.5", *options]
    said = subprocess.run(
        argv, cwd=REPOSITORY, input="/a /missing", capture_output=True, text=True, timeout=60, check=True
    ).stdout  # fmt: skip
    found: dict[str, Any] = json.loads(said)
    return found


async def app(scope: Any, receive: Any, send: Any) -> None:
    missing = scope["path"] == "/missing"
    await PlainTextResponse("x" * 5000, 404 if missing else 200)(scope, receive, send)


def test_as_many_as_go_and_at_a_rate() -> None:
    with served(app) as url:
        for options in ((), ("--rate", "100")):
            found = load(url, *options)
            assert set(found["statuses"]) == {"200", "404"}
            assert found["requests"] == sum(found["statuses"].values())
            assert 0 < found["p50"] <= found["p99"] <= found["longest"]
        assert found["requests"] <= 60

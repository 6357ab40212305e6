"""``vodflow api serve``, started for real."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.fixtures.api import Api
from support.fixtures.values import probed_source, queued_job
from vodflow.api.served import serve
from vodflow.catalog.database import transaction
from vodflow.settings import Settings, get_settings

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def served(*options: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "vodflow", "api", "serve", "--port", str(port), *options],
        env=os.environ | variables, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with contextlib.suppress(httpx.TransportError):
                assert httpx.get(f"{url}/health", timeout=30).json() == {"status": "ok"}
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_it_serves_and_stops(api: Api, catalog: Settings) -> None:
    made = api.key(tenant="acme")
    key = made.text
    with served(VODFLOW_CATALOG_URL=catalog.catalog_url.get_secret_value()) as (process, url):
        me = httpx.get(f"{url}/api/v1/whoami", headers={"x-api-key": key}, timeout=30)
        assert me.json()["tenant"] == "acme"
        assert "server" not in me.headers
        headed = httpx.head(f"{url}/api/v1/whoami", headers={"x-api-key": key}, timeout=30)
        assert (headed.status_code, headed.content) == (200, b"")
        assert headed.headers["content-length"] == me.headers["content-length"]
        assert httpx.get(f"{url}/metrics", timeout=30).status_code == 200
        httpx.get(f"{url}/api/v1/health?token=secret-in-an-address", headers={"x-api-key": key}, timeout=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}
        assert process.stderr is not None
        log = process.stderr.read()
    assert re.search(rf"GET /api/v1/health \d+ \d+ ms by api_key:{made.key.prefix} of acme, request \w+", log)
    assert "secret-in-an-address" not in log
    assert key[20:] not in log


def test_who_waits_is_let_go_when_the_server_stops(api: Api, catalog: Settings) -> None:
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection))
    proof = {"x-api-key": api.key().text}
    path = f"/api/v1/jobs/{job.id}"
    with (
        served(VODFLOW_CATALOG_URL=catalog.catalog_url.get_secret_value()) as (process, url),
        httpx.Client(base_url=url, headers=proof, timeout=60) as client,
        ThreadPoolExecutor(1) as pool,
        client.stream("GET", f"{path}/events") as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        waits = pool.submit(client.get, path, params={"wait": 60})
        # Metrics count both, once they are being answered.
        while "in_progress 3.0" not in client.get("/metrics").text:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert "event: end" not in list(lines), "it ends whole, and its reader comes again"
        assert waits.result(60).json()["status"] == "QUEUED"
        assert process.wait(60) in {0, -signal.SIGTERM}


def test_a_silent_storage_is_given_up_soon(catalog: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the installation says how soon: requests wait for it, and so few can at a time."""
    used: list[Settings] = []
    monkeypatch.setattr("vodflow.api.served.uvicorn.run", lambda *_, **__: used.append(get_settings()))
    monkeypatch.setenv("VODFLOW_AWS_ATTEMPTS", "4")
    serve("127.0.0.1", 0)
    assert [(one.aws_read_timeout, one.aws_attempts) for one in used] == [(20, 4)]


def test_an_address_that_cannot_be_listened_on_is_one_sentence(catalog: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vodflow", "api", "serve", "--host", "192.0.2.1"],
        env=os.environ | {"VODFLOW_CATALOG_URL": catalog.catalog_url.get_secret_value()},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"vodflow: Cannot assign requested address.*192\.0\.2\.1.*\n", done.stderr)

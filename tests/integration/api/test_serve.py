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

import httpx
import pytest
from support.fixtures.api import Api
from vodflow.settings import Settings

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


def test_an_address_that_cannot_be_listened_on_is_one_sentence(catalog: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vodflow", "api", "serve", "--host", "192.0.2.1"],
        env=os.environ | {"VODFLOW_CATALOG_URL": catalog.catalog_url.get_secret_value()},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"vodflow: Cannot assign requested address.*192\.0\.2\.1.*\n", done.stderr)

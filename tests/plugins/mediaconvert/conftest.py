"""The local MediaConvert for the tests of its operators, and contexts to run them in."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from botocore.credentials import Credentials
from local_mediaconvert.api.app import create_app
from local_mediaconvert.service import Config, Service
from support.mediaconvert_service import KEYS, ROLE, WORKER, MediaConvert, Store, TaskInstance, connect


@pytest.fixture(scope="session")
def mediaconvert_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaConvert]:
    listening = socket.create_server(("127.0.0.1", 0))
    state = tmp_path_factory.mktemp("mediaconvert")
    inside = Service(Config(state=state, concurrency=8, worker=(sys.executable, "-S", "-E", str(WORKER))))
    running = MediaConvert(f"http://127.0.0.1:{listening.getsockname()[1]}", inside)
    app = running.counting(create_app(inside, Credentials(*KEYS)))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_keep_alive=75))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield running
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def service(mediaconvert_server: MediaConvert, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MediaConvert:
    """The service without faults, found through the environment as a stranger's DAG would."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_MEDIACONVERT"):
        monkeypatch.delenv(name, raising=False)
    connect(monkeypatch)
    monkeypatch.setenv("AWS_MEDIACONVERT_ENDPOINT", mediaconvert_server.url)
    monkeypatch.setenv("MEDIACONVERT_ROLE_ARN", ROLE)
    monkeypatch.setenv("MEDIACONVERT_POLL_RATE", "50")
    monkeypatch.setenv("MEDIACONVERT_SUBMIT_RATE", "1000")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mediaconvert_server.faults()
    mediaconvert_server.calls.clear()
    return mediaconvert_server


_numbers = iter(range(1_000_000))


@pytest.fixture
def make_context() -> Callable[..., Any]:
    """``make_context()`` is of a first try; ``make_context(earlier)`` of the next try of the same task."""

    def make(earlier: Any = None, *, store: bool = True) -> Any:
        if earlier is None:
            ti = TaskInstance(f"task{next(_numbers)}", 1)
            return {"ti": ti, "task_state_store": Store() if store else None}
        ti = TaskInstance(earlier["ti"].task_id, earlier["ti"].try_number + 1)
        return {"ti": ti, "task_state_store": earlier["task_state_store"]}

    return make

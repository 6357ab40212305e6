"""Stands for Airflow's REST API over HTTP: keeps runs, refuses an id it has, checks tokens.

The end-to-end tests ask the real one; here runs do nothing by themselves, so that a test decides what becomes of them.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

_RUNS = re.compile(r"^/api/v2/dags/(transcode_video|import_video)/dagRuns")


class AirflowServer:
    """``with AirflowServer() as airflow:``; ``airflow.runs`` maps ids to ``{"state": …, "conf": …}``."""

    USER, PASSWORD = "robot", "not a secret"

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.tokens = 0
        self.broken: int | None = None
        """A status that every call is answered with."""
        self.on_fail: Callable[[str], None] = lambda _: None
        """Called when a run is marked failed: what its task would do when it is killed."""
        self.lost = 0
        """How many runs more it says to have started before it commits, and is killed."""
        self.busy = False
        """Whether a process works on a task of every run."""
        self.trusting = False
        """Whether it takes every token, as if it had given them all out."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expire_tokens(self) -> None:
        self.tokens += 1

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.broken:
            return self.broken, {"detail": "broken"}
        if path == "/auth/token":
            self.calls["token"] += 1
            right = (body.get("username"), body.get("password")) == (self.USER, self.PASSWORD)
            return (
                (201, {"access_token": f"token-{self.tokens}"}) if right else (401, {"detail": "Invalid credentials"})
            )
        if path == "/api/v2/monitor/health":
            return 200, {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}}
        if token != f"Bearer token-{self.tokens}" and not (self.trusting and token):
            return 401, {"detail": "Invalid JWT token"}
        if path == "/api/v2/dags":
            return 200, {"dags": []}
        return self._run(method, _RUNS.sub("", path).split("/")[1:], body)

    def _run(self, method: str, parts: list[str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls[method] += 1
        if not parts:
            run_id = body["dag_run_id"]
            if run_id in self.runs:
                return 409, {"detail": "exists"}
            made = {"state": "queued", "conf": body["conf"]}
            if self.lost:
                self.lost -= 1
            else:
                self.runs[run_id] = made
            return 200, {"dag_run_id": run_id, **made}
        run_id = unquote(parts[0])
        if run_id not in self.runs:
            return 404, {"detail": "not found"}
        if parts[1:] == ["taskInstances"]:
            return 200, {"task_instances": [{}] * self.busy}
        if parts[1:] == ["clear"]:
            self.runs[run_id]["state"] = "queued"
        elif method == "PATCH":
            self.runs[run_id]["state"] = body["state"]
            self.on_fail(run_id)
        return 200, {"dag_run_id": run_id, **self.runs[run_id]}


def _handler(airflow: AirflowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            path = urlsplit(self.path).path
            status, document = airflow.answer(self.command, path, self.headers.get("Authorization", ""), body)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _respond  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    return Handler

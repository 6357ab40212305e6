"""A small HTTP server that imports read from: with ranges and validators, honest or not."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RANGE = re.compile(r"^bytes=(\d+)-$")


@dataclass
class ImportServer:
    """What is behind its one address, and how it is served.

    :param cut_after: bytes after which the connection of a request breaks, for one request each
    :param ranges: whether it sends parts of the body
    :param etag: of the body; none means no validator
    :param length: what Content-Length says of the whole; none means the truth, 0 means that it says nothing
    :param answers: statuses of the next requests, each with its headers, instead of the body
    :param headers: more headers of every answer with the body
    :param asked: path, Range and Authorization of each request
    :param on_request: called with the number of each request, from 1
    """

    port: int = 0
    body: bytes = b""
    cut_after: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: str | None = '"one"'
    length: int | None = None
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    on_request: Callable[[int], object] = lambda _: None

    def url(self, path: str = "/film.mp4", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@contextmanager
def import_server(**values: object) -> Iterator[ImportServer]:
    """``with import_server(body=…) as server:`` on loopback."""
    server = ImportServer(**values)  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"facts": server})) as httpd:
        httpd.daemon_threads = True
        server.port = httpd.server_port
        threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server
        finally:
            httpd.shutdown()


class _Handler(BaseHTTPRequestHandler):
    facts: ImportServer

    def do_GET(self) -> None:
        self.facts.asked.append((self.path, self.headers["Range"], self.headers["Authorization"]))
        self.facts.on_request(len(self.facts.asked))
        if self.facts.answers:
            status, headers = self.facts.answers.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            return
        with suppress(ConnectionError):
            self._send()

    def _send(self) -> None:
        first = self._first()
        body = self.facts.body[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(self.facts.body) - 1}/{len(self.facts.body)}")
        if self.facts.length != 0:
            said = self.facts.length - first if self.facts.length is not None else len(body)
            self.send_header("Content-Length", str(said))
        if self.facts.etag:
            self.send_header("ETag", self.facts.etag)
        for name, value in self.facts.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: self.facts.cut_after.pop(0)] if self.facts.cut_after else body)

    def _first(self) -> int:
        match = _RANGE.match(self.headers["Range"] or "")
        known = self.facts.etag is not None and self.headers["If-Range"] == self.facts.etag
        return int(match[1]) if match and self.facts.ranges and known else 0

    def log_message(self, *arguments: object) -> None:
        pass

"""A small HTTP server with byte ranges that counts what it sends and can fail on purpose.

Like a presigned S3 URL it answers GET only.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")
_CHUNK = 16 * 1024


@dataclass
class RangeServer:
    """What the server does and has done.

    :param url: of the one file
    :param failing: status of the answers from ``from_request`` on; 0 cuts the connection in mid-body
    :param from_request: the first request is 1
    :param until_request: the last request that fails
    :param readable: bytes of the file after which its connections break; requests for later ones are refused
    :param requests: the Range header of each
    :param sent: bytes of bodies
    """

    url: str
    failing: int | None = None
    from_request: int = 1
    until_request: int = 1_000_000
    readable: int | None = None
    requests: list[str] = field(default_factory=list)
    sent: int = 0

    def status(self) -> int | None:
        """How the newest request is answered; none means with the bytes."""
        return self.failing if self.from_request <= len(self.requests) <= self.until_request else None


@contextmanager
def serve(path: Path) -> Iterator[RangeServer]:
    """Serve one file on loopback."""
    httpd = _Server(("127.0.0.1", 0), _Handler)
    httpd.data = path.read_bytes()
    httpd.facts = RangeServer(f"http://127.0.0.1:{httpd.server_port}/{path.name}?X-Amz-Signature=secret")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield httpd.facts
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    data: bytes
    facts: RangeServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in mid-body are the point here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        # Small buffers, so that the count is what the client took and not what the kernel holds.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CHUNK)
        super().setup()

    def do_HEAD(self) -> None:
        self.send_error(403)

    def do_GET(self) -> None:
        facts, data = self.server.facts, self.server.data
        facts.requests.append(self.headers.get("Range", ""))
        status = facts.status()
        if status:
            self.send_error(status)
            return
        match = _RANGE.match(self.headers.get("Range", "bytes=0-"))
        first = int(match[1])
        last = min(int(match[2] or len(data) - 1), len(data) - 1)
        if first > last:
            self.send_error(416)
            return
        readable = len(data) if facts.readable is None else facts.readable
        if first >= readable:
            self.send_error(403)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        end = first + (last - first + 1) // 2 if status == 0 else min(last + 1, readable)
        with suppress(ConnectionError):
            for offset in range(first, end, _CHUNK):
                chunk = data[offset : min(offset + _CHUNK, end)]
                self.wfile.write(chunk)
                facts.sent += len(chunk)
        if end <= last:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass

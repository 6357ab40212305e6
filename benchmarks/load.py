"""``python -m benchmarks.load HOST PORT``: requests over kept-alive connections, and how long each took.

Standard input has the paths, one a line; every connection goes round them from a place of its own. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import uvloop

#: Seconds after the end that answers may still take.
_GRACE: Final = 5.0
_END: Final = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request.

    :param due: when the first request is to be sent; at a rate, each is due whether the one before is answered or not
    :param interval: seconds from one to the next; none means as soon as the answer is there
    """

    def __init__(self, requests: Sequence[bytes], place: int, due: float, interval: float | None, end: float) -> None:
        self._requests, self._due, self._interval, self._end = requests, due, interval, end
        self._place = place % len(requests)
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self.took: list[float] = []
        self.statuses: dict[str, int] = {}
        self.done = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._loop.call_at(self._due, self._send)

    def _send(self) -> None:
        if self._interval is None:
            self._due = time.monotonic()  # the loop's own time is of its last round, in whole milliseconds
        self._transport.write(self._requests[self._place])
        self._place = (self._place + 1) % len(self._requests)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(_END)) >= 0:
            length = _content_length(self._buffer[:head])
            whole = head + len(_END) + length
            if len(self._buffer) < whole:
                return
            status = self._buffer[9:12].decode()
            self.statuses[status] = self.statuses.get(status, 0) + 1
            del self._buffer[:whole]
            self._answered()

    def _answered(self) -> None:
        now = time.monotonic()
        self.took.append(now - self._due)
        if self._interval is not None:
            self._due += self._interval
        if max(now, self._due) >= self._end:
            if not self.done.done():
                self.done.set_result(None)
        elif self._interval is None or self._due <= now:
            self._send()
        else:
            self._loop.call_at(self._due, self._send)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.done.done():
            self.statuses["lost"] = self.statuses.get("lost", 0) + 1
            self.done.set_result(None)


def _content_length(head: bytes | bytearray) -> int:
    lower = head.lower()
    place = lower.find(b"content-length:")
    return int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


async def _run(options: argparse.Namespace, paths: Sequence[str]) -> dict[str, object]:
    host, port = options.host, options.port
    requests = [f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\n\r\n".encode() for path in paths]
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.5
    end, interval = begin + options.seconds, options.connections / options.rate if options.rate else None
    connections = []
    for number in range(options.connections):
        due = begin + (number / options.rate if options.rate else 0.0)
        # Far from each other, so that they do not ask for the same at the same time.
        made = _Connection(requests, number * 7919, due, interval, end)
        await loop.create_connection(lambda made=made: made, host, port)  # type: ignore[misc]
        connections.append(made)
    await asyncio.wait([made.done for made in connections], timeout=begin - loop.time() + options.seconds + _GRACE)
    wall = loop.time() - begin
    took = sorted(value * 1000 for made in connections for value in made.took)
    statuses: dict[str, int] = {}
    for made in connections:
        for status, amount in made.statuses.items():
            statuses[status] = statuses.get(status, 0) + amount
    at = {f"p{share}": took[min(len(took) - 1, int(len(took) * share / 100))] for share in (50, 95, 99)} if took else {}
    return {
        "requests": len(took), "seconds": wall, "rate": len(took) / wall, "statuses": statuses, **at,
        "longest": took[-1] if took else 0.0, "cpu": time.process_time(),
    }  # fmt: skip


def main() -> None:
    """Send requests for some seconds."""
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rate", type=float, help="requests a second, due at their times; without it as many as go")
    options = parser.parse_args()
    paths = sys.stdin.read().split()
    sys.stdout.write(json.dumps(uvloop.run(_run(options, paths))))


if __name__ == "__main__":
    main()

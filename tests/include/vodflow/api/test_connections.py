"""Connections on which requests come slowly, too large, or not at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.served_app import served

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of what it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = f"[{size}]".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def connected(keep_alive: int) -> Iterator[socket.socket]:
    with (
        served(echo, keep_alive=keep_alive) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as made,
    ):
        yield made


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    with connected(300) as made:
        yield made


def read(connection: socket.socket, until: bytes | None = None) -> bytes:
    """What comes until this, or until the other side hangs up."""
    found = b""
    while until is None or until not in found:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:  # it hung up before it had read everything
            piece = b""
        if not piece:
            assert until is None, found
            return found
        found += piece
    return found


@pytest.mark.parametrize("begin", [b"", b"G", REQUEST, REQUEST + b"X-More: "])
@pytest.mark.parametrize("before", [b"", REQUEST + b"\r\n"])
def test_who_does_not_finish_is_hung_up_on(before: bytes, begin: bytes) -> None:
    with connected(1) as connection:
        connection.sendall(before + begin)
        assert read(connection).endswith(b"[0]" if before else b"")


@pytest.mark.parametrize("line", [b"x" * 65536, b"X-Many: of them\r\n" * 4096])
@pytest.mark.parametrize("begin", [REQUEST + b"X-More: 1\r\nX-Other: ", b"GET /", CHUNKED + b"X-More: 1\r\nX-Other: "])
def test_what_goes_on_and_on_ends(connection: socket.socket, begin: bytes, line: bytes) -> None:
    connection.sendall(begin)
    with pytest.raises((ConnectionError, TimeoutError)):
        for _ in range(1000):
            connection.sendall(line)
            connection.setblocking(False)
            try:
                while connection.recv(65536):
                    pass
                raise ConnectionResetError
            except BlockingIOError:
                connection.settimeout(60)


def test_what_is_whole_is_answered(connection: socket.socket) -> None:
    large = 1024 * 1024
    connection.sendall(REQUEST + b"\r\n" + REQUEST + b"\r\n")
    answers = b""
    while answers.count(b"[0]") < 2:
        answers += read(connection, b"[0]")
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % large + b"x" * large + REQUEST + b"\r\n"
    )
    answers = read(connection, b"[%d]" % large)
    if answers.endswith(b"[%d]" % large):
        answers += read(connection, b"[0]")
    connection.sendall(CHUNKED + b"X-Trailer: short\r\n\r\n")
    read(connection, b"[1]")

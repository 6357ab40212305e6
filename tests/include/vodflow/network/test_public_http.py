"""Addresses that others name lie in public places, or in those that are allowed."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import suppress

import pytest
from vodflow.network.public_http import Deadline, PrivateAddress, addresses, open_public

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "2130706433", "0x7f000001", "017700000001", "127.1", "0.0.0.0", "localhost",  # noqa: S104
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "fec0::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(PrivateAddress, match="A_SETTING allows neither"):
        addresses(host, 80, [], "A_SETTING")


@pytest.mark.parametrize("host", ["8.8.8.8", "134744072", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_taken(host: str) -> None:
    assert len(addresses(host, 80, [], "A_SETTING")) == 1


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("localhost", "LocalHost"), ("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.0/8"), ("10.1.2.3", "10.0.0.0/8"),
     ("::ffff:10.1.2.3", "10.1.0.0/16"), ("fd00::1", "fd00::/8")],
)  # fmt: skip
def test_what_the_operator_names_is_taken(host: str, allowed: str) -> None:
    assert addresses(host, 80, [allowed], "A_SETTING")
    with pytest.raises(PrivateAddress):
        addresses("192.168.0.1", 80, [allowed], "A_SETTING")


def test_a_name_that_cannot_be_one_is_unknown() -> None:
    for host in ("a" * 70 + ".example.org", "a..example.org", "no-such-host.invalid", "127.0.0%2e1"):
        with pytest.raises(OSError, match=r".+") as caught:
            addresses(host, 80, [], "A_SETTING")
        assert not isinstance(caught.value, PrivateAddress)


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x", "FILE:/etc/hostname"]
)
def test_nothing_else_than_http_is_read(url: str) -> None:
    with pytest.raises(PrivateAddress, match="Only http"):
        open_public(url, 1, {}, allowed=["127.0.0.1"], setting="A_SETTING")


#: What a server sends first, and then again and again.
TRICKLES = {
    "a status": (b"HTTP/1.1 200 ", b"O"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\n", b"A"),
    "that it goes on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "the size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", TRICKLES)
def test_a_server_that_sends_a_byte_now_and_then_is_left(what: str) -> None:
    """Each of them comes in time; without an end of all this would last for days."""
    first, again = TRICKLES[what]

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(first)
            while True:
                connection.sendall(again)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening, Deadline(0.4) as until:
        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        try:
            answer = open_public(url, 5, {}, allowed=["127.0.0.1"], setting="A_SETTING", deadline=until)
            while answer.read1(1000):
                pass
        except (OSError, http.client.HTTPException):
            pass


def test_a_deadline_that_is_over_ends_what_comes_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with Deadline(60) as until:
            pass
        with socket.create_connection(listening.getsockname()) as late:
            until.watch(late)
            assert late.recv(1) == b""

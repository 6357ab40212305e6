"""Loopback ports for one stack: free now, the same again next time, unlikely to meet another checkout's."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from vodflow.errors import StackError

HOST = "127.0.0.1"

#: Below Linux's ephemeral range (32768 upwards), so that no outgoing connection takes a remembered port.
FIRST_PORT = 20_000
LAST_PORT = 31_999


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_ports(names: Iterable[str], home: Path, remembered: Mapping[str, int] | None = None) -> dict[str, int]:
    """A free port for each name: the remembered one, or the next from a start that ``home`` sets.

    :raises StackError: no port in the range is free
    """
    remembered = remembered or {}
    chosen: dict[str, int] = {}
    span = LAST_PORT - FIRST_PORT + 1
    start = zlib.crc32(str(home).encode()) % span
    candidates = (FIRST_PORT + (start + step) % span for step in range(span))
    for name in names:
        before = remembered.get(name)
        if before is not None and before not in chosen.values() and is_free(before):
            chosen[name] = before
            continue
        taken = {*chosen.values(), *remembered.values()}
        port = next((port for port in candidates if port not in taken and is_free(port)), None)
        if port is None:
            raise StackError(f"No free port between {FIRST_PORT} and {LAST_PORT} on {HOST}: stop some other program.")
        chosen[name] = port
    return chosen

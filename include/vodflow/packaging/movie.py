"""How long an MP4 is, read from its header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def movie_seconds(path: Path) -> float:
    """Presentation duration of an MP4 file in seconds (``mvhd``, ISO/IEC 14496-12, 8.2.2).

    :raises ValueError: when the file has no movie header
    """
    with path.open("rb") as file:
        for kind, end in _boxes(file, path.stat().st_size):
            if kind == b"moov":
                for inner, inner_end in _boxes(file, end):
                    if inner == b"mvhd":
                        return _duration(file.read(inner_end - file.tell()))
                break
    raise ValueError(f"{path.name} has no movie header")


def _boxes(file: IO[bytes], end: int) -> Iterator[tuple[bytes, int]]:
    """Kind and end of each box from the file's position on; at each one the position is that of its content."""
    position = file.tell()
    while position + 8 <= end:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        elif size == 0:  # up to the end
            size = end - position
        if size < 8:
            raise ValueError("a box of the file is damaged")
        position += size
        yield kind, position


def _duration(header: bytes) -> float:
    timescale, duration = struct.unpack_from(">IQ" if header[0] else ">II", header, 20 if header[0] else 12)
    return float(duration / timescale)

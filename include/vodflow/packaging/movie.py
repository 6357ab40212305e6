"""The header of an MP4 file: how long it is."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from vodflow.media import isobmff


def movie_header(path: Path) -> bytes:
    """Payload of a file's ``moov`` box.

    :raises ValueError: when it has none
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return isobmff.need(data, "moov")


def movie_seconds(path: Path) -> float:
    """Presentation duration of an MP4 file in seconds (``mvhd``, ISO/IEC 14496-12, 8.2.2).

    :raises ValueError: when the file has no movie header
    """
    try:
        header = isobmff.need(movie_header(path), "mvhd")
    except ValueError as error:
        raise ValueError(f"{path.name} has no movie header: {error}") from error
    timescale, duration = struct.unpack_from(">IQ" if header[0] else ">II", header, 20 if header[0] else 12)
    return float(duration / timescale)

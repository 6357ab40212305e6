"""Ogg files that hold several recordings, one after the other (RFC 3533, section 4: chained streams).

FFmpeg reads such a file's first recording, and of the others nothing or only pictures. Each recording begins with pages
of its own; what shows it are such pages in the middle, streams that the first recording does not have, or positions
that go back.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from vodflow.media.ranges import ReadRange

#: "OggS", version, flags, granule position, serial number, sequence number, checksum, number of segments.
_HEADER: Final = Struct("<4sBBqIIIB")
_FIRST: Final = 0x02

#: Bytes of a file that are read whole, and of the parts of a larger one: two pages of the largest kind each.
_WHOLE: Final = 4 * 1024**2
_PARTS, _PART = 24, 2 * 65_307
#: Bytes in which all first pages of a recording are found.
_BEGINNING: Final = 64 * 1024


def is_chained(read: ReadRange, size: int) -> bool:
    """Whether more recordings follow the first one. In a large file a short one may be missed.

    :param size: bytes of the file
    :raises SourceUnavailable: when the source cannot be read
    """
    if size <= _WHOLE:
        parts = [read(0, size)]
    else:
        step = (size - _PART) / (_PARTS - 1)
        parts = [read(0, _BEGINNING), *(read(round(step * part), _PART) for part in range(1, _PARTS))]
    streams: dict[int, int] = {}
    beginning = True
    for part in parts:
        for flags, position, serial in _pages(part):
            beginning = beginning and bool(flags & _FIRST)
            if beginning:
                streams[serial] = 0
            elif flags & _FIRST or serial not in streams or 0 <= position < streams[serial]:
                return True
            streams[serial] = max(streams[serial], position)
    return False


def _pages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Flags, granule position and serial number of the pages of a part that another page follows, or its end."""
    at = data.find(b"OggS")
    while 0 <= at <= len(data) - _HEADER.size:
        _, version, flags, position, serial, *_, segments = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + segments
        end += sum(data[at + _HEADER.size : end])
        if not version and (end == len(data) or data[end : end + 4] == b"OggS"):
            yield flags, position, serial
            at = end if end < len(data) else -1
        else:  # four bytes of a picture, or damage
            at = data.find(b"OggS", at + 1)

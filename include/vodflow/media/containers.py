"""Whether a container's own structure says that bytes are missing: a few small reads, no decoder.

An interrupted upload or recording leaves a file whose boxes claim more bytes than there are, or one without the
index that is written last. ISO base media (ISO/IEC 14496-12: MP4, MOV), Matroska (RFC 9559) and AVI say their
length; MPEG-TS and MPEG-PS do not: a part of one is a whole, shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass

from vodflow.media.ogg import is_chained
from vodflow.media.ranges import ReadRange

#: Boxes that may come first in an MP4 or MOV file.
_FIRST_BOXES = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx", b"uuid"}
#: Boxes that hold media or its index; a cut inside any other one costs nothing.
_MEDIA_BOXES = {b"moov", b"moof", b"mdat"}
#: Boxes to look at: enough for every ordinary file; a fragmented one may have many more.
MAX_BOXES = 256

_EBML = 0x1A45DFA3
_SEGMENT = 0x18538067


@dataclass(frozen=True)
class Structure:
    """What a container says about its own length.

    :param whole: every byte that the container claims is there; false when it claims nothing
    :param missing: what is missing, one sentence for a person
    :param unreadable: why FFmpeg would read a part of it only, one sentence for a person
    """

    whole: bool = False
    missing: str | None = None
    unreadable: str | None = None


_UNKNOWN = Structure()

#: Why an Ogg file with several recordings is refused.
CHAINED = (
    "The Ogg file holds several recordings one after the other (a chained stream), and only the first can be read: "
    "upload each by itself, or all joined into one."
)


def examine(read: ReadRange, size: int) -> Structure:
    """Compare the lengths that a container claims with the bytes there are.

    :param size: bytes of the file
    :raises SourceUnavailable: when the source cannot be read
    """
    head = read(0, 16)
    if head[4:8] in _FIRST_BOXES:
        return _examine_mp4(read, size)
    if head[:4] == _EBML.to_bytes(4, "big"):
        return _examine_matroska(read, size)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        length = int.from_bytes(head[4:8], "little")
        # An interrupted recording leaves 0; OpenDML files go on in further RIFF chunks, without a total.
        return _compare("The AVI file", 8 + length, size) if length else _UNKNOWN
    if head[:4] == b"OggS" and is_chained(read, size):
        return Structure(unreadable=CHAINED)
    return _UNKNOWN


def _examine_mp4(read: ReadRange, size: int) -> Structure:
    offset, seen, open_ended = 0, set[bytes](), False
    for _ in range(MAX_BOXES):
        header = read(offset, 16) if offset < size else b""
        kind, length = header[4:8], int.from_bytes(header[:4], "big")
        complete = len(header) >= (16 if length == 1 else 8)
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if not complete or not kind.isalnum() or 0 < length < 8:
            break  # the end, or padding after the last box
        seen.add(kind)
        if length == 0:  # up to the end of the file, wherever that is
            open_ended = True
            break
        offset += length
        if offset > size and kind in _MEDIA_BOXES:
            return _compare(f"The {kind.decode()} box", offset, size)
    else:
        return _UNKNOWN
    if b"moov" not in seen:
        return Structure(
            missing="The index of the file (moov box) is missing: the upload or the recording was interrupted."
        )
    if b"mdat" not in seen:
        return Structure(missing="The media data of the file (mdat box) is missing: the upload was cut off.")
    return Structure(whole=not open_ended)


def _examine_matroska(read: ReadRange, size: int) -> Structure:
    offset = 0
    for _ in range(8):  # the EBML header, perhaps Void elements, then the Segment
        header = read(offset, 12) if offset < size else b""
        identifier, id_length = _vint(header, keep_marker=True)
        length, size_length = _vint(header[id_length:], keep_marker=False)
        if not id_length or not size_length:
            break
        offset += id_length + size_length
        if identifier == _SEGMENT:
            unknown = length == (1 << (7 * size_length)) - 1
            return _UNKNOWN if unknown else _compare("The Matroska segment", offset + length, size)
        offset += length
    return _UNKNOWN


def _vint(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """A variable-size integer (RFC 8794, section 4) and its length in bytes; length 0 when there is none."""
    if not data or not data[0]:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    value = int.from_bytes(data[:length], "big")
    return (value if keep_marker else value & ((1 << (7 * length)) - 1)), length


def _compare(what: str, end: int, size: int) -> Structure:
    if end <= size:
        return Structure(whole=True)
    return Structure(missing=f"{what} ends at byte {end:,}, but the file has only {size:,} bytes: it was cut off.")

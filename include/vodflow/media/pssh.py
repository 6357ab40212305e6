"""``pssh`` boxes (ISO/IEC 23001-7, 8.1): what a DRM system is told of the keys of a video."""

from __future__ import annotations

import base64
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Pssh:
    """A ``pssh`` box. ``system`` is its system ID as hex digits with hyphens, ``key_ids`` are those of version 1."""

    system: str
    key_ids: tuple[str, ...]
    data: bytes
    box: bytes

    def names(self, key_id: str) -> bool:
        """Whether it is about this key: by its list, or in Widevine's or PlayReady's own way of writing a KID.

        :param key_id: 32 hex digits
        """
        key = uuid.UUID(key_id)
        playready = base64.b64encode(key.bytes_le).decode().encode("utf-16-le")
        return key_id in self.key_ids or key.bytes in self.data or playready in self.data


def read_pssh(box: bytes) -> Pssh:
    """A whole ``pssh`` box.

    :raises ValueError: it is none, or malformed
    """
    if box[4:8] != b"pssh" or int.from_bytes(box[:4], "big") != len(box):
        raise ValueError("it is no pssh box")
    try:
        return _fields(box)
    except (struct.error, IndexError):
        raise ValueError("a pssh box is cut off") from None


def read_boxes(data: bytes) -> Iterator[Pssh]:
    """Boxes one behind the other, as MPDs have them.

    :raises ValueError: they are none, or malformed
    """
    while data:
        size = max(8, int.from_bytes(data[:4], "big"))
        yield read_pssh(data[:size])
        data = data[size:]


def _fields(box: bytes) -> Pssh:
    version, system, position = box[8], box[12:28].hex(), 28
    key_ids: tuple[str, ...] = ()
    if version:
        (count,) = struct.unpack_from(">I", box, position)
        if 16 * count > len(box):
            raise ValueError(f"a pssh box of {len(box)} bytes says that it names {count} keys")
        key_ids = tuple(box[position + 4 + 16 * n : position + 20 + 16 * n].hex() for n in range(count))
        position += 4 + 16 * count
    (size,) = struct.unpack_from(">I", box, position)
    if position + 4 + size != len(box):
        raise ValueError(f"a pssh box has {len(box)} bytes instead of {position + 4 + size}")
    name = "-".join((system[:8], system[8:12], system[12:16], system[16:20], system[20:]))
    return Pssh(name, key_ids, box[position + 4 : position + 4 + size], box)


def make_pssh(system: str, data: bytes = b"", key_ids: tuple[str, ...] = ()) -> bytes:
    """A ``pssh`` box, of version 1 where it names key ids.

    :param system: system ID, hex digits with hyphens
    """
    body = bytes([bool(key_ids), 0, 0, 0]) + bytes.fromhex(system.replace("-", ""))
    if key_ids:
        body += struct.pack(">I", len(key_ids)) + b"".join(map(bytes.fromhex, key_ids))
    body += struct.pack(">I", len(data)) + data
    return struct.pack(">I4s", len(body) + 8, b"pssh") + body

"""MP4 files that claim to be Dolby Vision."""

from __future__ import annotations

from pathlib import Path

_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def mark(source: Path, target: Path, profile: int, compatibility: int) -> None:
    """Copy an MP4 with HEVC pictures in its first track and its index last, with a DOVI configuration record.

    :param compatibility: ``dv_bl_signal_compatibility_id``
    """
    data = bytearray(source.read_bytes())
    flags = profile << 9 | 5 << 3 | 0b101  # level 5, with RPUs and a base layer
    record = bytes([1, 0]) + flags.to_bytes(2, "big") + bytes([compatibility << 4]) + bytes(19)
    box = (8 + len(record)).to_bytes(4, "big") + (b"dvcC" if profile <= 7 else b"dvvC") + record
    at, grown = data.rindex(b"moov") - 4, []
    for kind in (*_PARENTS, b"hvc1"):
        at = data.index(kind, at) - 4
        grown.append(at)
    end = at + int.from_bytes(data[at : at + 4], "big")
    for place in grown:
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") + len(box)).to_bytes(4, "big")
    data[end:end] = box
    target.write_bytes(data)

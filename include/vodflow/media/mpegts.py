"""Reading access units of MPEG-2 transport stream segments (ISO/IEC 13818-1) and HLS packed audio."""

from __future__ import annotations

from dataclasses import dataclass

PACKET = 188
#: Ticks a second of PTS and DTS.
CLOCK = 90_000
_STREAM_TYPE_H264 = 0x1B
#: Owner of the ID3 PRIV frame that times packed audio (RFC 8216, 3.4).
_TIMESTAMP_OWNER = b"com.apple.streaming.transportStreamTimestamp\x00"


@dataclass(frozen=True)
class AccessUnit:
    """One coded picture.

    :param pts: presentation time in :data:`CLOCK` ticks
    :param position: byte offset of its first packet
    :param random_access: the multiplexer marks it as a place to start
    """

    pts: int
    position: int
    random_access: bool
    payload: bytes


def video_units(data: bytes) -> list[AccessUnit]:
    """Access units of the H.264 stream; the last one may be cut off where ``data`` is.

    :raises ValueError: when this is no transport stream or has no H.264 stream
    """
    video: int | None = None
    tables: set[int] = {0}
    units: list[tuple[int, bool, bytearray]] = []
    for position in range(0, len(data) - PACKET + 1, PACKET):
        packet = data[position : position + PACKET]
        if packet[0] != 0x47:
            raise ValueError(f"no transport packet begins at byte {position}")
        pid = ((packet[1] & 0x1F) << 8) | packet[2]
        starts = bool(packet[1] & 0x40)
        payload, random_access = _payload(packet)
        if starts and video is None and pid in tables:
            tables, video = _read_table(payload, pid, tables)
        elif pid == video:
            if starts:
                units.append((position, random_access, bytearray()))
            if units:
                units[-1][2].extend(payload)
    if not units:
        raise ValueError("there is no H.264 stream")
    return [_unit(*unit) for unit in units]


def _payload(packet: bytes) -> tuple[bytes, bool]:
    if not packet[3] & 0x20:
        return packet[4:], False
    length = packet[4]
    random_access = bool(length and packet[5] & 0x40)
    return (packet[5 + length :] if packet[3] & 0x10 else b""), random_access


def _read_table(payload: bytes, pid: int, tables: set[int]) -> tuple[set[int], int | None]:
    section = payload[1 + payload[0] :]
    end = 3 + (((section[1] & 0x0F) << 8) | section[2]) - 4  # without the CRC
    if pid == 0:
        return {((section[i + 2] & 0x1F) << 8) | section[i + 3] for i in range(8, end, 4)}, None
    offset = 12 + (((section[10] & 0x0F) << 8) | section[11])
    while offset < end:
        if section[offset] == _STREAM_TYPE_H264:
            return tables, ((section[offset + 1] & 0x1F) << 8) | section[offset + 2]
        offset += 5 + (((section[offset + 3] & 0x0F) << 8) | section[offset + 4])
    return tables, None


def _unit(position: int, random_access: bool, pes: bytearray) -> AccessUnit:  # noqa: FBT001
    if pes[:3] != b"\x00\x00\x01" or len(pes) < 14 or not pes[7] & 0x80:
        raise ValueError(f"the PES packet at byte {position} has no presentation time")
    return AccessUnit(_timestamp(pes[9:14]), position, random_access, bytes(pes[9 + pes[8] :]))


def _timestamp(field: bytes | bytearray) -> int:
    return (
        ((field[0] >> 1) & 7) << 30
        | field[1] << 22
        | (field[2] >> 1) << 15
        | field[3] << 7
        | field[4] >> 1
    )  # fmt: skip


def packed_audio(data: bytes) -> tuple[int, int]:
    """Timestamp of a packed audio segment in :data:`CLOCK` ticks, and where its ADTS frames begin.

    :raises ValueError: when the ID3 tag that RFC 8216, 3.4 requires is missing
    """
    place = data.find(_TIMESTAMP_OWNER)
    if data[:3] != b"ID3" or place < 0:
        raise ValueError("there is no ID3 tag with the segment's timestamp")
    size = 0
    for byte in data[6:10]:
        size = (size << 7) | (byte & 0x7F)
    place += len(_TIMESTAMP_OWNER)
    return int.from_bytes(data[place : place + 8], "big"), 10 + size

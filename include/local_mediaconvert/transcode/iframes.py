"""I-frame playlists of transport streams that hold several tracks: where the key frames of each segment are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Final

from vodflow.packaging.playlist import Segment

#: Bytes of a transport stream packet (ISO/IEC 13818-1).
_PACKET: Final = 188
#: The PID that FFmpeg gives the first track.
_VIDEO_PID: Final = 256


def key_frames(segment: Path) -> list[tuple[int, int]]:
    """First byte and length of each key frame's packets.

    The first one begins with the segment, because players need the tables there.
    """
    data = segment.read_bytes()
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for offset, random_access in _pictures(data):
        if begin is not None:
            found.append((begin, offset - begin))
            begin = None
        if random_access:
            begin = offset if found else 0
    if begin is not None:
        found.append((begin, len(data) - begin))
    return found


def iframe_playlist(segments: Sequence[Segment], folder: Path) -> str:
    """The playlist of all key frames; each lasts until the next.

    :param segments: of the media playlist
    """
    entries: list[str] = []
    longest = 0.0
    for segment in segments:
        frames = key_frames(folder / segment.uri)
        for begin, length in frames:
            seconds = segment.duration / len(frames)
            longest = max(longest, seconds)
            entries += [f"#EXTINF:{seconds:.6f},", f"#EXT-X-BYTERANGE:{length}@{begin}", segment.uri]
    head = ["#EXTM3U", "#EXT-X-VERSION:4", f"#EXT-X-TARGETDURATION:{ceil(longest)}", "#EXT-X-PLAYLIST-TYPE:VOD"]
    return "\n".join([*head, "#EXT-X-I-FRAMES-ONLY", *entries, "#EXT-X-ENDLIST"]) + "\n"


def _pictures(data: bytes) -> Iterator[tuple[int, bool]]:
    """Where each picture begins, and whether decoding can begin there."""
    for offset in range(0, len(data) - _PACKET + 1, _PACKET):
        starts = data[offset + 1] & 0x40
        pid = (data[offset + 1] & 0x1F) << 8 | data[offset + 2]
        if starts and pid == _VIDEO_PID:
            adapted = data[offset + 3] & 0x20 and data[offset + 4]
            yield offset, bool(adapted and data[offset + 5] & 0x40)

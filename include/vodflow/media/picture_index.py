"""Where the pictures of a source begin and how many bytes each takes, without decoding any.

Of MP4 and MOV the index is read and no picture; of others all packets. Open to what cannot be cut: see
:attr:`PictureIndex.obstacle`.
"""

from __future__ import annotations

import logging
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat

from vodflow.contract.media_info import MediaInfo
from vodflow.errors import SourceUnavailable
from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffprobe_path
from vodflow.media.containers import MAX_BOXES
from vodflow.media.isobmff import boxes, child, need, parse_sample_table
from vodflow.media.probe import input_arguments
from vodflow.media.ranges import ReadRange, open_ranges

log = logging.getLogger(__name__)

#: Containers in which FFmpeg finds a keyframe by an index, and whose clock does not jump.
SEEKABLE = frozenset({"mov", "matroska"})
#: Bytes of an index that are read at most.
_LARGEST_INDEX = 256 * 1024**2
#: Reading every packet may take this many times the usual limit.
_SCAN_PATIENCE = 10
#: What ffprobe says of a packet that an edit list hides.
_HIDDEN = "D"


@dataclass(frozen=True)
class Picture:
    """One coded picture.

    :param time: presentation time on the container's clock, seconds
    :param size: bytes
    :param key: decoding can begin here
    """

    time: float
    size: int
    key: bool


@dataclass(frozen=True)
class PictureIndex:
    """All pictures in the order of decoding.

    :param obstacle: why the source cannot be cut although its pictures are known, as a part of a sentence
    """

    pictures: tuple[Picture, ...] = ()
    obstacle: str | None = None


def read_index(source: str, info: MediaInfo, timeout: float) -> PictureIndex:
    """The pictures of a source.

    :param source: a local path or an HTTP(S) URL
    :param timeout: seconds that one read may take
    :raises SourceUnavailable: when it cannot be read just now
    """
    formats = set(info.container.split(","))
    if not formats & SEEKABLE:
        return PictureIndex(obstacle=f"its container ({info.container.partition(',')[0]}) has no index to find them by")
    if "mov" in formats:
        found = _of_mp4(open_ranges(source, info.size, timeout), info)
        if found is not None:
            return found
    return _of_packets(source, info, timeout)


def _of_mp4(read: ReadRange, info: MediaInfo) -> PictureIndex | None:
    """What the index of an MP4 says; none of a fragmented one, whose index is of its first fragment at most."""
    moov = movie_box(read, info.size)
    try:
        if child(moov, "mvex") is not None:
            return None
        trak = [moov[box.start : box.end] for box in boxes(moov) if box.kind == "trak"][info.video.index]
        edit = _edit(trak)
        if edit is None:
            return PictureIndex(obstacle="an edit list rearranges its pictures")
        media = need(trak, "mdia")
        mdhd, stbl = need(media, "mdhd"), need(media, "minf", "stbl")
        scale = int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16], "big")
        samples = parse_sample_table(stbl)
        if not samples:
            return None
        if len([*boxes(need(stbl, "stsd")[8:])]) > 1:
            return PictureIndex(obstacle="its pictures change their format in the middle")
        shifts = _shifts(child(stbl, "ctts"), len(samples))
    except (ValueError, IndexError, ZeroDivisionError, struct.error):
        return None
    pictures, decoded = [], 0
    for sample, shift in zip(samples, shifts, strict=True):
        pictures.append(Picture((decoded + shift - edit) / scale, sample.size, sample.sync))
        decoded += sample.duration
    return PictureIndex(tuple(pictures))


def movie_box(read: ReadRange, size: int) -> bytes:
    """Payload of an MP4's ``moov`` box; empty where there is none.

    :raises SourceUnavailable: when it cannot be read just now
    """
    offset = 0
    for _ in range(MAX_BOXES):
        header = read(offset, 16) if offset < size else b""
        long = header[:4] == b"\0\0\0\1"
        length = int.from_bytes(header[8:16] if long else header[:4], "big")
        if length < 8:
            break
        if header[4:8] == b"moov":
            begin = 16 if long else 8
            return read(offset + begin, min(length, _LARGEST_INDEX) - begin)
        offset += length
    return b""


def _edit(trak: bytes) -> int | None:
    """Media time at which presentation begins; none where edits do more than that."""
    elst = child(trak, "edts", "elst")
    if elst is None:
        return 0
    entry = ">QqI" if elst[0] else ">IiI"
    (count,) = struct.unpack_from(">I", elst, 4)
    if count == 0:
        return 0
    _, media_time, rate = struct.unpack_from(entry, elst, 8)
    return media_time if count == 1 and media_time >= 0 and rate == 1 << 16 else None


def _shifts(ctts: bytes | None, count: int) -> list[int]:
    if ctts is None:
        return [0] * count
    # Writers of QuickTime keep negative ones in version 0, too.
    runs = struct.iter_unpack(">Ii", ctts[8:])
    return list(chain.from_iterable(repeat(shift, many) for many, shift in runs))[:count]


def _of_packets(source: str, info: MediaInfo, timeout: float) -> PictureIndex:
    wanted = ["-select_streams", str(info.video.index), "-show_entries", "packet=pts_time,size,flags", "-of", "csv=p=0"]
    argv = [ffprobe_path(), "-v", "error", *wanted, *input_arguments(source, timeout)]
    log.info("reading every packet to find keyframes")
    try:
        done = capture(argv, timeout * _SCAN_PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailable(f"The packets could not be read within {timeout * _SCAN_PATIENCE:g} s.") from error
    return from_packets(done.stdout.splitlines())


def from_packets(lines: Iterable[str]) -> PictureIndex:
    """The pictures by ffprobe's lines ``pts_time,size,flags``."""
    pictures: list[Picture] = []
    for line in lines:
        time, size, flags = [*line.strip().split(","), "", "", ""][:3]
        if _HIDDEN in flags:
            return PictureIndex(obstacle="an edit list hides some of its pictures")
        try:
            pictures.append(Picture(float(time), int(size), "K" in flags))
        except ValueError:
            return PictureIndex(obstacle="some of its pictures have no time stamp")
    return PictureIndex(tuple(pictures))

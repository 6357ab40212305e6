"""Reading MP4 headers, CMAF headers and fragments (ISO/IEC 14496-12, -14, -15), without starting a process."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from vodflow.media.aac import AacConfig, parse_audio_config
from vodflow.media.h264 import Sps, parameter_sets, parse_sps

#: ``sample_is_non_sync_sample`` of sample flags (8.8.3.1).
_NON_SYNC = 0x10000

#: Bytes of a sample entry before its child boxes (12.1.3.2, 12.2.3.2), box header excluded.
_VISUAL_ENTRY, _AUDIO_ENTRY = 78, 28


@dataclass(frozen=True)
class Box:
    """A box; ``start`` and ``end`` bound its payload. ``end`` may lie behind the data that was read."""

    kind: str
    offset: int
    start: int
    end: int


@dataclass(frozen=True)
class Sample:
    """One coded frame: byte offset in its file, bytes, and times in the track's timescale.

    :param shift: presentation time minus decoding time; 0 where it is not read
    """

    offset: int
    size: int
    duration: int
    sync: bool
    shift: int = 0


@dataclass(frozen=True)
class TrackHeader:
    """A ``trak`` and its ``trex``.

    :param kind: ``vide`` or ``soun``
    :param duration: of the media, in ``timescale``; 0 in CMAF headers
    :param edit: media time at which presentation begins (edit list), in ``timescale``
    :param body: payload of the ``stbl`` box
    """

    track_id: int
    kind: str
    timescale: int
    duration: int
    edit: int
    entry: str
    sps: Sps | None
    units: tuple[bytes, ...]
    length_size: int
    audio: AacConfig | None
    body: bytes
    default_duration: int = 0
    default_size: int = 0
    default_flags: int = 0

    @property
    def codec(self) -> str:
        """RFC 6381 name, from the decoder configuration."""
        described = self.sps or self.audio
        return described.codec if described else self.entry


@dataclass(frozen=True)
class Fragment:
    """A ``moof``: decode time of its first sample in the track's timescale, and its samples."""

    start: int
    samples: tuple[Sample, ...]

    @property
    def duration(self) -> int:
        """In the track's timescale."""
        return sum(sample.duration for sample in self.samples)

    @property
    def presentation_start(self) -> int:
        """The earliest presentation time of a sample, in the track's timescale, before the edit list."""
        time, earliest = self.start, self.start + self.samples[0].shift
        for sample in self.samples:
            earliest = min(earliest, time + sample.shift)
            time += sample.duration
        return earliest


def boxes(data: bytes | mmap, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of one level. The last one may reach over the end of ``data``.

    :raises ValueError: when a size is impossible
    """
    end = len(data) if end is None else end
    while start + 8 <= min(end, len(data)):
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:
            size = end - start
        if size < header:
            raise ValueError(f"the box at byte {start} has the impossible size {size}")
        yield Box(kind.decode("latin-1"), start, start + header, start + size)
        start += size


def child(data: bytes | mmap, *path: str) -> bytes | None:
    """Payload of the first box at a path of box types."""
    for kind in path:
        found = next((box for box in boxes(data) if box.kind == kind), None)
        if found is None:
            return None
        data = data[found.start : found.end]
    return bytes(data)


def need(data: bytes | mmap, *path: str) -> bytes:
    """As :func:`child`.

    :raises ValueError: when there is no such box
    """
    found = child(data, *path)
    if found is None:
        raise ValueError(f"there is no {'/'.join(path)} box")
    return found


def parse_moov(moov: bytes) -> list[TrackHeader]:
    """All tracks of a ``moov`` payload.

    :raises ValueError: when a required box is missing or cut off
    """
    mvex = child(moov, "mvex") or b""
    defaults = {}
    for box in boxes(mvex):
        if box.kind == "trex":
            track_id, _, duration, size, flags = struct.unpack_from(">5I", mvex, box.start + 4)
            defaults[track_id] = (duration, size, flags)
    tracks = [_track(moov[box.start : box.end], defaults) for box in boxes(moov) if box.kind == "trak"]
    if not tracks:
        raise ValueError("there is no track")
    return tracks


def _track(trak: bytes, defaults: dict[int, tuple[int, int, int]]) -> TrackHeader:
    tkhd, mdhd, hdlr = need(trak, "tkhd"), need(trak, "mdia", "mdhd"), need(trak, "mdia", "hdlr")
    (track_id,) = struct.unpack_from(">I", tkhd, 20 if tkhd[0] else 12)
    timescale, duration = struct.unpack_from(">IQ", mdhd, 20) if mdhd[0] else struct.unpack_from(">II", mdhd, 12)
    stbl = need(trak, "mdia", "minf", "stbl")
    entries = need(stbl, "stsd")[8:]
    entry = next(boxes(entries), None)
    if entry is None or not timescale:
        raise ValueError("a track has no sample entry or no timescale")
    body = entries[entry.start : entry.end]
    units: list[bytes] = []
    length_size, sps, audio = 4, None, None
    if entry.kind in {"avc1", "avc3"}:
        units, length_size = parameter_sets(need(body[_VISUAL_ENTRY:], "avcC"))
        sps = parse_sps(units[0])
    elif entry.kind == "mp4a":
        audio = parse_audio_config(_decoder_specific(need(body[_AUDIO_ENTRY:], "esds")))
    kind = hdlr[8:12].decode("latin-1")
    return TrackHeader(
        track_id, kind, timescale, duration, _edit_start(trak), entry.kind, sps, tuple(units), length_size, audio, stbl,
        *defaults.get(track_id, ()),
    )  # fmt: skip


def _edit_start(trak: bytes) -> int:
    """Media time of the first edit that shows something (8.6.6)."""
    elst = child(trak, "edts", "elst")
    if elst is None:
        return 0
    entry = ">QqI" if elst[0] else ">IiI"
    (count,) = struct.unpack_from(">I", elst, 4)
    edits = (struct.unpack_from(entry, elst, 8 + index * struct.calcsize(entry)) for index in range(count))
    return next((media_time for _, media_time, _ in edits if media_time >= 0), 0)


def _decoder_specific(esds: bytes) -> bytes:
    """DecoderSpecificInfo of an ``esds`` payload (ISO/IEC 14496-1, 7.2.6)."""
    offset, end = 4, len(esds)
    while offset < end:
        tag, offset = esds[offset], offset + 1
        length = 0
        while True:
            byte, offset = esds[offset], offset + 1
            length = (length << 7) | (byte & 0x7F)
            if not byte & 0x80:
                break
        if tag == 5:
            return esds[offset : offset + length]
        offset += {3: 3, 4: 13}.get(tag, length)
    raise ValueError("the esds box has no decoder configuration")


def parse_fragments(data: bytes, track: TrackHeader) -> tuple[list[Fragment], int]:
    """Every ``moof`` that lies in ``data`` whole, and how many bytes the boxes seen so far cover.

    :raises ValueError: when a box is malformed
    """
    fragments, covered = [], 0
    for box in boxes(data):
        covered = box.end
        if box.kind == "moof":
            if box.end > len(data):
                break
            fragments.append(_fragment(data[box.start : box.end], box.offset, track))
    return fragments, covered


def _fragment(moof: bytes, offset: int, track: TrackHeader) -> Fragment:
    traf = need(moof, "traf")
    tfhd, tfdt = need(traf, "tfhd"), need(traf, "tfdt")
    (start,) = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)
    flags = int.from_bytes(tfhd[1:4], "big")
    fields = {1: ">Q", 2: ">I", 8: ">I", 16: ">I", 32: ">I"}
    values, position = {}, 8
    for bit, code in fields.items():
        if flags & bit:
            (values[bit],) = struct.unpack_from(code, tfhd, position)
            position += struct.calcsize(code)
    base = values.get(1, offset)
    defaults = (
        values.get(8, track.default_duration),
        values.get(16, track.default_size),
        values.get(32, track.default_flags),
    )
    samples: list[Sample] = []
    for box in boxes(traf):
        if box.kind == "trun":
            samples += _run(traf[box.start : box.end], base, defaults)
    if not samples:
        raise ValueError("a movie fragment has no samples")
    return Fragment(start, tuple(samples))


def _run(trun: bytes, base: int, defaults: tuple[int, int, int]) -> Iterator[Sample]:
    flags = int.from_bytes(trun[1:4], "big")
    (count,) = struct.unpack_from(">I", trun, 4)
    position, offset, first_flags = 8, base, None
    if flags & 1:
        offset += struct.unpack_from(">i", trun, position)[0]
        position += 4
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", trun, position)
        position += 4
    present = [bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800)]
    for index in range(count):
        values = [*defaults, 0]
        for field, there in enumerate(present):
            if there:
                (values[field],) = struct.unpack_from(">I", trun, position)
                position += 4
        duration, size, sample_flags, shift = values
        if index == 0 and first_flags is not None:
            sample_flags = first_flags
        # Version 0 declares the shift unsigned, but packagers write negative ones there too.
        shift -= (shift >> 31) << 32
        yield Sample(offset, size, duration, not sample_flags & _NON_SYNC, shift)
        offset += size


def parse_sample_table(stbl: bytes) -> list[Sample]:
    """Every sample of a progressive file's track.

    :raises ValueError: when the tables are missing or contradict one another
    """
    sizes = _sample_sizes(need(stbl, "stsz"))
    durations = [
        delta
        for count, delta in struct.iter_unpack(">II", need(stbl, "stts")[8:])
        for _ in range(min(count, len(sizes)))
    ]
    stss = child(stbl, "stss")
    sync = None if stss is None else {number for (number,) in struct.iter_unpack(">I", stss[8:])}
    offsets = _sample_offsets(stbl, sizes)
    if not len(sizes) == len(durations) == len(offsets):
        raise ValueError("the sample tables contradict one another")
    return [
        Sample(offset, size, duration, sync is None or number in sync)
        for number, (offset, size, duration) in enumerate(zip(offsets, sizes, durations, strict=True), start=1)
    ]


def _sample_sizes(stsz: bytes) -> list[int]:
    size, count = struct.unpack_from(">II", stsz, 4)
    return [size] * count if size else list(struct.unpack_from(f">{count}I", stsz, 12))


def _sample_offsets(stbl: bytes, sizes: list[int]) -> list[int]:
    stco, co64 = child(stbl, "stco"), child(stbl, "co64")
    table = stco or co64
    if table is None:
        raise ValueError("there is no chunk offset box")
    chunks = [offset for (offset,) in struct.iter_unpack(">I" if stco else ">Q", table[8:])]
    runs = list(struct.iter_unpack(">III", need(stbl, "stsc")[8:]))
    offsets: list[int] = []
    for index, (first, per_chunk, _) in enumerate(runs):
        last = runs[index + 1][0] - 1 if index + 1 < len(runs) else len(chunks)
        for chunk in range(first, last + 1):
            offset = chunks[chunk - 1]
            for _ in range(per_chunk):
                if len(offsets) == len(sizes):
                    raise ValueError("the sample tables contradict one another")
                offsets.append(offset)
                offset += sizes[len(offsets) - 1]
    return offsets

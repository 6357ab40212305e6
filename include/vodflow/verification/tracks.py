"""What segments really hold: sizes, times, codec and the GOPs to decode, read from the bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, VideoRendition
from vodflow.media import aac, h264, isobmff, mpegts
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule

#: Bytes that are read of each segment but the first and the last. A ``moof`` of 6 s at 60 frames a second fits.
HEAD = 8 * 1024
#: The same for transport streams: PAT, PMT, and the first PES header.
TS_HEAD = 16 * mpegts.PACKET


@dataclass(frozen=True)
class Segment:
    """One segment as measured. ``start`` and ``duration`` are in seconds.

    :param keyframes: first and last-plus-one byte of each IDR picture found; none for audio
    :param sync: starts with an IDR picture
    """

    name: str
    size: int
    start: float
    duration: float
    keyframes: tuple[tuple[int, int], ...] = ()
    sync: bool = True


@dataclass(frozen=True)
class Gop:
    """An elementary stream to decode: Annex B pictures from an IDR on, or ADTS frames."""

    name: str
    stream: bytes
    frames: int


@dataclass(frozen=True)
class Track:
    """One rendition in one container, as measured.

    :param name: the track's name in paths, for example ``video_1080p``
    :param codec: RFC 6381 name
    :param init: name of the CMAF header, where there is one
    :param lead: seconds of an MP4's sound before its beginning, which players leave out
    """

    name: str
    rendition: VideoRendition | AudioRendition
    codec: str
    segments: tuple[Segment, ...]
    gops: tuple[Gop, ...]
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    channels: int | None = None
    sample_rate: int | None = None
    init: str | None = None
    lead: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds from the first segment's start to the last one's end."""
        return self.segments[-1].start + self.segments[-1].duration - self.segments[0].start

    @property
    def frame_duration(self) -> float:
        """Seconds of an AAC frame; 0 for video. Declared audio times may leave out priming and end within a frame."""
        return aac.FRAME_SAMPLES / self.sample_rate if self.sample_rate else 0.0

    @property
    def sizes(self) -> list[int]:
        """Bytes of each segment."""
        return [segment.size for segment in self.segments]

    @property
    def durations(self) -> list[float]:
        """Seconds of each segment."""
        return [segment.duration for segment in self.segments]


def segment_names(outputs: Outputs, template: str) -> list[str]:
    """The segments that exist of a ``$Number%05d$`` template, in order.

    :raises VerificationError: when there is none, or numbers are missing
    """
    head, tail = template.split("$Number%05d$")
    pattern = re.compile(re.escape(head) + r"(\d+)" + re.escape(tail))
    count = sum(1 for name in outputs.sizes if pattern.fullmatch(name))
    names = [f"{head}{number:05d}{tail}" for number in range(1, count + 1)]
    outputs.require(names, f"{head}00001{tail}", Rule.OBJECT_PRESENT, "it does not exist")
    for name in names:
        outputs.require(name in outputs.sizes, name, Rule.SEGMENT_NUMBERING, f"it is missing among {count} segments")
        outputs.size(name)
    return names


def read_cmaf_track(outputs: Outputs, rendition: VideoRendition | AudioRendition) -> Track:
    """Measure a rendition's CMAF header and segments.

    :raises VerificationError: when an object is missing, broken or cut off
    """
    init = layout.cmaf_init(rendition)
    names = segment_names(outputs, layout.cmaf_segments(rendition))
    with outputs.parsing(init, Rule.CONTAINER):
        header = single_track(outputs.read(init), rendition)
    fragments = outputs.map(lambda name: _segment_fragments(outputs, name, header), names)
    segments = tuple(
        _cmaf_segment(name, outputs.size(name), parts, header) for name, parts in zip(names, fragments, strict=True)
    )
    frames = sum(len(part.samples) for parts in fragments for part in parts)
    gops = []
    for name, parts, choose in ((names[0], fragments[0], first_gop), (names[-1], fragments[-1], last_gop)):
        samples = [sample for part in parts for sample in part.samples]
        with outputs.parsing(name, Rule.CONTAINER):
            # Every AAC frame is a sync sample: take the whole segment.
            chosen = samples if header.audio else choose(samples)
            gops.append(elementary_stream(name, outputs.read(name), chosen, header))
    return _track(rendition, header, segments, gops, frames, init)


def _cmaf_segment(name: str, size: int, parts: list[isobmff.Fragment], header: isobmff.TrackHeader) -> Segment:
    start = parts[0].presentation_start - header.edit
    duration = sum(part.duration for part in parts)
    if start < 0:  # the encoder's priming, which the edit list cuts away
        start, duration = 0, duration + start
    keyframes = _keyframes(parts) if header.sps else ()
    first = parts[0].samples[0].sync
    return Segment(name, size, start / header.timescale, duration / header.timescale, keyframes, first)


def _keyframes(fragments: Sequence[isobmff.Fragment]) -> tuple[tuple[int, int], ...]:
    samples = (sample for part in fragments for sample in part.samples)
    return tuple((sample.offset, sample.offset + sample.size) for sample in samples if sample.sync)


@dataclass(frozen=True)
class Piece:
    """Sound to decode, and the time stamp of its first sample, seconds; negative before the beginning."""

    gop: Gop
    start: float


def kept_pieces(count: int) -> list[int]:
    """Which of an MP4's pieces of sound are kept: those at the ends and in the middle; the last one may be short."""
    return sorted({0, count // 2, max(0, count - 2), count - 1})


def readable_pieces(track: Track) -> Sequence[int]:
    """The places of a track of sound that :func:`sound_piece` reads."""
    whole = len({segment.name for segment in track.segments}) == 1
    return kept_pieces(len(track.segments)) if whole else range(len(track.segments))


def sound_piece(outputs: Outputs, track: Track, place: int) -> Piece:
    """One of the readable segments of sound.

    :raises VerificationError: when it is missing or broken
    """
    segment = track.segments[place]
    if track.init:
        with outputs.parsing(track.init, Rule.CONTAINER):
            header = single_track(outputs.read(track.init), track.rendition)
        parts = _segment_fragments(outputs, segment.name, header)
        samples = [sample for part in parts for sample in part.samples]
        start = (parts[0].presentation_start - header.edit) / header.timescale
        return Piece(elementary_stream(segment.name, outputs.fetch(segment.name), samples, header), start)
    if segment.name.endswith(".mp4"):
        gop = dict(zip(kept_pieces(len(track.segments)), track.gops, strict=True))[place]
        return Piece(gop, segment.start - track.lead)
    _, _, packed = _packed_segment(outputs, segment.name, keep=True)
    return Piece(packed or track.gops[0], segment.start)


def single_track(data: bytes, rendition: VideoRendition | AudioRendition) -> isobmff.TrackHeader:
    tracks = isobmff.parse_moov(isobmff.need(data, "moov"))
    kind = "vide" if isinstance(rendition, VideoRendition) else "soun"
    if len(tracks) != 1 or tracks[0].kind != kind or not (tracks[0].sps or tracks[0].audio):
        found = ", ".join(f"{track.kind} {track.entry}" for track in tracks)
        raise ValueError(f"it should have one {kind} track of H.264 or AAC, but has {found}")
    return tracks[0]


def _segment_fragments(outputs: Outputs, name: str, header: isobmff.TrackHeader) -> list[isobmff.Fragment]:
    size = outputs.size(name)
    with outputs.parsing(name, Rule.CONTAINER):
        fragments, covered = isobmff.parse_fragments(outputs.read_range(name, 0, HEAD), header)
        if covered < size or not fragments:
            fragments, covered = isobmff.parse_fragments(outputs.fetch(name), header)
        if covered != size or not fragments:
            raise ValueError(f"its boxes cover {covered} bytes, but it has {size}")
        end = max(sample.offset + sample.size for part in fragments for sample in part.samples)
        if end > size:
            raise ValueError(f"a sample ends at byte {end}, but it has {size}")
    return fragments


def first_gop(samples: Sequence[isobmff.Sample]) -> Sequence[isobmff.Sample]:
    following = next((i for i, sample in enumerate(samples) if i and sample.sync), len(samples))
    return samples[:following]


def last_gop(samples: Sequence[isobmff.Sample]) -> Sequence[isobmff.Sample]:
    return samples[max((i for i, sample in enumerate(samples) if sample.sync), default=0) :]


def elementary_stream(
    name: str, data: bytes, samples: Sequence[isobmff.Sample], header: isobmff.TrackHeader, base: int = 0
) -> Gop:
    """Samples as a stream that a decoder takes by itself.

    :param data: bytes of the file from byte ``base`` on
    :raises ValueError: when a sample is malformed
    """
    parts = [data[sample.offset - base : sample.offset - base + sample.size] for sample in samples]
    if header.audio:
        stream = b"".join(header.audio.adts_header(len(part)) + part for part in parts)
    else:
        sets = b"".join(h264.START_CODE + unit for unit in header.units)
        stream = sets + b"".join(h264.annex_b(part, header.length_size) for part in parts)
    return Gop(name, stream, len(parts))


def _track(
    rendition: VideoRendition | AudioRendition,
    header: isobmff.TrackHeader,
    segments: tuple[Segment, ...],
    gops: list[Gop],
    frames: int,
    init: str | None,
) -> Track:
    name = layout.track_name(rendition)
    if header.audio:
        return Track(
            name, rendition, header.codec, segments, tuple(gops),
            channels=header.audio.channels, sample_rate=header.audio.sample_rate, init=init,
        )  # fmt: skip
    duration = sum(segment.duration for segment in segments)
    return Track(
        name, rendition, header.codec, segments, tuple(gops),
        width=header.sps.width if header.sps else None, height=header.sps.height if header.sps else None,
        frame_rate=frame_rate(frames, duration), init=init,
    )  # fmt: skip


def frame_rate(frames: int, seconds: float) -> Fraction:
    """Frames a second, as a fraction with a small denominator such as 30000/1001."""
    return Fraction(frames / seconds).limit_denominator(1001) if seconds > 0 else Fraction(0)


def read_ts_video(outputs: Outputs, rendition: VideoRendition) -> Track:
    """Measure a rendition's transport stream segments.

    :raises VerificationError: when an object is missing or broken
    """
    names = segment_names(outputs, layout.ts_segments(rendition))
    first_units = _ts_units(outputs, names[0], whole=True)
    last_units = _ts_units(outputs, names[-1], whole=True)
    heads = outputs.map(lambda name: _ts_units(outputs, name, whole=False)[0], names)
    steps = sorted(unit.pts for unit in first_units)
    frame = (steps[-1] - steps[0]) / (len(steps) - 1) if len(steps) > 1 else mpegts.CLOCK / float(rendition.fps)
    bounds = [head.pts for head in heads] + [max(unit.pts for unit in last_units) + frame]
    segments = tuple(
        Segment(
            name,
            outputs.size(name),
            bounds[index] / mpegts.CLOCK,
            (bounds[index + 1] - bounds[index]) / mpegts.CLOCK,
            sync=_is_idr(heads[index]),
        )
        for index, name in enumerate(names)
    )
    with outputs.parsing(names[0], Rule.CONTAINER):
        units = h264.split_annex_b(first_units[0].payload)
        sps = h264.parse_sps(next((unit for unit in units if unit[0] & 0x1F == h264.NAL_SPS), b""))
    gops = (_ts_gop(names[0], first_units, last=False), _ts_gop(names[-1], last_units, last=True))
    return Track(
        layout.track_name(rendition), rendition, sps.codec, segments, gops,
        width=sps.width, height=sps.height, frame_rate=Fraction(mpegts.CLOCK / frame).limit_denominator(1001),
    )  # fmt: skip


def _ts_units(outputs: Outputs, name: str, *, whole: bool) -> list[mpegts.AccessUnit]:
    size = outputs.size(name)
    data = outputs.read(name) if whole else outputs.read_range(name, 0, TS_HEAD)
    with outputs.parsing(name, Rule.CONTAINER):
        if size % mpegts.PACKET:
            raise ValueError(f"{size} bytes are not a whole number of transport packets")
        return mpegts.video_units(data)


def _is_idr(unit: mpegts.AccessUnit) -> bool:
    kinds = {nal[0] & 0x1F for nal in h264.split_annex_b(unit.payload) if nal}
    return h264.NAL_IDR in kinds


def _ts_gop(name: str, units: list[mpegts.AccessUnit], *, last: bool) -> Gop:
    starts = [index for index, unit in enumerate(units) if _is_idr(unit)] or [0]
    following = starts[1] if len(starts) > 1 else len(units)
    chosen = units[starts[-1] :] if last else units[:following]
    return Gop(name, b"".join(unit.payload for unit in chosen), len(chosen))


def read_packed_audio(outputs: Outputs, rendition: AudioRendition) -> Track:
    """Measure a rendition's packed audio segments (ADTS with an ID3 timestamp).

    :raises VerificationError: when an object is missing or broken
    """
    names = segment_names(outputs, layout.ts_segments(rendition))
    ends = {names[0], names[-1]}
    measured = outputs.map(lambda name: _packed_segment(outputs, name, keep=name in ends), names)
    config = measured[0][1]
    return Track(
        layout.track_name(rendition), rendition, config.codec,
        tuple(segment for segment, _, _ in measured),
        tuple(gop for _, _, gop in (measured[0], measured[-1]) if gop),
        channels=config.channels, sample_rate=config.sample_rate,
    )  # fmt: skip


def _packed_segment(outputs: Outputs, name: str, *, keep: bool) -> tuple[Segment, aac.AacConfig, Gop | None]:
    data = outputs.fetch(name)
    with outputs.parsing(name, Rule.CONTAINER):
        start, begin = mpegts.packed_audio(data)
        config, frames = aac.parse_adts(data[begin:])
    segment = Segment(name, len(data), start / mpegts.CLOCK, frames * aac.FRAME_SAMPLES / config.sample_rate)
    return segment, config, Gop(name, data[begin:], frames) if keep else None

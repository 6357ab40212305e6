"""The rules of progressive MP4 files, and their tracks as measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.media import isobmff
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Gop, Segment, Track, elementary_stream, frame_rate, kept_pieces

#: Bytes read first: ftyp and the moov of a few minutes.
MP4_HEAD = 64 * 1024
#: Bytes up to which a file is read at once: each of five requests costs as much as half a mebibyte more.
_WHOLE = 2 * 1024 * 1024
#: Seconds of audio that are measured as one piece, for the peak rate, and decoded at both ends.
_AUDIO_PIECE = 2.0


def read_mp4(outputs: Outputs, plan: TranscodePlan, rendition: VideoRendition) -> list[Track]:
    """Check a rung's MP4 and measure its video track and, where planned, its audio track.

    :raises VerificationError: when it is broken, cut off, not progressive or lacks a track
    """
    name = layout.mp4_file(rendition)
    with outputs.parsing(name, Rule.CONTAINER):
        moov = _read_moov(outputs, name)
        headers = isobmff.parse_moov(moov)
    kinds = sorted(f"{header.kind}/{header.entry}" for header in headers)
    wanted = ["soun/mp4a"] * bool(rendition.audio) + ["vide/avc1"]
    missing_audio = rendition.audio and "soun/mp4a" not in kinds
    outputs.require(not missing_audio, name, Rule.AUDIO_PRESENT, "it has no AAC track, but the source has audio")
    outputs.require(kinds == wanted, name, Rule.MP4_TRACKS, f"its tracks are {kinds} instead of {wanted}")
    audio = {item.name: item for item in plan.audio}
    return [
        _track(outputs, name, header, audio[rendition.audio] if header.audio and rendition.audio else rendition)
        for header in headers
    ]


def _read_moov(outputs: Outputs, name: str) -> bytes:
    """Walk the top level by its box headers, whatever the file's size."""
    size = outputs.size(name)
    if size <= _WHOLE:
        outputs.read(name)
    head = outputs.read_range(name, 0, MP4_HEAD)
    offset, order, moov = 0, [], b""
    while offset < size:
        header = head[offset : offset + 16] or outputs.read_range(name, offset, 16)
        box = next(isobmff.boxes(header, end=size - offset), None)
        if box is None or offset + box.end > size:
            raise ValueError(f"the box at byte {offset} reaches over the file's {size} bytes")
        order.append(box.kind)
        if box.kind == "moov":
            inside = offset + box.end <= len(head)
            start, length = offset + box.start, box.end - box.start
            moov = head[start : start + length] if inside else outputs.read_range(name, start, length)
        offset += box.end
    if not order or order[0] != "ftyp" or "moov" not in order or "mdat" not in order:
        raise ValueError(f"its boxes are {', '.join(order)}; ftyp, moov and mdat are needed")
    outputs.require(
        order.index("moov") < order.index("mdat"), name, Rule.MP4_FASTSTART, f"its boxes are {', '.join(order)}"
    )
    return moov


def _track(
    outputs: Outputs, name: str, header: isobmff.TrackHeader, rendition: VideoRendition | AudioRendition
) -> Track:
    with outputs.parsing(name, Rule.CONTAINER):
        samples = isobmff.parse_sample_table(header.body)
        if not samples or max(sample.offset + sample.size for sample in samples) > outputs.size(name):
            raise ValueError(f"{header.kind} samples reach over the file's end, or there are none")
        pieces = list(_pieces(samples, header))
        kept = kept_pieces(len(pieces)) if header.audio else (0, -1)
        gops = tuple(_gop(outputs, name, pieces[place], header) for place in kept)
    segments, time = [], 0.0
    for piece in pieces:
        duration = sum(sample.duration for sample in piece) / header.timescale
        segments.append(Segment(name, sum(sample.size for sample in piece), time, duration, sync=piece[0].sync))
        time += duration
    if header.audio:
        return Track(
            layout.track_name(rendition), rendition, header.codec, tuple(segments), gops,
            channels=header.audio.channels, sample_rate=header.audio.sample_rate,
            lead=header.edit / header.timescale,
        )  # fmt: skip
    return Track(
        layout.track_name(rendition), rendition, header.codec, tuple(segments), gops,
        width=header.sps.width if header.sps else None, height=header.sps.height if header.sps else None,
        frame_rate=frame_rate(len(samples), time),
    )  # fmt: skip


def _pieces(samples: Sequence[isobmff.Sample], header: isobmff.TrackHeader) -> Iterator[Sequence[isobmff.Sample]]:
    """GOPs of video, pieces of equal length of audio."""
    if header.audio:
        step = max(1, round(_AUDIO_PIECE * header.timescale / max(1, samples[0].duration)))
        starts = list(range(0, len(samples), step))
    else:
        starts = sorted({0, *(index for index, sample in enumerate(samples) if sample.sync)})
    for first, following in pairwise([*starts, len(samples)]):
        yield samples[first:following]


def _gop(outputs: Outputs, name: str, piece: Sequence[isobmff.Sample], header: isobmff.TrackHeader) -> Gop:
    start = min(sample.offset for sample in piece)
    end = max(sample.offset + sample.size for sample in piece)
    return elementary_stream(name, outputs.read_range(name, start, end - start), piece, header, base=start)

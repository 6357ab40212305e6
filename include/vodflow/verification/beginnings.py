"""Whether every encrypted segment opens with its key: what it begins with decodes.

Boxes tell what should be encrypted, and with which key; only a decoder tells whether it is. Of each segment the first
picture is decoded, or the first frames of sound: of a video of two hours the twentieth part of its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from vodflow.media import isobmff
from vodflow.verification.decode import check_parts
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import HEAD, Gop, Segment, Track, elementary_stream, single_track

#: Segments that are held and decoded at a time; a first picture has up to about half a megabyte.
_BATCH: Final = 64
#: Frames of sound that are decoded of each segment.
_FRAMES: Final = 4


def check_beginnings(outputs: Outputs, tracks: Sequence[Track]) -> None:
    """Decode the beginning of every CMAF segment but the first and the last, of which more is decoded elsewhere.

    :raises VerificationError: naming the segment that its key does not open
    :raises EngineError: nobody can tell: FFmpeg was stopped
    """
    for track in tracks:
        with outputs.parsing(str(track.init), Rule.CONTAINER):
            header = single_track(outputs.read(str(track.init)), track.rendition)
        for batch in _batches(track.segments[1:-1]):
            gops = outputs.map(partial(_beginning, outputs, header), batch)
            check_parts(outputs, "aac" if header.audio else "h264", gops, Rule.ENCRYPTED)


def _batches(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    rest = iter(segments)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _beginning(outputs: Outputs, header: isobmff.TrackHeader, segment: Segment) -> Gop:
    length = segment.keyframes[0][1] if segment.keyframes else HEAD
    with outputs.parsing(segment.name, Rule.CONTAINER):
        data = outputs.read_range(segment.name, 0, length)
        fragments, _ = isobmff.parse_fragments(data, header)
        samples = [item for item in fragments[0].samples if item.offset + item.size <= len(data)]
        return elementary_stream(segment.name, data, samples[: _FRAMES if header.audio else 1], header)

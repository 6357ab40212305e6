"""The clips that follow one another on a job's time line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.frames import Shape, input_shape
from local_mediaconvert.transcode.sources import Source
from local_mediaconvert.transcode.timecodes import Span, clips

#: Seconds that a track may end early without being prolonged: rounded durations, and codec frames of sound.
UNNOTICEABLE: Final = 0.1


@dataclass(frozen=True, eq=False)
class Clip:
    """A part of an input on the time line.

    :param settings: its ``Input``
    :param whole: the input is not cut
    :param length: seconds on the time line
    :param exact: other clips follow or precede, or the end is given: pictures end with the clip
    :param black_before: seconds of black before the first picture
    :param missing_after: seconds that the pictures end early
    :param pads_black: what is missing is black; otherwise the picture beside it stands still
    :param images: downloaded images by URI
    """

    source: Source
    settings: Document
    span: Span
    length: Fraction
    shape: Shape
    exact: bool
    black_before: float = 0.0
    missing_after: float = 0.0
    pads_black: bool = False
    images: Mapping[str, Path] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Nothing of the input is left out."""
        return self.span == Span(Fraction(0), None)


def time_line(inputs: Sequence[tuple[Source, Document]], images: Mapping[str, Path] | None = None) -> list[Clip]:
    """Every clip of every input, in order.

    :param images: downloaded images by URI
    :raises JobFailed: for clips that are not there
    """
    parts: list[tuple[Source, Document, Span]] = []
    for source, settings in inputs:
        duration = Fraction(source.duration).limit_denominator(1_000_000)
        found = clips(settings, source.rate, source.timecode, duration, source.number)
        parts += [(source, settings, span) for span in found]
    return [_clip(source, settings, span, images or {}, alone=len(parts) == 1) for source, settings, span in parts]


def _clip(source: Source, settings: Document, span: Span, images: Mapping[str, Path], *, alone: bool) -> Clip:
    pads = settings.get("VideoSelector", {}).get("PadVideo") == "BLACK"
    shape = input_shape(source, settings) if source.video else Shape(0, 0, Fraction(1), source.rate)
    begin, picture_end = float(span.start), source.picture_end if source.video else source.duration
    end = float(span.end) if span.end is not None else (source.duration if pads else picture_end)
    length = _frames(end - begin, source.rate) if source.video else Fraction(end - begin).limit_denominator(1_000_000)
    missing = max(0.0, min(end, float(begin + length)) - picture_end) if source.video else 0.0
    return Clip(
        source=source,
        settings=settings,
        span=span,
        length=length,
        shape=shape,
        # The last picture of a variable rate may be shown for longer than the file says.
        exact=not (alone and span.end is None) or (source.video is not None and source.video.variable_frame_rate),
        black_before=_noticeable(source.picture_start - begin) if pads else 0.0,
        missing_after=_noticeable(missing),
        pads_black=pads,
        images=images,
    )


def _frames(seconds: float, rate: Fraction) -> Fraction:
    """The closest whole number of frames, at least one, in seconds."""
    return Fraction(max(1, round(seconds * rate)), 1) / rate


def _noticeable(seconds: float) -> float:
    return round(seconds, 6) if seconds > UNNOTICEABLE else 0.0

"""Whether sound comes with its pictures as in the source: both are decoded at a few places and laid over one another.

What is compared is how loudness and brightness change, not samples: codecs, downmix and colours do not matter. A place
where nothing changes, as in silence, a steady tone or a still, tells nothing and breaks no rule.
"""

from __future__ import annotations

import array
import logging
import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import mul
from typing import Final, NamedTuple

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.verification.decode import CELLS, SAMPLE_RATE, Decoded
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.source_reader import SourceReader, UnreadableSource, picture_count, seekable
from vodflow.verification.tracks import Piece, Track, readable_pieces, sound_piece

log = logging.getLogger(__name__)

#: Seconds by which sound may be further from its pictures than in the source: within one frame of 25 a second, and the
#: resolution of the measurement.
TOLERANCE: Final = 0.05
#: Seconds of sound that are compared at each place.
_SOUND: Final = 6.0
#: Seconds by which sound and pictures are looked for, earlier and later.
_REACH: Final = 2.0
_PICTURE_REACH: Final = 1.0
#: Samples in a step of loudness.
_STEP: Final = 80
#: Correlation from which a place counts as found, how much worse the right place must be for a verdict, and what
#: counts as equally good: sound and motion repeat themselves.
_FOUND: Final = 0.6
_WORSE: Final = 0.2
_EQUAL: Final = 0.05

#: One value a cell at each step.
Signal = Sequence[Sequence[float]]


class Lag(NamedTuple):
    """How many steps later a signal comes, and how well it fits there."""

    steps: int
    fit: float


class Place(NamedTuple):
    """Sound to compare: a piece of a track, and the pictures of its container."""

    track: Track
    piece: Piece
    pictures: Track

    @property
    def source_index(self) -> int:
        """The source's track that it was made of."""
        return self.track.rendition.source_index if isinstance(self.track.rendition, AudioRendition) else 0


def places(outputs: Outputs, plan: TranscodePlan, containers: Sequence[Sequence[Track]]) -> list[Place]:
    """Of each language the beginning, the middle and the end.

    :param containers: the tracks of each; the others hold what the first one does, so their beginning is enough
    :raises VerificationError: one is missing or broken
    """
    found = list[Place]()
    for number, tracks in enumerate(containers if plan.media.start is not None else ()):
        pictures = min((track for track in tracks if track.width), key=lambda track: track.width or 0)
        for track in _sounds(tracks):
            chosen = _segments(plan, track)[: None if number == 0 else 1]
            found += [Place(track, sound_piece(outputs, track, place), pictures) for place in chosen]
    return found


def reader_of(plan: TranscodePlan, url: str, chosen: Sequence[Place]) -> SourceReader:
    """Reads of the source what the places are compared with."""
    shown = chosen[0].pictures.name
    rung = next(item for item in plan.renditions if layout.track_name(item) == shown)
    return SourceReader(plan, url, rung, list(dict.fromkeys(place.source_index for place in chosen)))


def check_sync(outputs: Outputs, chosen: Sequence[Place], decoded: Decoded, source: SourceReader) -> None:
    """Compare each language's sound with the source.

    :param decoded: holds what the places have
    :raises VerificationError: naming place and difference
    :raises EngineError: FFmpeg was stopped; the outputs may be right
    """
    try:
        for _, group in groupby(chosen, lambda place: id(place.pictures)):
            together = list(group)
            pictures = _picture_lag(together[0].pictures, decoded, source)
            for place in together:
                _check_place(outputs, place, pictures, decoded, source)
    except UnreadableSource as error:
        log.warning("The sync of %s was not measured, for its source cannot be read: %s", source.uri, error)


def _sounds(tracks: Sequence[Track]) -> list[Track]:
    """The first track of each language."""
    sounds = {track.rendition.source_index: track for track in reversed(tracks)
              if isinstance(track.rendition, AudioRendition)}  # fmt: skip
    return list(sounds.values())


def _segments(plan: TranscodePlan, track: Track) -> list[int]:
    """Which segments are compared."""
    long = [place for place in readable_pieces(track) if track.segments[place].duration > 1] or [0]
    if not seekable(plan.media):
        return long[:1]
    return sorted({long[0], long[len(long) // 2], long[-1]})


def _check_place(outputs: Outputs, place: Place, pictures: float, decoded: Decoded, source: SourceReader) -> None:
    track, piece, zero = place.track, place.piece, place.pictures.segments[0].start
    at = max(0.0, piece.start - zero)
    published = decoded.heard(piece.gop)[round((at - piece.start + zero) * SAMPLE_RATE) :]
    published = published[: round(_SOUND * SAMPLE_RATE)]
    original = source.sound(place.source_index, at, len(published) / SAMPLE_RATE)
    best, right = _compare(_loudness(original), _loudness(published), _REACH, TOLERANCE + abs(pictures),
                            _STEP / SAMPLE_RATE, settled=not pictures)  # fmt: skip
    late = best.steps * _STEP / SAMPLE_RATE - pictures
    log.debug("%s at %.1f s: %+.3f s, fit %.2f", track.name, at, late, best.fit)
    if best.fit >= _FOUND and abs(late) > TOLERANCE and (pictures or right < best.fit - _WORSE):
        outputs.fail(
            piece.gop.name, Rule.SYNC,
            f"at {at:.1f} s the sound comes {abs(late):.2f} s {'later' if late > 0 else 'earlier'} against its pictures"
            " than in the source",
        )  # fmt: skip


def _picture_lag(track: Track, decoded: Decoded, source: SourceReader) -> float:
    """Seconds by which the first pictures are later than in the source; 0 within a frame, or where nothing moves."""
    rendition = track.rendition
    if not isinstance(rendition, VideoRendition) or not source.has_pictures:
        return 0.0
    frame = float(1 / rendition.fps)
    original = source.pictures(rendition)
    published = decoded.seen(track.gops[0])[: picture_count(rendition) * CELLS**2]
    best, right = _compare(_cells(original), _cells(published), _PICTURE_REACH, 1.5 * frame, frame)
    lag = best.steps * frame
    return lag if best.fit >= _FOUND and abs(best.steps) > 1 and right < best.fit - _WORSE else 0.0


def _loudness(samples: array.array[int]) -> Signal:
    """How the loudness changes from step to step; its root, so that quiet places count, too."""
    steps = [samples[place : place + _STEP] for place in range(0, len(samples) - _STEP, _STEP)]
    levels = [math.sqrt(sum(map(abs, step)) / _STEP) for step in steps]
    return [[after - before for before, after in pairwise(levels)]]


def _cells(data: bytes) -> Signal:
    return [list(data[cell :: CELLS**2]) for cell in range(CELLS**2)]


def _compare(
    original: Signal, published: Signal, reach: float, near: float, step: float, *, settled: bool = True
) -> tuple[Lag, float]:
    """Where the published signal fits best, and how well within ``near`` seconds of the right place.

    :param settled: whether a good fit near the right place is enough of an answer
    """
    length = min(len(original[0]), len(published[0]))
    most = min(round(reach / step), length // 2)
    close = min(most, int(near / step))
    fits = [Lag(steps, _fit(original, published, steps)) for steps in range(-close, close + 1)]
    right = max(fits, key=lambda lag: lag.fit)
    if settled and right.fit >= 1 - _WORSE:
        return right, right.fit  # nothing can fit better by so much that it would count
    fits = [Lag(steps, _fit(original, published, steps)) for steps in range(-most, most + 1)]
    top = max((lag.fit for lag in fits), default=0.0)
    best = min((lag for lag in fits if lag.fit >= top - _EQUAL), key=lambda lag: abs(lag.steps), default=Lag(0, 0.0))
    # Of neighbours that fit nearly as well, the best.
    best = max((lag for lag in fits if abs(lag.steps - best.steps) <= 2), default=best, key=lambda lag: lag.fit)
    return best, max((lag.fit for lag in fits if abs(lag.steps) * step <= near), default=0.0)


def _fit(original: Signal, published: Signal, steps: int) -> float:
    """Correlation of what overlaps, -1 to 1; each cell around its mean."""
    both = first = second = 0.0
    for cell, other in zip(original, published, strict=True):
        a, b = (
            (cell[: len(other) - steps], other[steps:]) if steps >= 0 else (cell[-steps:], other[: len(cell) + steps])
        )
        count = min(len(a), len(b))
        a, b = a[:count], b[:count]
        if count < 2:
            continue
        mean_a, mean_b = sum(a) / count, sum(b) / count
        both += sum(map(mul, a, b)) - count * mean_a * mean_b
        first += sum(map(mul, a, a)) - count * mean_a**2
        second += sum(map(mul, b, b)) - count * mean_b**2
    enough = first > _still(original) and second > _still(published)
    # Fewer steps fit by chance, or because sound repeats itself.
    length = min(len(original[0]), len(published[0]))
    return (1 - abs(steps) / length) * both / math.sqrt(first * second) if enough else 0.0


def _still(signal: Signal) -> float:
    """What rounding and noise make of a signal that stands still."""
    return 0.5 * len(signal) * len(signal[0])

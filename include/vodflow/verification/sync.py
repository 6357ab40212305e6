"""Whether sound comes with its pictures as in the source: both are decoded at a few places and laid over one another.

What is compared is how loudness and brightness change, not samples: codecs, downmix and colours do not matter. A place
where nothing changes, as in silence, a steady tone or a still, tells nothing and breaks no rule.
"""

from __future__ import annotations

import array
import logging
import math
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import mul
from typing import Final, NamedTuple

from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.errors import EngineError
from vodflow.ffmpeg.resources import capture_bytes
from vodflow.ffmpeg.tools import ffmpeg_path, was_stopped
from vodflow.media.probe import input_arguments
from vodflow.media.timeline import input_offset, patience
from vodflow.planning import span
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Gop, Track, readable_pieces, sound_piece

log = logging.getLogger(__name__)

#: Seconds by which sound may be further from its pictures than in the source: within one frame of 25 a second, and the
#: resolution of the measurement.
TOLERANCE: Final = 0.05
#: Seconds of sound that are compared at each place, and of pictures at the beginning.
_SOUND: Final = 6.0
_PICTURES: Final = 2.0
#: Seconds by which they are looked for, earlier and later.
_REACH: Final = 2.0
_PICTURE_REACH: Final = 1.0
#: Samples a second, and of them in a step of loudness.
_RATE: Final = 8000
_STEP: Final = 80
#: Pictures are compared as so many cells a row and a column.
_CELLS: Final = 6
#: Correlation from which a place counts as found, how much worse the right place must be for a verdict, and what
#: counts as equally good: sound and motion repeat themselves.
_FOUND: Final = 0.6
_WORSE: Final = 0.2
_EQUAL: Final = 0.05
#: Bytes up to which a source is read from its beginning to a place, which needs no index and no steady clock.
_SMALL: Final = 64 * 1024 * 1024
#: Seconds up to which all of a source's sound is kept in memory: 16 kB each.
_SHORT: Final = 60.0
#: Sound at its time stamps, from time 0 on.
_KEPT: Final = f"aresample={_RATE}:async=1:first_pts=0:min_hard_comp=0.01"
#: Formats that are sought in where they are larger.
_SEEKABLE: Final = {"mov", "matroska", "mxf"}
#: Seconds; more than any place needs.
_TIMEOUT: Final = 120.0

#: One value a cell at each step.
Signal = Sequence[Sequence[float]]


class Lag(NamedTuple):
    """How many steps later a signal comes, and how well it fits there."""

    steps: int
    fit: float


def check_sync(
    outputs: Outputs, plan: TranscodePlan, containers: Sequence[Sequence[Track]], source: str | None
) -> None:
    """Compare each language's sound with the source at the beginning, in the middle and at the end.

    :param containers: the tracks of each; the others hold what the first one does, so their beginning is enough
    :param source: path or URL of the source; none when it is not there any more
    :raises VerificationError: naming place and difference
    :raises EngineError: FFmpeg was stopped; the outputs may be right
    """
    if source is None or plan.media.start is None or not plan.audio:
        return
    try:
        for number, tracks in enumerate(containers):
            video = min((track for track in tracks if track.width), key=lambda track: track.width or 0)
            pictures = _picture_lag(plan, video, source)
            for track in _sounds(tracks):
                for place in _places(plan, track)[: None if number == 0 else 1]:
                    _check_place(outputs, plan, track, place, source, video.segments[0].start, pictures)
    except _Unreadable as error:
        log.warning("The sync of %s was not measured, for its source cannot be read: %s", plan.source.uri, error)
    finally:
        _read.cache_clear()


class _Unreadable(Exception):
    pass


def _sounds(tracks: Sequence[Track]) -> list[Track]:
    """The first track of each language."""
    sounds = {track.rendition.source_index: track for track in reversed(tracks)
              if isinstance(track.rendition, AudioRendition)}  # fmt: skip
    return list(sounds.values())


def _places(plan: TranscodePlan, track: Track) -> list[int]:
    """Which segments are compared."""
    long = [place for place in readable_pieces(track) if track.segments[place].duration > 1] or [0]
    if plan.media.size > _SMALL and not set(plan.media.container.split(",")) & _SEEKABLE:
        return long[:1]
    return sorted({long[0], long[len(long) // 2], long[-1]})


def _check_place(
    outputs: Outputs, plan: TranscodePlan, track: Track, place: int, source: str, zero: float, pictures: float
) -> None:
    piece = sound_piece(outputs, track, place)
    at = max(0.0, piece.start - zero)
    published = _pcm(["-f", "aac", "-i", "pipe:0"], piece.gop, "anull")
    published = published[round((at - piece.start + zero) * _RATE) :][: round(_SOUND * _RATE)]
    index = track.rendition.source_index if isinstance(track.rendition, AudioRendition) else 0
    original = _source_sound(plan, source, index, at, len(published) / _RATE)
    best, right = _compare(_loudness(original), _loudness(published), _REACH, TOLERANCE + abs(pictures), _STEP / _RATE,
                            settled=not pictures)  # fmt: skip
    late = best.steps * _STEP / _RATE - pictures
    log.debug("%s at %.1f s: %+.3f s, fit %.2f", track.name, at, late, best.fit)
    if best.fit >= _FOUND and abs(late) > TOLERANCE and (pictures or right < best.fit - _WORSE):
        outputs.fail(
            piece.gop.name, Rule.SYNC,
            f"at {at:.1f} s the sound comes {abs(late):.2f} s {'later' if late > 0 else 'earlier'} against its pictures"
            " than in the source",
        )  # fmt: skip


def _picture_lag(plan: TranscodePlan, track: Track, source: str) -> float:
    """Seconds by which the first pictures are later than in the source; 0 within a frame, or where nothing moves."""
    rendition = track.rendition
    if not isinstance(rendition, VideoRendition) or plan.media.video.start - span.start(plan) > _PICTURES / 2:
        return 0.0
    frame, count = float(1 / rendition.fps), max(2, round(_PICTURES * rendition.fps))
    small = f"scale={_CELLS}:{_CELLS}:flags=area,format=gray"
    offset = input_offset(plan.media.container, plan.media.start or 0.0, [plan.media.video.start], span.start(plan))
    steady = f"fps={rendition.frame_rate}:start_time=0,{small}"
    shown = ["-frames:v", str(count), "-f", "rawvideo", "-"]
    argv = ["-skip_loop_filter", "all", "-itsoffset", f"{offset:.6f}", *input_arguments(source, _TIMEOUT)]
    original = _read(*argv, "-map", f"0:{plan.media.video.index}", "-vf", steady, *shown)
    encoded = ["-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough", "-vf", small, *shown]
    published = _run(encoded, track.gops[0].stream)
    best, right = _compare(_cells(original), _cells(published), _PICTURE_REACH, 1.5 * frame, frame)
    lag = best.steps * frame
    return lag if best.fit >= _FOUND and abs(best.steps) > 1 and right < best.fit - _WORSE else 0.0


def _source_sound(plan: TranscodePlan, source: str, index: int, at: float, seconds: float) -> array.array[int]:
    """Samples of the source at a place, by their time stamps."""
    media, zero = plan.media, span.start(plan)
    argv = input_arguments(source, _TIMEOUT)
    track = next(item for item in media.audio if item.index == index)
    if media.size > _SMALL and at > 0:
        start = at + zero - (media.start or 0.0)
        argv, begin = ["-ss", f"{start:.6f}", *argv], 0.0
    else:
        # The pictures are read, too, for FFmpeg joins recordings where the first of its streams jumps.
        offset = input_offset(media.container, media.start or 0.0, [media.video.start, track.start], zero)
        argv, begin = [*patience(media.longest_gap), "-itsoffset", f"{offset:.6f}", *argv], at
        # A short source is read once, for all places.
        whole = media.duration <= _SHORT
        end = media.duration + _SOUND if whole else at + seconds
        argv += ["-map", f"0:{media.video.index}", "-c", "copy", "-t", f"{end:.6f}", "-f", "null", "-"]
        if whole:
            samples = _pcm([*argv, "-map", f"0:{index}"], None, f"{_KEPT},atrim=0:{end:.6f}")
            return samples[round(begin * _RATE) : round((begin + seconds) * _RATE)]
    return _pcm([*argv, "-map", f"0:{index}"], None, f"{_KEPT},atrim={begin:.6f}:{begin + seconds:.6f}")


def _pcm(source: list[str], given: Gop | None, filters: str) -> array.array[int]:
    sound = ["-af", filters, "-ac", "1", "-ar", str(_RATE), "-f", "s16le", "-"]
    samples = array.array("h")
    data = _run([*source, *sound], given.stream) if given else _read(*source, *sound)
    samples.frombytes(data[: len(data) // 2 * 2])
    return samples


@lru_cache(maxsize=8)
def _read(*arguments: str) -> bytes:
    """What FFmpeg makes of the source: of the same place for each container."""
    return _run(arguments)


def _run(arguments: Sequence[str], given: bytes = b"") -> bytes:
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", *arguments]
    try:
        done = capture_bytes(argv, _TIMEOUT, given)
    except subprocess.TimeoutExpired as error:
        raise _Unreadable(f"FFmpeg did not end within {_TIMEOUT:.0f} s") from error
    said = done.stderr.decode(errors="replace").strip()
    if was_stopped(done.returncode, said):
        raise EngineError("FFmpeg was stopped while it measured sync.", code=str(done.returncode))
    if done.returncode:
        raise _Unreadable(said.rpartition("\n")[2].partition("?")[0])
    return done.stdout


def _loudness(samples: array.array[int]) -> Signal:
    """How the loudness changes from step to step; its root, so that quiet places count, too."""
    steps = [samples[place : place + _STEP] for place in range(0, len(samples) - _STEP, _STEP)]
    levels = [math.sqrt(sum(map(abs, step)) / _STEP) for step in steps]
    return [[after - before for before, after in pairwise(levels)]]


def _cells(data: bytes) -> Signal:
    return [list(data[cell :: _CELLS**2]) for cell in range(_CELLS**2)]


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

"""How a plan's encode is divided: pure.

Chunks are cut where the outputs have an IDR picture anyway, a whole number of GOPs from time 0, so the joined outputs
have the structure of an undivided encode. The GOP before each chunk is encoded as well and thrown away, so that x264's
rate control knows what an undivided encode's knows there. The source is decoded from the last keyframe at or before
that GOP; of all places near an even division the one with the least to decode in vain is taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, floor
from typing import Final, Literal

from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.contract.strategy import MOST_CHUNKS, SINGLE, Chunk, Strategy, StrategyKind
from vodflow.media.picture_index import Picture, PictureIndex
from vodflow.planning import span

#: What a profile or the settings may ask for.
Wanted = Literal["auto", "single", "renditions", "chunks"]

#: Lines of a rung from which it is worth a process of its own.
_UHD: Final = 1081
#: Share of a frame by which a keyframe may come behind the place of a cut.
_JITTER: Final = 0.25
#: Shares of a frame that lie between two pictures of a constant rate.
_SHORTEST, _LONGEST = 0.5, 1.5
#: Share of a chunk by which a cut may be away from an even division, and that may be decoded in vain.
_AWAY: Final = 0.25
#: Chunks for each that is made at a time, from which on they are made in waves; and then the length of the first one
#: and of the last one as shares of the mean: whoever is done early finds short ones at the end (docs/benchmarks.md has
#: what that gains).
_WAVES: Final = 1.5
_FIRST, _LAST = 1.5, 0.5
#: The power by which the chunks' rates follow the source's own distribution of bits, as undivided encodes do
#: (docs/parallel-encoding.md compares the ways), and the bounds of a chunk's share: what the source's encoder spent on
#: noise or on nothing is no measure, and the plan's peak must stay above the average.
_FOLLOWED: Final = 0.5
_LEAST, _MOST = 0.4, 1.4


@dataclass(frozen=True)
class Division:
    """What is wanted of a division.

    :param wanted: by the profile or the settings
    :param spreads: the engine has more machines than one
    :param chunk_seconds: length of a chunk
    :param shortest: seconds from which a source is cut where nobody asks for it
    :param at_once: chunks that are made at the same time
    """

    wanted: Wanted = "auto"
    spreads: bool = False
    chunk_seconds: float = 60.0
    shortest: float = 300.0
    at_once: int = 12


def may_divide(division: Division) -> bool:
    """Whether there is anything to choose."""
    return division.wanted != "single" and (division.wanted != "auto" or division.spreads)


def choose(plan: TranscodePlan, division: Division, read: Callable[[], PictureIndex]) -> Strategy:
    """How this plan is divided, and why.

    :param read: the source's pictures; called only where they matter
    """
    if not may_divide(division):
        return SINGLE
    if division.wanted == "renditions":
        return _renditions(plan, "The profile or the settings ask for it.")
    # Behind its last picture nothing can be cut: where the sound goes on alone, the last chunk holds that picture.
    held = span.held_seconds(plan)
    seconds = span.picture_seconds(plan) - held
    lasts = f"The video {'has pictures for' if held else 'lasts'} {seconds:.0f} s"
    asked = division.wanted == "chunks"
    if not asked and seconds < division.shortest:
        return _renditions(plan, f"{lasts}, and is cut from {division.shortest:.0f} s on.")
    if seconds < 2 * division.chunk_seconds:
        return _single(f"{lasts}, which is less than two chunks of {division.chunk_seconds:g} s.")
    why = "The profile or the settings ask for it" if asked else lasts
    return _chunks(plan, lengths(seconds, division.chunk_seconds, division.at_once), read(), why)


def lengths(seconds: float, chunk_seconds: float, at_once: int) -> list[float]:
    """Seconds of each chunk: even ones where all are made at about the same time, else the longest first.

    :param seconds: of the whole
    :param chunk_seconds: of a chunk, on average; longer where there would be too many
    :param at_once: chunks that are made at the same time
    """
    count = min(MOST_CHUNKS, max(2, round(seconds / chunk_seconds)))
    first, last = (_FIRST, _LAST) if count >= _WAVES * at_once else (1.0, 1.0)
    return [seconds / count * (first + (last - first) * place / (count - 1)) for place in range(count)]


def _single(reason: str) -> Strategy:
    return Strategy(reason=reason)


def _renditions(plan: TranscodePlan, why: str) -> Strategy:
    large = [rung.name for rung in plan.renditions if min(rung.width, rung.height) >= _UHD]
    others = tuple(rung.name for rung in plan.renditions if rung.name not in large)
    groups = tuple((name,) for name in large) + ((others,) if others else ())
    if len(groups) < 2:
        return _single(f"{why} No rung has more than 1080 lines beside smaller ones.")
    return Strategy(
        kind=StrategyKind.RENDITIONS,
        reason=f"{why} {', '.join(large)} {'has' if len(large) == 1 else 'have'} a process each.",
        groups=groups,
    )


def _chunks(plan: TranscodePlan, wanted: Sequence[float], index: PictureIndex, why: str) -> Strategy:
    keys, obstacle = clean_keyframes(plan, index)
    if obstacle:
        return _single(f"It cannot be cut: {obstacle}.")
    rung = plan.renditions[0]
    found = cut_frames(rung, [key - span.start(plan) for key in keys], wanted)
    if found is None:
        late = plan.media.video.start - span.start(plan)
        rare = "its keyframes are too rare or too far from the outputs' GOPs"
        begins = f"its pictures begin {late:.0f} s after its sound"
        return _single(f"It cannot be cut: {begins if late > wanted[0] else rare}.")
    firsts = [0, *(frame for frame, _ in found)]
    seeks = [0.0, *(key + span.start(plan) - (plan.media.start or 0.0) for _, key in found)]
    shares = weights(plan, index.pictures, firsts)
    return Strategy(
        kind=StrategyKind.CHUNKS,
        reason=f"{why}: {len(firsts)} chunks of about {sum(wanted) / len(wanted):.0f} s are encoded side by side.",
        chunks=tuple(
            Chunk(
                first=first,
                end=end,
                seek=max(0.0, round(seek, 6)),
                weight=weight,
                warm_up=rung.gop if first else 0,
            )
            for first, end, seek, weight in zip(firsts, [*firsts[1:], None], seeks, shares, strict=True)
        ),
    )


def clean_keyframes(plan: TranscodePlan, index: PictureIndex) -> tuple[list[float], str | None]:
    """Times of keyframes on the container's clock before which nothing is missing, and what forbids to use them."""
    frame = float(1 / plan.media.video.fps)
    obstacle = index.obstacle or _obstacle(plan, sorted(picture.time for picture in index.pictures), frame)
    return ([], obstacle) if obstacle else _clean(index.pictures, frame)


def _obstacle(plan: TranscodePlan, times: Sequence[float], frame: float) -> str | None:
    media, rungs = plan.media, plan.renditions
    uneven = any(not _SHORTEST * frame < after - before < _LONGEST * frame for before, after in pairwise(times))
    found = {
        "its frames come at a varying rate": media.video.variable_frame_rate,
        "nobody knows when its container begins": media.start is None,
        "its rungs have different frame rates": len({(rung.fps, rung.gop) for rung in rungs}) > 1,
        "one of its tracks pauses": bool(media.longest_gap),
        "its time stamps do not begin where its container says": (
            not times or abs(times[0] - media.video.start) > frame / 2
        ),
        "its time stamps have gaps or come twice": uneven,
    }
    return next((text for text, is_so in found.items() if is_so), None)


def _clean(pictures: Sequence[Picture], frame: float) -> tuple[list[float], str | None]:
    places = [place for place, picture in enumerate(pictures) if picture.key]
    if len(places) < 2:
        return [], "it has a single keyframe"
    clean = [
        pictures[place].time
        for place, after in zip(places, [*places[1:], len(pictures)], strict=True)
        if all(picture.time > pictures[place].time - frame / 2 for picture in pictures[place:after])
    ]
    return (
        (clean, None) if len(clean) > 1 else ([], "its GOPs are open: pictures before a keyframe need those behind it")
    )


def cut_frames(rung: VideoRendition, keys: Sequence[float], wanted: Sequence[float]) -> list[tuple[int, float]] | None:
    """The first frame of each chunk but the first, and the seconds at which a seek finds where its decoding begins.

    :param keys: seconds of clean keyframes after time 0, ascending
    :param wanted: seconds of each chunk, of which cuts keep as near as they can
    :return: nothing where some chunk would have to be decoded for too long in vain
    """
    gop, frame = rung.gop / rung.fps, float(1 / rung.fps)
    found: list[tuple[int, float]] = []
    for target, away in zip(accumulate(wanted[:-1]), (min(pair) * _AWAY for pair in pairwise(wanted)), strict=True):
        begin, end = ceil((target - away) / gop), floor((target + away) / gop)
        places = [(float(place * gop), place) for place in range(max(1, begin), end + 1)]
        ranked = []
        for time, place in places:
            start = time - float(gop)  # the warm-up
            known = bisect_right(keys, start + _JITTER * frame)
            if known:
                vain = max(0.0, start - keys[known - 1])
                ranked.append((vain > frame / 2 and vain, abs(time - target), place, max(start, keys[known - 1])))
        if not ranked or min(ranked)[0] > away:
            return None
        _, _, place, latest = min(ranked)
        # Between this picture and the next one, so that no rounding finds the keyframe before.
        found.append((place * rung.gop, latest + _JITTER * frame))
    return found


def weights(plan: TranscodePlan, pictures: Sequence[Picture], firsts: Sequence[int]) -> list[float]:
    """Each chunk's average bit rate as a share of the plan's, so that all together have the plan's.

    An undivided encode gives difficult parts of a film more bits than easy ones. How difficult they are is what the
    source's own encoder has found: its pictures' sizes.
    """
    rate, start = plan.renditions[0].fps, span.start(plan)
    bounds = [float(first / rate) for first in firsts]
    sizes, total = [0.0] * len(firsts), span.picture_seconds(plan)
    for picture in pictures:
        sizes[max(0, bisect_right(bounds, picture.time - start + 1e-6) - 1)] += picture.size
    lengths = [end - begin for begin, end in pairwise([*bounds, total])]
    return distributed([size / length for size, length in zip(sizes, lengths, strict=True)], lengths)


def distributed(rates: Sequence[float], lengths: Sequence[float]) -> list[float]:
    """Shares for chunks of these rates, bounded, of which the average over time is 1.

    :param rates: of the source, in any unit
    :param lengths: seconds
    """
    total = sum(lengths)
    mean = sum(rate * length for rate, length in zip(rates, lengths, strict=True)) / total
    if mean <= 0:
        return [1.0] * len(rates)
    raw = [(rate / mean) ** _FOLLOWED if rate > 0 else _LEAST for rate in rates]
    # The factor that brings the average to 1 with the bounds in force, by halving: it grows with the factor.
    low, high = 0.0, 100.0
    for _ in range(60):
        factor = (low + high) / 2
        average = sum(_bounded(share * factor) * length for share, length in zip(raw, lengths, strict=True)) / total
        low, high = (factor, high) if average < 1 else (low, factor)
    return [round(_bounded(share * high), 4) for share in raw]


def _bounded(share: float) -> float:
    return min(_MOST, max(_LEAST, share))

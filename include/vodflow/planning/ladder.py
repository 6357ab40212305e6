"""Which rungs a source gets, and how large: pure geometry and rates.

A rung is a 16:9 box, laid on its side for portrait sources; the picture is scaled down to fit into it and never up.
So a 2.40:1 film of 1920x800 is its 1080p rung at its own size, as a 1080x1920 portrait is.

The source's *nominal height* is the height of the smallest such box that holds it. Rungs up to it are kept. Where the
next rung above it is too large, and the best one below loses much, the source's own size becomes the top rung, named
by the nominal height (``576p``, ``900p``); a source below every rung always does, so no ladder is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import log

from vodflow.planning.profiles import Rung

_BOX = Fraction(16, 9)

#: A source this close to a rung is that rung at its own size: 1920x1088 and 1918x1078 are 1080p, without a rescale
#: that only blurs.
_TOLERANCE = Fraction(102, 100)

#: How much taller than the best rung below a source must be to get a rung of its own size: 44 % more pixels.
_WORTHWHILE = Fraction(6, 5)

#: Bits grow with the pixels to this power at equal quality (Jan Ozer and Ben Waggoner, "power of 0.75").
PIXEL_POWER = 0.75

#: Below this, headers and container outweigh the picture.
MIN_BITRATE = 64_000


@dataclass(frozen=True)
class Step:
    """One rung, fitted to a source.

    :param rung: the profile's rung it came from; the nearest one for a rung of the source's own size
    :param width: pixels, even
    :param height: pixels, even
    :param bitrate: average, bits a second
    """

    name: str
    rung: Rung
    width: int
    height: int
    bitrate: int


def ladder(width: int, height: int, rungs: tuple[Rung, ...], source_bitrate: float | None = None) -> tuple[Step, ...]:
    """The ladder of a source, highest rung first; never empty.

    :param width: display width, square pixels
    :param height: display height, square pixels
    :param rungs: the profile's, highest first
    :param source_bitrate: most bits a second worth spending on the source's own size; none means no bound
    """
    nominal = nominal_height(width, height)
    kept = [rung for rung in rungs if rung.height <= nominal * _TOLERANCE]
    wanted = [(rung.name, rung, Fraction(rung.height), float(rung.bitrate)) for rung in kept]
    above = [rung for rung in rungs if rung.height > nominal * _TOLERANCE]
    if above and (not kept or nominal >= kept[0].height * _WORTHWHILE):
        upper, lower = above[-1], kept[0] if kept else None
        name = f"{round(nominal)}p"
        if any(rung.name == name for rung in kept):
            name = f"{name}-native"
        wanted.insert(0, (name, upper, nominal, _interpolate(float(nominal), upper, lower)))
    steps = []
    for name, rung, box, rate in wanted:
        out_width, out_height = fit(width, height, box)
        pixels = out_width * out_height
        bitrate = rate * _fewer_bits(pixels / float(box * box * _BOX))
        if source_bitrate is not None:
            bitrate = min(bitrate, source_bitrate * (pixels / (width * height)) ** PIXEL_POWER)
        steps.append(Step(name, rung, out_width, out_height, max(MIN_BITRATE, round(bitrate / 1000) * 1000)))
    return tuple(steps)


def nominal_height(width: int, height: int) -> Fraction:
    """Height of the smallest 16:9 box, upright or on its side, that holds a picture of this size (pixels)."""
    short, long = sorted((width, height))
    return max(Fraction(short), long / _BOX)


def fit(width: int, height: int, box_height: Fraction | int) -> tuple[int, int]:
    """A picture's size in a 16:9 box of this height: the same aspect, even, never larger than the picture.

    :param width: pixels
    :param height: pixels
    :return: width and height, pixels
    """
    scale = min(Fraction(1), Fraction(box_height) / nominal_height(width, height))
    if scale * _TOLERANCE >= 1:
        scale = Fraction(1)
    return _even(width * scale, width), _even(height * scale, height)


def _even(wanted: Fraction, limit: int) -> int:
    return max(2, min(round(wanted / 2) * 2, limit - limit % 2))


def _fewer_bits(share: float) -> float:
    """What is left of a box's rate for a picture that fills this share of it."""
    return 1.0 if share * float(_TOLERANCE) >= 1 else float(share**PIXEL_POWER)


def _interpolate(height: float, upper: Rung, lower: Rung | None) -> float:
    """Bits a second at a height between two rungs (a straight line in logarithms), or below the lowest one."""
    power = 2 * PIXEL_POWER
    if lower is not None:
        power = log(upper.bitrate / lower.bitrate) / log(upper.height / lower.height)
    return float(upper.bitrate * (height / upper.height) ** power)

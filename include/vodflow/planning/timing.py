"""Frame rates, GOPs and segments, in exact fractions.

One output frame rate serves all rungs, so a GOP of the same number of frames is the same time in each of them and
players switch without a gap::

    gop      = round(frame_rate * gop_duration)             frames; 60 for 29.97 and 30, 48 for 23.976
    segment  = round(segment_duration / gop_duration) * gop / frame_rate    seconds; 6.006 for 29.97
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

#: Apple's authoring rules for HLS: at most 60 frames a second.
MAX_FRAME_RATE = Fraction(60)
MIN_FRAME_RATE = Fraction(1)

#: Rates that displays and encoders know: film, PAL, NTSC (SMPTE ST 2036-1), and the slow ones of cameras and screens.
STANDARD_RATES = (
    Fraction(5),
    Fraction(10),
    Fraction(12),
    Fraction(15),
    Fraction(20),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)

#: A measured rate this close to a standard one is that one; 23.976 and 24 are 0.1 % apart.
_SNAP = Fraction(2, 10_000)
#: A variable rate this close to a standard one is brought to it; a farther one to the next above, to drop no frames.
_VARIABLE_SNAP = Fraction(1, 100)


def output_rate(rate: Fraction, *, variable: bool) -> Fraction:
    """The constant frame rate of all renditions of a source.

    Constant rates are kept; above 60 they are halved until they are not. Variable ones become the nearest standard
    rate that drops no frames.

    :param rate: frames a second of the source; of a variable one those of its densest second
    """
    while rate > MAX_FRAME_RATE * (1 + _SNAP) and not variable:
        rate /= 2
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    tolerance = _VARIABLE_SNAP if variable else _SNAP
    if abs(nearest - rate) <= nearest * tolerance:
        return nearest
    if variable:
        return next((standard for standard in STANDARD_RATES if standard >= rate), MAX_FRAME_RATE)
    # Rates such as 15360000/512533 come from rounded timestamps; encoders' clocks want small terms.
    return max(rate, MIN_FRAME_RATE).limit_denominator(1001)


def gop_frames(rate: Fraction, gop_duration: float) -> int:
    """Frames from one IDR picture to the next: the whole number closest to the wanted time.

    :param rate: frames a second
    :param gop_duration: seconds
    """
    return max(1, floor(rate * Fraction(gop_duration).limit_denominator(1000) + Fraction(1, 2)))


def segment_seconds(rate: Fraction, gop: int, gop_duration: float, segment_duration: float) -> float:
    """The exact length of a segment, as a whole number of GOPs, to the microsecond.

    :param rate: frames a second
    :param gop: frames
    :param gop_duration: wanted seconds of a GOP
    :param segment_duration: wanted seconds of a segment
    """
    gops = max(1, round(segment_duration / gop_duration))
    return round(float(gops * gop / rate), 6)

"""Downmix to stereo, after ITU-R BS.775-3 annex 4, table 2.

Centre and surround channels go in at -3 dB (0.7071), the LFE channel is left out. The sums are then scaled so
that full-scale signals in every channel at once still do not clip (``<`` in FFmpeg's ``pan`` makes the gains of
an output add up to 1; the layouts are symmetric, so both sides get the same factor): for 5.1 this is
``1 / (1 + 0.7071 + 0.7071) = 0.4142`` (-7.66 dB).
"""

from __future__ import annotations

from math import sqrt
from typing import Final

_MINUS_3_DB: Final = 1 / sqrt(2)

#: Channels of FFmpeg's standard layouts in stream order (libavutil/channel_layout.c).
LAYOUTS: Final = {
    "stereo": "FL FR",
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "3.1": "FL FR FC LFE",
    "4.0": "FL FR FC BC",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "4.1": "FL FR FC LFE BC",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR",
    "6.1": "FL FR FC LFE BC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
}

#: The layout of that many channels when the source names none of the above.
_BY_COUNT: Final = {3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

#: Gain of each channel into the left and the right output.
_GAINS: Final = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_MINUS_3_DB, _MINUS_3_DB),
    "LFE": (0.0, 0.0),
    "BL": (_MINUS_3_DB, 0.0),
    "BR": (0.0, _MINUS_3_DB),
    "SL": (_MINUS_3_DB, 0.0),
    "SR": (0.0, _MINUS_3_DB),
    # One surround channel for both sides: another -3 dB, so that its power is kept.
    "BC": (0.5, 0.5),
    "FLC": (_MINUS_3_DB, 0.0),
    "FRC": (0.0, _MINUS_3_DB),
    # Stereo by other names: mixed down already (Lt/Rt), and for headphones.
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
    "BIL": (1.0, 0.0),
    "BIR": (0.0, 1.0),
}


def stereo_gains(layout: str, channels: int) -> list[tuple[float, float]] | None:
    """Linear gain of each source channel into left and right; None when the source is stereo already.

    The gains into one output add up to 1, so that it cannot clip.

    :param layout: ffprobe's channel layout
    :param channels: how many there are; a layout of another size is not believed
    """
    if channels == 2:
        return None
    if channels == 1:
        return [(1.0, 1.0)]
    gains = _named_gains(layout, channels)
    if gains is None:  # more channels than any layout of television and cinema: the front pair
        gains = [(1.0, 0.0), (0.0, 1.0), *[(0.0, 0.0)] * (channels - 2)]
    left, right = (sum(gain[side] for gain in gains) for side in (0, 1))
    return [(gain[0] / left, gain[1] / right) for gain in gains]


def _named_gains(layout: str, channels: int) -> list[tuple[float, float]] | None:
    names = LAYOUTS.get(layout, "").split()
    if len(names) != channels:
        names = LAYOUTS.get(_BY_COUNT.get(channels, ""), "").split()
    return [_GAINS[name] for name in names] or None


def downmix(layout: str, channels: int) -> str:
    """FFmpeg's ``pan`` argument that makes stereo of a track, also where its channels change in the middle.

    Channels go by their names, and names that a part of the track does not have count for nothing, so the gains are
    those of :func:`stereo_gains` for each part.

    :param layout: ffprobe's channel layout
    :param channels: how many there are
    """
    if channels > max(_BY_COUNT):  # more than any layout of television and cinema: the front pair
        return "stereo|c0<c0|c1<c1"
    if (channels == 1 and layout != "mono") or layout.startswith("ambisonic"):
        return "stereo|c0<c0|c1<c0"  # one side's channel alone; the sound from all directions
    sides = ("+".join(f"{gain[side]:.6g}*{name}" for name, gain in _GAINS.items() if gain[side]) for side in (0, 1))
    return "stereo|" + "|".join(f"c{side}<{mix}" for side, mix in enumerate(sides))

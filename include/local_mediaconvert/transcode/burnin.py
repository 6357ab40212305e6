"""Time codes drawn into the picture, ``VideoPreprocessors.TimecodeBurnin``. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.filter_steps import Step, step
from local_mediaconvert.transcode.timecodes import frame_number, timecode

#: Pixels to the edges, and the size of letters without ``FontSize``.
_MARGIN: Final = 16
_FONT_SIZE: Final = 16
_ACROSS: Final = {"LEFT": f"{_MARGIN}", "CENTER": "(w-tw)/2", "RIGHT": f"w-tw-{_MARGIN}"}
_DOWN: Final = {"TOP": f"{_MARGIN}", "MIDDLE": "(h-th)/2", "BOTTOM": f"h-th-{_MARGIN}"}


def first_timecode(config: Document, clip: Clip) -> tuple[int, Fraction]:
    """Frames from midnight to the first picture of the outputs, and how many there are in a second.

    :param config: ``TimecodeConfig`` of the job
    :param clip: the first of the job
    """
    rate = clip.source.rate
    source = config.get("Source", "EMBEDDED")
    if source == "SPECIFIEDSTART" and config.get("Start"):
        return frame_number(str(config["Start"]), rate), rate
    if source == "EMBEDDED" and clip.source.timecode:
        return frame_number(clip.source.timecode, rate) + round(clip.span.start * rate), rate
    return 0, rate


def timecode_burnin(description: Document, first: tuple[int, Fraction], rate: Fraction) -> list[Step]:
    """The filter that draws them; none where they are not asked for.

    :param first: see :func:`first_timecode`
    :param rate: frames a second of the output
    """
    wanted = description.get("VideoPreprocessors", {}).get("TimecodeBurnin")
    if wanted is None:
        return []
    drops = description.get("DropFrameTimecode", "ENABLED") == "ENABLED"
    down, _, across = str(wanted.get("Position", "TOP_CENTER")).partition("_")
    start = round(Fraction(first[0]) / first[1] * rate)
    return [
        step(
            "drawtext",
            font="monospace",
            text=str(wanted.get("Prefix", "")),
            expansion="none",
            timecode=timecode(start, rate, drops=drops),
            timecode_rate=f"{rate.numerator}/{rate.denominator}",
            fontsize=int(wanted.get("FontSize", _FONT_SIZE)),
            fontcolor="white",
            box=1,
            boxcolor="black@0.5",
            x=_ACROSS[across],
            y=_DOWN[down],
        )
    ]

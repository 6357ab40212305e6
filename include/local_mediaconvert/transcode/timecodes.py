"""Time codes and the clips of an input. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed

_TIMECODE: Final = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;.])(\d{2})(?:\.\d)?")
_DAY: Final = 24 * 3600


@dataclass(frozen=True)
class Span:
    """A part of an input, in seconds from its first frame; no end means all that is left."""

    start: Fraction
    end: Fraction | None


def frame_number(timecode: str, rate: Fraction) -> int:
    """Frames from 00:00:00:00 to a time code.

    Drop-frame time codes (``;``) leave out two numbers a minute at 29.97 frames a second, four at 59.94, but in
    every tenth minute (SMPTE ST 12-1).

    :raises ValueError: when it is none
    """
    match = _TIMECODE.fullmatch(timecode)
    if match is None:
        raise ValueError(f"{timecode!r} is no time code; write HH:MM:SS:FF")
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    nominal = max(1, round(rate))
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + int(match[5])
    if match[4] == ";" and rate.denominator == 1001 and nominal % 30 == 0:
        whole = hours * 60 + minutes
        number -= (nominal // 15) * (whole - whole // 10)
    return number


def timecode(number: int, rate: Fraction, *, drops: bool) -> str:
    """The time code of a frame, the inverse of :func:`frame_number`.

    :param drops: whether drop-frame time codes are wanted, where the rate has them
    """
    nominal = max(1, round(rate))
    mark = ":"
    if drops and rate.denominator == 1001 and nominal % 30 == 0:
        mark, dropped = ";", nominal // 15
        minute = nominal * 60 - dropped
        tens, rest = divmod(number, minute * 10 + dropped)
        number += dropped * (9 * tens + max(0, rest - dropped) // minute)
    seconds, frames = divmod(number, nominal)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frames:02d}"


def clips(settings: Document, rate: Fraction, embedded: str | None, duration: Fraction, number: int) -> list[Span]:
    """The parts of an input that become part of the outputs, in the order of the settings; all of it without any.

    :param settings: the ``Input``
    :param rate: frames a second of the input
    :param embedded: time code of its first frame, where the file says one
    :param duration: seconds
    :param number: of the input, from 1
    :raises JobFailed: when a clip lies outside the input
    """
    wanted: Sequence[dict[str, Any]] = settings.get("InputClippings", ())
    if not wanted:
        return [Span(Fraction(0), None)]
    first = _first_frame(settings, rate, embedded, number)
    return [_clip(item, rate, first, duration, number) for item in wanted]


def _first_frame(settings: Document, rate: Fraction, embedded: str | None, number: int) -> int:
    source = settings.get("TimecodeSource", "EMBEDDED")
    if source == "SPECIFIEDSTART":
        start = settings.get("TimecodeStart")
        if not start:
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, f"Input [{number}] has timecodeSource SPECIFIEDSTART, but no timecodeStart."
            )
        return frame_number(start, rate)
    # Without an embedded time code the service starts at 0.
    return frame_number(embedded, rate) if source == "EMBEDDED" and embedded else 0


def _clip(item: Document, rate: Fraction, first: int, duration: Fraction, number: int) -> Span:
    start_code, end_code = item.get("StartTimecode"), item.get("EndTimecode")
    start = Fraction(0)
    if start_code:
        start = _seconds(start_code, rate, first)
        if not 0 <= start < duration:
            raise JobFailed(
                ErrorCode.CLIPPING,
                f"The clipping start timecode [{start_code}] was not found in input number [{number}]",
            )
    if not end_code:
        return Span(start, None)
    # The frame at the end belongs to the clip.
    end = _seconds(end_code, rate, first) + 1 / rate
    if end <= start:
        raise JobFailed(
            ErrorCode.CLIPPING,
            f"The clipping region [{start_code or '-'}] to [{end_code}] was not found in input number [{number}]",
        )
    return Span(start, min(end, duration))


def _seconds(timecode: str, rate: Fraction, first: int) -> Fraction:
    frames = frame_number(timecode, rate) - first
    if frames < 0 and frames + round(_DAY * rate) < round(_DAY * rate) // 2:  # over midnight
        frames += round(_DAY * rate)
    return frames / rate

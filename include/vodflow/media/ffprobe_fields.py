"""Single fields of ffprobe's JSON as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal, cast

Stream = Mapping[str, Any]

_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$")
#: ISO 639-2: undetermined, uncoded, no linguistic content, multiple.
_NO_LANGUAGE = {"und", "mis", "zxx", "mul"}
_CLOCK = re.compile(r"^(\d+):(\d{2}):(\d{2}(?:\.\d+)?)$")
_DEPTH = re.compile(r"(?:p0|p|gray|[a-z])(9|10|12|14|16)(?:le|be)$")


def rotation_of(stream: Stream) -> Literal[0, 90, 180, 270]:
    """Clockwise degrees; the display matrix of ISO/IEC 14496-12 is reported counter-clockwise."""
    turns = [item["rotation"] for item in stream.get("side_data_list", []) if "rotation" in item]
    quarter = round(-float(turns[0]) / 90) % 4 if turns else 0
    return cast("Literal[0, 90, 180, 270]", quarter * 90)


def bit_depth(stream: Stream) -> int:
    """Bits a sample: told, or read off the pixel format."""
    depth = integer_of(stream.get("bits_per_raw_sample"))
    if depth:
        return depth
    match = _DEPTH.search(str(stream.get("pix_fmt", "")))
    return int(match[1]) if match else 8


def bit_rate(stream: Stream) -> int | None:
    """Bits a second that a track claims."""
    # Matroska keeps the measured rate in a statistics tag.
    return integer_of(stream.get("bit_rate")) or integer_of(tags_of(stream).get("bps"))


def stream_duration(stream: Stream) -> float | None:
    """Seconds that a track claims to last."""
    seconds = seconds_of(stream.get("duration"))
    if seconds is None and (match := _CLOCK.match(tags_of(stream).get("duration", ""))):
        # Matroska's tag holds the time of the track's end.
        end = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
        seconds = end - max(0.0, number(stream.get("start_time")) or 0.0)
    return seconds if seconds and seconds > 0 else None


def of_kind(streams: Iterable[Stream], kind: str) -> list[Stream]:
    """The streams of one ``codec_type``."""
    return [item for item in streams if item.get("codec_type") == kind]


def codec_of(stream: Stream) -> str | None:
    """The codec by ffprobe's name; none for one that it does not know."""
    name = stream.get("codec_name")
    return None if name in {None, "none", "unknown"} else str(name)


def has_flag(stream: Stream, name: str) -> bool:
    """Whether a disposition is set."""
    return bool(stream.get("disposition", {}).get(name))


def tags_of(stream: Stream) -> dict[str, str]:
    """Tags by their names in small letters."""
    return {key.lower(): str(value) for key, value in stream.get("tags", {}).items()}


def language_of(tags: Mapping[str, str]) -> str | None:
    """A BCP 47 or ISO 639-2 code; none where the tag says that there is none."""
    language = tags.get("language", "").lower()
    return language if _LANGUAGE.match(language) and language not in _NO_LANGUAGE else None


def color_of(stream: Stream, field: str) -> str | None:
    """A colour property in ffprobe's word; none where it is not marked."""
    value = stream.get(field)
    return None if value in {None, "unknown", "reserved"} else str(value)


def dolby_vision_of(stream: Stream) -> str | None:
    """``profile.compatibility`` of the stream's DOVI configuration record, as in ``8.1``; none without one.

    The compatibility is what the pictures are to others: 1 HDR10, 2 SDR, 4 HLG, 6 the HDR10 of Blu-ray, 0 nothing.
    """
    for data in stream.get("side_data_list", ()):
        if data.get("side_data_type") == "DOVI configuration record":
            return f"{data.get('dv_profile')}.{data.get('dv_bl_signal_compatibility_id')}"
    return None


def ratio_of(value: object) -> Fraction | None:
    """A positive ``a/b`` or ``a:b``; none for ``0/0``, ``0:1``, ``N/A``."""
    try:
        ratio = Fraction(str(value).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None


def rational(value: Fraction) -> str:
    """``num/den``."""
    return f"{value.numerator}/{value.denominator}"


def number(value: object) -> float | None:
    """A number of ffprobe's; none for N/A."""
    try:
        return float(str(value))
    except ValueError:
        return None


def seconds_of(value: object) -> float | None:
    """A finite time above 0; none for all else."""
    seconds = number(value)
    return seconds if seconds is not None and 0 < seconds < float("inf") else None


def integer_of(value: object) -> int | None:
    """A whole number above 0; none for all else."""
    found = number(value)
    return int(found) if found is not None and found > 0 else None

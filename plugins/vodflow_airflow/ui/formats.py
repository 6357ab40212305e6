"""How values are written for people: sizes, durations, rates, moments. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def size(number: float | None) -> str:
    """Bytes, in decimal units."""
    if number is None:
        return "–"
    value = float(number)
    for unit in _UNITS:
        if abs(value) < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def duration(seconds: float | None) -> str:
    """Seconds as ``0.4 s``, ``12 s``, ``3:07`` or ``1:02:03``."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rate(bits: float | None) -> str:
    """Bits a second."""
    if bits is None:
        return "–"
    return f"{bits / 1e6:.2f} Mb/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kb/s"


def money(dollars: Any) -> str:
    """US dollars; small amounts with as many places as say something."""
    if dollars is None:
        return "–"
    value = float(dollars)
    if value >= 1 or value == 0:
        return f"${value:,.2f}"
    return f"${value:.{max(4, 1 - math.floor(math.log10(value)))}f}"


def number(value: float | None, places: int = 1) -> str:
    """A number with its places, thousands apart."""
    return "–" if value is None else f"{value:,.{places}f}"


def moment(when: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return "–" if when is None else when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(when: datetime) -> str:
    """A moment for machines: the attribute ``datetime`` of ``<time>``."""
    return when.astimezone(UTC).isoformat(timespec="seconds")


def file_name(key: str) -> str:
    """The last part of a key."""
    return key.rstrip("/").rsplit("/", 1)[-1] or key


def rational(text: str) -> str:
    """A rate as people say it: ``25``, ``29.97``."""
    number, _, divisor = str(text).partition("/")
    return f"{float(number) / float(divisor or 1):.2f}".rstrip("0").rstrip(".")


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "size": size, "duration": duration, "rate": rate, "money": money, "number": number, "moment": moment, "iso": iso,
    "file_name": file_name, "rational": rational,
}  # fmt: skip

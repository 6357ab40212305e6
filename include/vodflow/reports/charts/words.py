"""Numbers as people say them, in titles, on axes and in tables."""

from __future__ import annotations

import math
from datetime import date

from rich.filesize import decimal


def seconds(value: float) -> str:
    """``45 s``, ``4 min``, ``1 h 20 min``, ``2 d 3 h``: two units at most."""
    if value < 120:
        return f"{value:.1f} s" if value < 10 and round(value, 1) != round(value) else f"{value:.0f} s"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    two = ((days, "d"), (rest, "h")) if days else ((hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in two if number)


def size(value: float) -> str:
    """``1.2 TB``: powers of a thousand; with its sign."""
    return ("−" if value < 0 else "") + decimal(round(abs(value))).replace(".0 ", " ") if round(value) else "0"


def rate(value: float) -> str:
    """``2.9 Mb/s`` of bits a second."""
    return f"{value / 1e6:.1f} Mb/s".replace(".0 ", " ") if value >= 1e6 else f"{value / 1e3:.0f} kb/s"


def money(value: float) -> str:
    """US dollars: ``$1,240``, ``$12.30``, ``$0.0042``."""
    sign, amount = ("−" if value < 0 else ""), abs(value)
    if amount >= 1000:
        return f"{sign}${amount:,.0f}"
    if amount == 0 or amount >= 0.1:
        return f"{sign}${amount:.2f}"
    return f"{sign}${amount:.{1 - math.floor(math.log10(amount))}f}"


def share(part: float, whole: float) -> str:
    """``12 %``; a small share is not none, and almost all is not all."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 1:
        return "under 1 %"
    return f"{min(percent, 99) if part < whole else percent:.0f} %"


def count(number: float, one: str, many: str = "") -> str:
    """``1 video``, ``1,204 videos``."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def day(value: date) -> str:
    """``3 Nov 2026``."""
    return f"{value.day} {value:%b %Y}"


def days(first: date, last: date) -> str:
    """``on 3 Nov 2026``, ``from 1 Nov to 30 Nov 2026``."""
    if first == last:
        return f"on {day(first)}"
    begin = f"{first.day} {first:%b}" if first.year == last.year else day(first)
    return f"from {begin} to {day(last)}"


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shortened(text: str, longest: int = 24) -> str:
    """The text, or its beginning and its end, where it is long."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[: longest - 1 - half]}…{text[-half:]}"

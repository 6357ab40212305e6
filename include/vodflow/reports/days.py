"""Which days a report covers: whole UTC days, both ends included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from vodflow.errors import ConfigurationError

#: Days one run recomputes at most: ten years, so that a mistyped century is a sentence and not a night of work.
MAX_DAYS = 3660


def parse_range(
    date_from: Any, date_to: Any, today: date | None = None, *, names: tuple[str, str] = ("date_from", "date_to")
) -> list[date]:
    """The days of a run; without any given day yesterday and today, so that late ends of yesterday are counted.

    :param date_from: first UTC day as ``YYYY-MM-DD`` or a date; none means the same as ``date_to``
    :param date_to: last UTC day, included; none means the same as ``date_from``
    :param today: the present UTC day
    :param names: what the two are called where they were given
    :raises ConfigurationError: one sentence that says which value is wrong and what is accepted
    """
    present = today or datetime.now(UTC).date()
    if not date_from and not date_to:
        return [present - timedelta(days=1), present]
    first = _parse(names[0], date_from) if date_from else _parse(names[1], date_to)
    last = _parse(names[1], date_to) if date_to else first
    if first > last:
        raise ConfigurationError(f"{names[0]} {first} is after {names[1]} {last}: give the earlier day first.")
    if last > present:
        raise ConfigurationError(f"{names[1]} {last} is in the future: the last day that can be reported is {present}.")
    count = (last - first).days + 1
    if count > MAX_DAYS:
        raise ConfigurationError(f"{first} to {last} are {count} days; one run takes at most {MAX_DAYS}.")
    return [first + timedelta(days=number) for number in range(count)]


def _parse(name: str, value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        # Not any ISO form: "2026-W07" and "20260207" are more often mistakes.
        return datetime.strptime(str(value).strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ConfigurationError(
            f"{name} is {value!r}: give a UTC day as YYYY-MM-DD, for example 2026-02-28."
        ) from None

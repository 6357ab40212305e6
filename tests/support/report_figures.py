"""Small sums that the oracle of reports is made of."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np


def grouped(rows: list[dict[str, Any]], keys: list[str]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Rows by their key, in the order of the first of each."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [(dict(zip(keys, names, strict=True)), group) for names, group in groups.items()]


def costs(group: list[dict[str, Any]]) -> dict[str, float | None]:
    """What was foreseen, what it was, and how far apart, of the jobs that have it."""
    both = [row for row in group if None not in (row["estimated_cost"], row["actual_cost"])]
    difference = sum(row["actual_cost"] - row["estimated_cost"] for row in both) if both else None
    return {
        "difference": difference,
        **{
            name: sum(known) if (known := [row[name] for row in group if row[name] is not None]) else None
            for name in ("estimated_cost", "actual_cost")
        },
    }


def on(at: datetime | None, day: date) -> bool:
    """Whether a moment is within a UTC day."""
    return at is not None and at.astimezone(UTC).date() == day


def between(first: datetime, last: datetime) -> float:
    """Seconds."""
    return (last - first).total_seconds()


def money(value: Any) -> float | None:
    """To what a microdollar is."""
    return None if value is None else round(float(value), 6)


def total(rows: list[dict[str, Any]], name: str) -> float:
    """Sum of a column, nothing where it is missing."""
    return math.fsum(row.get(name) or 0 for row in rows)


def mean(rows: list[dict[str, Any]], name: str) -> float | None:
    """Mean of what is known."""
    known = [row[name] for row in rows if row[name] is not None]
    return math.fsum(known) / len(known) if known else None


def percentile(rows: list[dict[str, Any]], name: str, share: int) -> float | None:
    """With linear interpolation."""
    known = [row[name] for row in rows if row.get(name) is not None]
    return float(np.percentile(known, share)) if known else None

"""What a partition must look like before it is published: pandera schemas made of the tables, and totals that agree.

A table's own definition says the types, what may be missing, the key, and every check; nothing is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache, partial
from threading import Lock
from typing import Any, Final

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from sqlalchemy import CheckConstraint, Table

from vodflow.errors import ReportRefused
from vodflow.reports.frames import dtype

#: How a check of PostgreSQL reads in pandas.
_WORDS: Final = (
    (re.compile(r"(\w+) BETWEEN (\S+) AND (\S+)"), r"(\1 >= \2) & (\1 <= \3)"),
    (re.compile(r"(\w+) IN \((.*)\)"), r"\1 in [\2]"),
    (re.compile(r"(?<![<>=!]) = "), " == "),
    (re.compile(r"(\S+ [<>=]+ \S+) AND (?=\w)"), r"(\1) & "),
)

#: The same amount, added up in another order.
_CLOSE: Final = 1e-6

#: pandera's settings belong to the process, and days are computed in threads.
_ONE_AT_A_TIME: Final = Lock()

_ENDS: Final = {"jobs": "published", "failed": "failed", "rejected": "rejected", "canceled": "canceled"}


def check(table: Table, day: date, frame: pd.DataFrame) -> None:
    """Hold a partition against its table.

    :raises ReportRefused: names the table, the day, the first row that is wrong, and the rule it breaks
    """
    if frame.empty:
        return
    try:
        with _ONE_AT_A_TIME:
            schema(table).validate(frame, lazy=True)
    except SchemaErrors as error:
        case = error.failure_cases.iloc[0]
        key = {}
        if pd.notna(case["index"]):
            row = frame.iloc[int(case["index"])]
            key = {one.name: str(row[one.name]) for one in table.primary_key.columns if one.name != "day"}
        place = "" if case["schema_context"] != "Column" else f"{case['column']}: "
        raise ReportRefused(table.name, day, row=key, rule=f"{place}{case['check']}") from error
    if (frame["day"] != pd.Timestamp(day)).any():
        raise ReportRefused(table.name, day, row={}, rule="rows of another day")


@lru_cache(maxsize=64)
def schema(table: Table) -> pa.DataFrameSchema:
    """Types, what may be missing, the unique key and the checks of a report table."""
    checks = [_check(one, [c.name for c in table.columns]) for one in table.constraints
              if isinstance(one, CheckConstraint)]  # fmt: skip
    return pa.DataFrameSchema(
        {one.name: pa.Column(dtype(one), nullable=bool(one.nullable)) for one in table.columns},
        checks=sorted(checks, key=lambda one: str(one.name)),
        unique=[one.name for one in table.primary_key.columns],
        strict=True,
        ordered=True,
    )


def _check(constraint: CheckConstraint, columns: list[str]) -> pa.Check:
    rule = str(constraint.sqltext)
    expression = rule
    for pattern, replacement in _WORDS:
        expression = pattern.sub(replacement, expression)
    used = [name for name in columns if re.search(rf"\b{name}\b", re.sub(r"'[^']*'", "", rule))]
    return pa.Check(partial(_holds, expression, used), name=rule, error=rule)


def _holds(expression: str, used: list[str], frame: pd.DataFrame) -> pd.Series[bool]:
    """As in SQL: a check that something is missing for holds."""
    asked = frame[used]
    missing = asked.isna().any(axis=1)
    held: Any = asked.eval(expression)
    return pd.Series(missing | held.fillna(value=True).astype(bool))


def agree(day: date, frames: Mapping[str, pd.DataFrame]) -> None:
    """Hold the tables of a day against each other: what two of them say must be the same, tenant by tenant.

    :raises ReportRefused: names the table, the tenant and the totals that differ
    """
    ends, daily, usage = frames["job_outcome"], frames["transcoding_daily"], frames["tenant_usage"]
    published = ends[ends["status"] == "published"]
    for column, status in _ENDS.items():
        counted = ends[ends["status"] == status].groupby("tenant").size()
        _same("transcoding_daily", day, column, _by_tenant(daily, column), counted)
        _same("tenant_usage", day, column, _by_tenant(usage, column), counted)
    stopped = ends[ends["status"].isin(["failed", "rejected", "unreadable"])].groupby("tenant").size()
    _same("failures", day, "occurrences", _by_tenant(frames["failures"], "occurrences"), stopped)
    tracks = frames["rendition_quality"]
    _same("rendition_quality", day, "size_bytes", _by_tenant(tracks, "size_bytes"), _by_tenant(published, "bytes_out"))
    rungs = tracks[tracks["kind"] == "video"].groupby("tenant").size()
    _same("ladder_efficiency", day, "renditions", _by_tenant(frames["ladder_efficiency"], "renditions"), rungs)
    stored = _by_tenant(published, "bytes_out").add(_by_tenant(published, "artifact_bytes"), fill_value=0)
    _same("storage_growth", day, "published_bytes", _by_tenant(frames["storage_growth"], "published_bytes"), stored)
    costs = frames["cost_daily"]
    _same("tenant_usage", day, "cost", _by_tenant(usage, "cost"), _by_tenant(costs, "actual_cost"))
    transcode = costs[costs["kind"] == "transcode"]
    _same("cost_daily", day, "jobs", _by_tenant(transcode, "jobs"), published.groupby("tenant").size())


def _by_tenant(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    return frame.groupby("tenant")[column].sum()


def _same(name: str, day: date, column: str, found: pd.Series[Any], expected: pd.Series[Any]) -> None:
    both = pd.DataFrame({"found": found, "expected": expected}).astype("float64").fillna(0)
    apart = both[(both["found"] - both["expected"]).abs() > _CLOSE * both.abs().max(axis=1).clip(lower=100)]
    for tenant, row in apart.iterrows():
        rule = f"{column} is {row['found']:g}, and {row['expected']:g} by other tables"
        raise ReportRefused(name, day, row={"tenant": str(tenant)}, rule=rule)

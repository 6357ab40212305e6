"""Every figure of every report table against a slow, plain computation over raw rows, for random histories."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from support.report_histories import FIRST, LAST, histories, load
from support.report_oracle import Oracle
from vodflow.catalog.database import transaction
from vodflow.reports import frames
from vodflow.reports.refresh import recompute

pytestmark = pytest.mark.integration

DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]

KEYS = {
    "job_outcome": ["outcome"], "rendition_quality": ["rendition_id"], "content_quality": ["job_id"],
    "transcoding_daily": ["tenant", "profile", "engine", "strategy"], "storage_growth": ["tenant"],
    "failures": ["tenant", "profile", "engine", "kind", "error_class", "error_code"], "tenant_usage": ["tenant"],
    "pipeline_latency": ["tenant", "profile", "engine", "stage"], "cost_daily": ["tenant", "kind", "engine"],
    "ladder_efficiency": ["tenant", "profile", "engine", "codec", "rung"],
    "source_inventory": ["tenant", "audio_codec", "hdr"], "backlog_hourly": ["hour", "tenant", "engine"],
}  # fmt: skip


def plain(value: Any) -> Any:
    """A value as both sides write it."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return float(value) if isinstance(value, Decimal) else value


def same(found: Any, expected: Any) -> bool:
    """Equal; floats to nine digits, money to what a microdollar is."""
    if isinstance(found, float) or isinstance(expected, float):
        return None not in (found, expected) and math.isclose(found, expected, rel_tol=1e-9, abs_tol=2e-6)
    return bool(found == expected)


def differences(name: str, day: date, expected: list[dict[str, Any]]) -> list[str]:
    """What a table says otherwise than the oracle, one line each."""
    rows = frames.read(name, day, day).to_dict("records")
    key = lambda row: tuple(plain(row.get(one)) for one in KEYS[name])  # noqa: E731
    found = {key(row): {column: plain(value) for column, value in row.items()} for row in rows}
    wanted = {key(row): row for row in expected}
    apart = [f"{name} {day}: only here {one}" for one in found.keys() - wanted.keys()]
    apart += [f"{name} {day}: missing {one}" for one in wanted.keys() - found.keys()]
    for one in found.keys() & wanted.keys():
        for column, value in wanted[one].items():
            if column != "day" and not same(found[one][column], plain(value)):
                apart.append(f"{name} {day} {one} {column}: {found[one][column]!r}, by hand {plain(value)!r}")
    return apart


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_by_hand(catalog, seed):
    url = catalog.catalog_url.get_secret_value().replace("+psycopg2", "")
    load(url, histories(seed))
    recompute(DAYS, catalog)
    with transaction("test") as conn:
        oracle = Oracle(conn)
    apart = [line for day in DAYS for name, rows in oracle.tables(day).items() for line in differences(name, day, rows)]
    assert not apart, "\n".join(sorted(apart))

"""What the DAG ``report_transcoding`` does: which days, then each day of every table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Table, select

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.errors import ReportRefused
from vodflow.reports import watermark
from vodflow.reports.partitions import ORDER, recompute_day
from vodflow.settings import Settings

log = logging.getLogger(__name__)

#: Days up to which they are computed in their order, and days that are computed at a time beyond: each takes a
#: connection, and about as long in PostgreSQL as here.
_FEW: Final = 3
_THREADS: Final = 2


def recompute(days: Sequence[date], settings: Settings | None = None) -> int:
    """Recompute every table of these days, each day in a transaction of its own; returns the rows of
    ``transcoding_daily`` they have together.

    What is stored at the end of a day is added up from all days before: those that are missing are computed first.
    Of more than a few days that growth is computed first for all; then they depend on nothing of each other.

    :raises ReportRefused: a day's rows break a rule; that day keeps what it had (of many days, all but its growth,
        which has passed its own check by then), and all others are computed
    """
    wanted = sorted(set(days))
    many = len(wanted) > _FEW
    growth = {*missing_growth(wanted[-1], settings), *(wanted if many else ())} if wanted else set()
    with ThreadPoolExecutor(_THREADS) as pool:
        earlier = list(pool.map(lambda day: _one(day, settings, [marts.storage_growth]), sorted(growth)))
        done = list((pool.map if many else map)(lambda day: _one(day, settings), wanted))
    refused = {day: result for results in (zip(sorted(growth), earlier, strict=True), zip(wanted, done, strict=True))
               for day, result in results if isinstance(result, ReportRefused)}  # fmt: skip
    if refused:
        first, *others = refused.values()
        first.others = [str(error) for error in others]
        raise first
    return sum(rows for rows in done if isinstance(rows, int))


def _one(day: date, settings: Settings | None, tables: Sequence[Table] = ORDER) -> int | ReportRefused:
    try:
        rows = recompute_day(day, settings, tables)
    except ReportRefused as error:
        log.error("%s", error)  # noqa: TRY400  (its cause is in the rows, not in the stack)
        return error
    if tables is ORDER:
        log.info("Reports of %s: %d rows of transcoding_daily", day, rows)
    return rows


def late_days(settings: Settings | None = None) -> list[date]:
    """Days that anything touches which was recorded since the last refresh, yesterday and today."""
    return watermark.look(settings).days


def missing_growth(before: date, settings: Settings | None = None) -> list[date]:
    """Days before this one, from the first fact on, whose growth of what is stored was never computed."""
    with transaction("report", settings) as conn:
        first = watermark.first_day(conn)
        done = select(marts.partition.c.day).where(marts.partition.c.mart == marts.storage_growth.name)
        known = set(conn.scalars(done))
    count = (before - first).days if first else 0
    return [day for number in range(count) if first and (day := first + timedelta(days=number)) not in known]

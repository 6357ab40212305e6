"""What the DAG ``report_transcoding`` does: which days, then each day of every table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.errors import ReportRefused
from vodflow.reports import watermark
from vodflow.reports.export import export_day
from vodflow.reports.partitions import recompute_day
from vodflow.settings import Settings

log = logging.getLogger(__name__)


def recompute(days: Sequence[date], settings: Settings | None = None) -> int:
    """Recompute every table of these days, each day in a transaction of its own; returns the rows of
    ``transcoding_daily`` they have together.

    What is stored at the end of a day is added up from all days before: those that are missing are computed first.

    :raises ReportRefused: a day's rows break a rule; that day keeps what it had, and all others are computed
    """
    for day in missing_growth(max(days), settings) if days else ():
        if day not in days:
            recompute_day(day, settings, [marts.storage_growth])
    total, refused = 0, []
    for day in sorted(set(days)):
        try:
            rows = recompute_day(day, settings)
        except ReportRefused as error:
            log.error("%s", error)  # noqa: TRY400  (its cause is in the rows, not in the stack)
            refused.append(error)
            continue
        log.info("Reports of %s: %d rows of transcoding_daily", day, rows)
        total += rows
    if refused:
        first, *others = refused
        first.others = [str(error) for error in others]
        raise first
    return total


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


def export(days: Sequence[date], settings: Settings | None = None) -> list[str]:
    """Write these days' partitions to S3; returns the URIs."""
    uris = []
    for day in days:
        uris += export_day(day, settings)
        log.info("Reports of %s: exported", day)
    return uris

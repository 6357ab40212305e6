"""What the DAG ``report_transcoding`` does, day by day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date

from vodflow.reports.export import export_day
from vodflow.reports.transcoding import recompute_day
from vodflow.settings import Settings

log = logging.getLogger(__name__)


def recompute(days: Sequence[date], settings: Settings | None = None) -> int:
    """Recompute these days, each in a transaction of its own; returns the number of rows they have together."""
    total = 0
    for day in days:
        rows = recompute_day(day, settings)
        log.info("report_transcoding_daily %s: %d rows", day, rows)
        total += rows
    return total


def export(days: Sequence[date], settings: Settings | None = None) -> list[str]:
    """Write these days' partitions to S3; returns the URIs."""
    uris = []
    for day in days:
        uris += export_day(day, settings)
        log.info("report_transcoding_daily %s: exported", day)
    return uris

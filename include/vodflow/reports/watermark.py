"""Which days must be computed again: those that anything touches which was recorded since the last refresh.

Rows carry the transaction that wrote them (``recorded_xid``). A look notes the oldest transaction that still runs;
everything below it has been seen, whatever the clocks say and however late a transaction commits. The mark moves only
after all days are computed, so that a report that was down for days takes up where it stopped.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select, text, union_all
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import (
    dead_letter,
    job_event,
    job_measurement,
    marts,
    publication_event,
    rendition_measurement,
    source,
)
from vodflow.settings import Settings

_LATE: Final = text(Path(__file__).with_name("sql").joinpath("late_days.sql").read_text("utf-8"))

_MOMENT: Final = text("""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
           now()
""")

#: Names of the marks: how far has been read; and the newest transaction of another cluster, whose dump this is.
_READ, _FOREIGN = "read", "foreign"

#: What has no ``recorded_xid`` is found by its time, so much earlier than the last look that no clock hides it.
_MARGIN: Final = timedelta(days=1)

_RECORDED: Final = (job_event, source, publication_event, job_measurement, rendition_measurement)


class Look(BaseModel):
    """What a look found.

    :param days: to be computed, in their order
    :param xid: every transaction below it has been seen
    :param foreign: the newest transaction of a cluster whose dump was restored here; 0 without one
    :param at: when it was
    """

    model_config = ConfigDict(frozen=True)

    days: list[date]
    xid: int
    foreign: int
    at: datetime


def look(settings: Settings | None = None) -> Look:
    """The days touched since the last refresh, yesterday and today; every day that has facts, when there was none.

    :raises CatalogUnavailable: the database does not answer (retryable)
    """
    with transaction("report", settings) as conn:
        # Before anything is read: what commits after this is at or above xmin.
        xid, ceiling, now = conn.execute(_MOMENT).one()
        marks = {row.name: row for row in conn.execute(select(marts.watermark))}
        newest = _newest(conn)
        foreign = newest if newest >= ceiling else 0
        known = marks[_FOREIGN].xid if _FOREIGN in marks else 0
        today = now.astimezone(UTC).date()
        if _READ not in marks or marks[_READ].xid > ceiling or (foreign and foreign != known):
            days = _all_days(conn, today)
        else:
            values = {"xid": marks[_READ].xid, "ceiling": ceiling, "now": now, "since": marks[_READ].at - _MARGIN}
            days = set(conn.scalars(_LATE, values))
    wanted = sorted(day for day in {*days, today - timedelta(days=1), today} if day <= today)
    return Look(days=wanted, xid=xid, foreign=foreign, at=now)


def advance(seen: Look, settings: Settings | None = None) -> None:
    """Note that all days of a look are computed; a later look is not taken back."""
    with transaction("report", settings) as conn:
        for name, xid in ((_READ, seen.xid), (_FOREIGN, seen.foreign)):
            statement = insert(marts.watermark).values(name=name, xid=xid, at=seen.at)
            new = {"xid": statement.excluded.xid, "at": statement.excluded.at}
            conn.execute(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_=new, where=marts.watermark.c.at <= statement.excluded.at
                )
            )


def first_day(conn: Connection) -> date | None:
    """The UTC day of the earliest fact; none in an empty catalog."""
    moments = (source.c.registered_at, publication_event.c.at, dead_letter.c.first_seen_at)
    ended = select(func.min(job_event.c.at)).where(
        job_event.c.new_status.in_(["PUBLISHED", "REJECTED", "FAILED", "CANCELED"])
    )
    found = [moment for moment in conn.scalars(union_all(ended, *(select(func.min(one)) for one in moments))) if moment]
    return min(found).astimezone(UTC).date() if found else None


def _all_days(conn: Connection, today: date) -> set[date]:
    first = first_day(conn) or today
    return {first + timedelta(days=number) for number in range((today - first).days + 1)}


def _newest(conn: Connection) -> int:
    return max(conn.scalar(select(func.max(table.c.recorded_xid))) or 0 for table in _RECORDED)

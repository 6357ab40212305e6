"""How far each video's metadata item is behind the catalog.

A video's ``version`` grows under the lock of its row: with every change that is noted, and with every reading of the
state for an item. So a state that was read later has the higher version, whoever read it, on whichever machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Interval, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.storable import clean_message
from vodflow.catalog.tables import metadata_sync, source

_TABLE = metadata_sync


def mark(conn: Connection, video_id: int, *, delay: timedelta = timedelta()) -> None:
    """Note that a video's item is behind; it becomes due after ``delay``, or earlier if it was due earlier."""
    due = func.clock_timestamp() + bindparam("delay", delay, Interval)
    new = insert(_TABLE).values(video_id=video_id, version=1, due_at=due)
    pending = _TABLE.c.synced_version < _TABLE.c.version
    conn.execute(
        new.on_conflict_do_update(
            index_elements=["video_id"],
            set_={
                "version": _TABLE.c.version + 1,
                "due_at": case((pending, func.least(_TABLE.c.due_at, new.excluded.due_at)), else_=new.excluded.due_at),
            },
        )
    )


def mark_all(conn: Connection) -> int:
    """Note that every video's item is behind; returns how many."""
    videos = select(source.c.video_id, 1).distinct()
    new = insert(_TABLE).from_select(["video_id", "version"], videos)
    statement = new.on_conflict_do_update(
        index_elements=["video_id"],
        set_={"version": _TABLE.c.version + 1, "due_at": func.clock_timestamp(), "attempts": 0},
    )
    return conn.execute(statement).rowcount


def due_videos(conn: Connection, limit: int) -> list[int]:
    """Videos whose items are behind and due, the longest waiting first."""
    query = (
        select(_TABLE.c.video_id)
        .where(_TABLE.c.synced_version < _TABLE.c.version, _TABLE.c.due_at <= func.clock_timestamp())
        .order_by(_TABLE.c.due_at)
        .limit(limit)
    )
    return list(conn.scalars(query))


def next_due(conn: Connection) -> datetime | None:
    """When the next item is due; in the past when one waits; none when all are up to date."""
    moment: datetime | None = conn.scalar(
        select(func.min(_TABLE.c.due_at)).where(_TABLE.c.synced_version < _TABLE.c.version)
    )
    return moment


def in_trouble(conn: Connection) -> bool:
    """Whether the last update of some item failed and its next try is not due yet: the table is likely away."""
    query = select(_TABLE.c.video_id).where(
        _TABLE.c.synced_version < _TABLE.c.version,
        _TABLE.c.attempts > 0,
        _TABLE.c.due_at > func.clock_timestamp(),
    )
    return conn.scalar(query.limit(1)) is not None


def take_version(conn: Connection, video_id: int, *, lease: timedelta) -> tuple[int, int]:
    """A version for a state that is read now, and how many updates failed since the last success.

    From here on the row is locked: whoever changes the video either has committed or waits for a higher version.

    :param lease: how long nobody else need care for this video
    """
    due = func.clock_timestamp() + bindparam("lease", lease, Interval)
    statement = (
        insert(_TABLE)
        .values(video_id=video_id, version=1, due_at=due)
        .on_conflict_do_update(index_elements=["video_id"], set_={"version": _TABLE.c.version + 1, "due_at": due})
        .returning(_TABLE.c.version, _TABLE.c.attempts)
    )
    version, attempts = conn.execute(statement).one()
    return version, attempts


def synced(conn: Connection, video_id: int, version: int) -> None:
    """The item has this version or a newer one."""
    conn.execute(
        update(_TABLE)
        .where(_TABLE.c.video_id == video_id)
        .values(
            synced_version=func.greatest(_TABLE.c.synced_version, version),
            # A change that was noted meanwhile need not wait for the end of this reading's lease.
            due_at=func.clock_timestamp(),
            synced_at=func.clock_timestamp(),
            attempts=0,
            error=None,
        )
    )


def overtaken(conn: Connection, video_id: int, stored: int) -> bool:
    """The item has the version ``stored`` already. True when no catalog row knows of one so high.

    That is so when the catalog was restored from a backup or made anew: the video's versions then go on above the
    stored one, so that the item follows this catalog again.
    """
    statement = (
        update(_TABLE)
        .where(_TABLE.c.video_id == video_id, _TABLE.c.version < stored)
        .values(version=stored, due_at=func.clock_timestamp())
    )
    return bool(conn.execute(statement).rowcount)


def failed(conn: Connection, video_id: int, error: str, delay: timedelta) -> None:
    """The update did not arrive; the next one is due after ``delay``."""
    conn.execute(
        update(_TABLE)
        .where(_TABLE.c.video_id == video_id)
        .values(
            attempts=_TABLE.c.attempts + 1,
            error=clean_message(error),
            due_at=func.clock_timestamp() + bindparam("delay", delay, Interval),
        )
    )

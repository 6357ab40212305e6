"""Notifications in the catalog: enqueue, claim, settle. One row is one event for one channel."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Interval, bindparam, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.rows import Record, within
from vodflow.catalog.states import DeliveryStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import job_event, notification_delivery
from vodflow.settings.channels import EventKind

_TABLE = notification_delivery


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryRow(Record):
    """One event for one channel. ``attempts`` counts the one that is under way."""

    id: int
    event_key: str
    channel: str
    event: EventKind
    tenant: str
    source_id: int | None
    job_id: int | None
    payload: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    due_at: datetime
    attempted_at: datetime | None
    finished_at: datetime | None
    response_code: int | None
    error: str | None


def enqueue(
    conn: Connection,
    channels: Sequence[str],
    *,
    event_key: str,
    event: EventKind,
    document: dict[str, Any],
    job_event_id: int | None = None,
    delay: timedelta = timedelta(),
) -> None:
    """Note an event for these channels; one that a channel has already is left alone.

    :param document: what is sent, see :func:`vodflow.catalog.event_document.payload`
    :param delay: how long after the event it is sent at the earliest
    """
    common = {
        "event_key": event_key,
        "event": event.value,
        "tenant": document["tenant"] or "",
        "source_id": document["source"] and document["source"]["id"],
        "job_id": document["job"] and document["job"]["id"],
        "job_event_id": job_event_id,
        "payload": clean(document),
    }
    # A retry of the step after its commit, and a second step that reports the same, find the row there.
    statement = insert(_TABLE).values(due_at=func.now() + bindparam("delay", delay, Interval))
    statement = statement.on_conflict_do_nothing(index_elements=["event_key", "channel"])
    conn.execute(statement, [{**common, "channel": channel, "delay": delay} for channel in channels])


def claim(
    conn: Connection,
    *,
    limit: int,
    lease: timedelta,
    source_id: int | None = None,
    job_id: int | None = None,
    common: bool = False,
) -> list[DeliveryRow]:
    """Take due notifications for an attempt; nobody else gets them for the length of ``lease``.

    Failures that a retry has overtaken are settled as SUPERSEDED on the way.

    :param source_id: only of this source
    :param job_id: only of this job
    :param common: only what concerns no video alone
    """
    mine = _of(source_id, job_id) if not common else _TABLE.c.source_id.is_(None)
    due = (_TABLE.c.status == DeliveryStatus.PENDING) & (_TABLE.c.due_at <= func.clock_timestamp())
    conn.execute(
        update(_TABLE)
        .where(due, mine, _TABLE.c.event == EventKind.FAILED, _overtaken())
        .values(status=DeliveryStatus.SUPERSEDED, finished_at=func.clock_timestamp(), error="the job was tried again")
    )
    # A common table expression is computed once; a subquery could be computed again, and take more than the limit.
    chosen = (
        select(_TABLE.c.id)
        .where(due, mine)
        .order_by(_TABLE.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    rows = conn.execute(
        update(_TABLE)
        .where(_TABLE.c.id == chosen.c.id)
        .values(
            attempts=_TABLE.c.attempts + 1,
            attempted_at=func.clock_timestamp(),
            due_at=func.clock_timestamp() + bindparam("lease", lease, Interval),
        )
        .returning(_TABLE)
    )
    return sorted((DeliveryRow.of(row) for row in rows), key=lambda row: row.id)


def delivered(conn: Connection, delivery_id: int, code: int | None) -> None:
    """The channel has taken it.

    :param code: HTTP status of the answer
    """
    _settle(conn, delivery_id, DeliveryStatus.DELIVERED, response_code=code, error=None)


def failed(conn: Connection, delivery_id: int, error: str, code: int | None) -> None:
    """No further attempt will be made."""
    _settle(conn, delivery_id, DeliveryStatus.FAILED, response_code=code, error=clean_message(error))


def postpone(
    conn: Connection, delivery_id: int, delay: timedelta, error: str, code: int | None = None, *, attempted: bool = True
) -> None:
    """Try again after ``delay``.

    :param attempted: false when nothing was sent, so that the attempt does not count
    """
    values = {"due_at": func.clock_timestamp() + bindparam("delay", delay, Interval), "error": clean_message(error)}
    if attempted:
        values["response_code"] = code
    else:
        values["attempts"] = _TABLE.c.attempts - 1
    conn.execute(
        update(_TABLE).where(_TABLE.c.id == delivery_id, _TABLE.c.status == DeliveryStatus.PENDING).values(**values)
    )


def retry(
    conn: Connection, *, channel: str | None = None, delivery_id: int | None = None, delivered: bool = False
) -> int:
    """Queue given-up notifications again; returns how many.

    :param channel: of this channel only
    :param delivery_id: this one only
    :param delivered: also what the channel took: its receiver may have lost it
    """
    again = {DeliveryStatus.FAILED} | ({DeliveryStatus.DELIVERED} if delivered else set())
    chosen: ColumnElement[bool] = _TABLE.c.status.in_(again)
    if channel is not None:
        chosen &= _TABLE.c.channel == channel
    if delivery_id is not None:
        chosen &= _TABLE.c.id == delivery_id
    values = {"status": DeliveryStatus.PENDING, "finished_at": None, "attempts": 0, "due_at": func.clock_timestamp()}
    return conn.execute(update(_TABLE).where(chosen).values(**values)).rowcount


def withdraw(conn: Connection, event_key: str, reason: str) -> list[str]:
    """Settle as SUPERSEDED what nobody has begun to send of an event; names the channels that may have heard of it."""
    mine = _TABLE.c.event_key == event_key
    unsent = (_TABLE.c.status == DeliveryStatus.PENDING) & (_TABLE.c.attempts == 0)
    over = {"status": DeliveryStatus.SUPERSEDED, "finished_at": func.clock_timestamp(), "error": reason}
    conn.execute(update(_TABLE).where(mine, unsent).values(over))
    heard = select(_TABLE.c.channel).where(mine, _TABLE.c.status != DeliveryStatus.SUPERSEDED)
    return list(conn.scalars(heard))


def get(conn: Connection, delivery_id: int) -> DeliveryRow | None:
    """One notification; none when there is no such one."""
    row = conn.execute(select(_TABLE).where(_TABLE.c.id == delivery_id)).one_or_none()
    return None if row is None else DeliveryRow.of(row)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """Which notifications are wanted; none means all.

    :param channels: of channels only whose name begins so
    :param since: made at or after that moment
    :param until: and before this one
    """

    status: DeliveryStatus | None = None
    channel: str | None = None
    channels: str | None = None
    event: EventKind | None = None
    tenant: str | None = None
    job_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def recent(
    conn: Connection,
    wanted: DeliveryFilter = DeliveryFilter(),
    *,
    limit: int = 50,
    after: int | None = None,
    oldest_first: bool = False,
) -> list[DeliveryRow]:
    """The delivery log, newest first unless asked otherwise.

    :param after: only what follows the notification with this id
    """
    table = _TABLE.c
    query = select(_TABLE).order_by(table.id if oldest_first else table.id.desc()).limit(limit)
    names = ("status", "channel", "event", "tenant", "job_id")
    query = query.where(*(table[name] == value for name in names if (value := getattr(wanted, name)) is not None))
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.channels, table.channel.startswith(wanted.channels or "", autoescape=True)),
        (after, table.id > (after or 0) if oldest_first else table.id < (after or 0)),
    ]
    query = query.where(*(condition for asked, condition in conditions if asked is not None))
    query = query.where(*within(table.created_at, wanted.since, wanted.until))
    return [DeliveryRow.of(row) for row in conn.execute(query)]


def next_due(conn: Connection) -> datetime | None:
    """When the next notification is due; in the past when one waits; none when there is none."""
    moment: datetime | None = conn.scalar(
        select(func.min(_TABLE.c.due_at)).where(_TABLE.c.status == DeliveryStatus.PENDING)
    )
    return moment


def _of(source_id: int | None, job_id: int | None) -> ColumnElement[bool]:
    if job_id is not None:
        return _TABLE.c.job_id == job_id
    return true() if source_id is None else _TABLE.c.source_id == source_id


def _overtaken() -> ColumnElement[bool]:
    later = select(job_event.c.id).where(job_event.c.job_id == _TABLE.c.job_id, job_event.c.id > _TABLE.c.job_event_id)
    return later.exists()


def _settle(conn: Connection, delivery_id: int, status: DeliveryStatus, **values: Any) -> None:
    conn.execute(
        update(_TABLE)
        .where(_TABLE.c.id == delivery_id, _TABLE.c.status == DeliveryStatus.PENDING)
        .values(status=status, finished_at=func.clock_timestamp(), **values)
    )

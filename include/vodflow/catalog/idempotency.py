"""Answers to requests that may be repeated: who comes first carries one out, who repeats it gets the same answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.rows import Record
from vodflow.catalog.tables import idempotency_record

#: How long an answer is kept.
KEPT: Final = timedelta(hours=24)

#: How long a request may be carried out before another one may think that its process has died.
LOCKED: Final = timedelta(minutes=2)

#: Answers of before that go whenever somebody comes first.
_SWEPT: Final = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept(Record):
    """What is known of a key.

    :param status: of the answer; none while the request is carried out
    """

    id: int
    fingerprint: str
    locked_until: datetime | None
    status: int | None
    headers: Mapping[str, str] | None
    body: str | None


def begin(conn: Connection, caller: str, key: str, fingerprint: str) -> tuple[bool, Kept]:
    """Whether this request is to be carried out, and what is known of its key.

    :param key: as it is stored
    :param fingerprint: the same for the same request alone
    """
    table = idempotency_record
    _sweep(conn)
    row = {"caller": caller, "key": key, "fingerprint": fingerprint, "locked_until": func.now() + LOCKED}
    new = insert(table).values(row)
    over = table.c.created_at < func.now() - KEPT
    died = and_(table.c.status.is_(None), table.c.locked_until < func.now(), table.c.fingerprint == fingerprint)
    anew = {name: new.excluded[name] for name in ("fingerprint", "locked_until")}
    cleared = {"created_at": func.now(), "status": None, "headers": None, "body": None}
    statement = new.on_conflict_do_update(
        index_elements=["caller", "key"], set_=anew | cleared, where=or_(over, died)
    ).returning(table)
    first = conn.execute(statement).one_or_none()
    if first is not None:
        return True, Kept.of(first)
    # Whoever was first may have given the key up since; then this one is refused as if the other were at work still.
    there = conn.execute(select(table).where(table.c.caller == caller, table.c.key == key)).one_or_none()
    missing = Kept(id=0, fingerprint=fingerprint, locked_until=None, status=None, headers=None, body=None)
    return False, missing if there is None else Kept.of(there)


def finish(conn: Connection, mine: Kept, status: int, headers: Mapping[str, str], body: str) -> None:
    """Keep the answer; nothing where another process has taken the request over."""
    values = {"status": status, "headers": dict(headers), "body": body, "locked_until": None}
    conn.execute(update(idempotency_record).where(*_is(mine)).values(values))


def give_up(conn: Connection, mine: Kept) -> None:
    """Nothing was done: the key is free again."""
    conn.execute(delete(idempotency_record).where(*_is(mine)))


def _is(mine: Kept) -> tuple[Any, ...]:
    table = idempotency_record.c
    return table.id == mine.id, table.status.is_(None), table.locked_until == mine.locked_until


def _sweep(conn: Connection) -> None:
    old = select(idempotency_record.c.id).where(idempotency_record.c.created_at < func.now() - text("interval '25 h'"))
    old = old.order_by(idempotency_record.c.created_at).limit(_SWEPT).with_for_update(skip_locked=True)
    conn.execute(delete(idempotency_record).where(idempotency_record.c.id.in_(old)))

"""How long a shared cause held anybody up, whatever step and however many runs met it. People are told of them.

One begins with the first run that meets the cause, and ends when no run waits for it any longer.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog import outbox
from vodflow.catalog.rows import Record
from vodflow.catalog.tables import hold, outage
from vodflow.errors import SharedCause

_OPEN: Final = text("ended_at IS NULL")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutageRow(Record):
    """One outage.

    :param scope: the machine whose trouble it is; empty when it is everybody's
    :param step: where it was met first
    :param ended_at: none while it lasts
    """

    id: int
    cause: str
    scope: str
    step: str
    code: str
    message: str
    began_at: datetime
    ended_at: datetime | None


def begin(conn: Connection, cause: SharedCause, scope: str, *, step: str, code: str, message: str) -> None:
    """Somebody has met a cause: nothing new while its outage lasts."""
    values = {"cause": cause.value, "scope": scope, "step": step, "code": code, "message": message}
    statement = insert(outage).values(values)
    statement = statement.on_conflict_do_nothing(index_elements=["cause", "scope"], index_where=_OPEN)
    row = conn.execute(statement.returning(outage)).one_or_none()
    if row is not None:
        outbox.held(conn, OutageRow.of(row))


def end(conn: Connection, waits: ColumnElement[bool]) -> None:
    """End the outages for which nobody waits.

    :param waits: which rows of ``hold`` are somebody's
    """
    same = and_(hold.c.cause == outage.c.cause, hold.c.scope == outage.c.scope)
    over = update(outage).where(outage.c.ended_at.is_(None), ~select(hold.c.run_id).where(same, waits).exists())
    for row in conn.execute(over.values(ended_at=func.clock_timestamp()).returning(outage)).all():
        outbox.resumed(conn, OutageRow.of(row))

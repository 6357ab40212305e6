"""What engines told about their jobs: kept as it came, once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.storable import clean
from vodflow.catalog.tables import engine_event
from vodflow.contract.engine_names import EngineName


@dataclass(frozen=True)
class NewEngineEvent:
    """One event.

    :param event_id: the sender's; the same for a duplicate
    :param kind: the engine's word for what happened
    :param at: when, by the engine's clock
    :param detail: all that it said
    """

    engine: EngineName
    event_id: str
    job_id: int
    external_id: str
    kind: str
    at: datetime
    detail: dict[str, Any]


def add_event(conn: Connection, event: NewEngineEvent) -> bool:
    """Keep an event; false when it was there already."""
    statement = (
        insert(engine_event)
        .values(
            engine=event.engine,
            event_id=clean(event.event_id),
            job_id=event.job_id,
            external_id=clean(event.external_id),
            kind=clean(event.kind),
            at=event.at,
            detail=clean(event.detail),
        )
        .on_conflict_do_nothing(index_elements=["engine", "event_id"])
        .returning(engine_event.c.id)
    )
    return conn.execute(statement).one_or_none() is not None


def kinds_of(conn: Connection, engine: EngineName, external_ids: Sequence[str], kinds: Sequence[str]) -> dict[str, str]:
    """Which of these jobs had an event of one of these kinds: the last kind by the engine's id of the job."""
    query = (
        select(engine_event.c.external_id, engine_event.c.kind)
        .where(
            engine_event.c.engine == engine,
            engine_event.c.external_id.in_(external_ids),
            engine_event.c.kind.in_(kinds),
        )
        .order_by(engine_event.c.at, engine_event.c.id)
    )
    return {row.external_id: row.kind for row in conn.execute(query)}


def details_of(conn: Connection, engine: EngineName, external_id: str, kind: str) -> list[dict[str, Any]]:
    """What the events of one kind said about one job, in the engine's order of time."""
    query = (
        select(engine_event.c.detail)
        .where(engine_event.c.engine == engine, engine_event.c.external_id == external_id, engine_event.c.kind == kind)
        .order_by(engine_event.c.at, engine_event.c.id)
    )
    return [row.detail for row in conn.execute(query)]

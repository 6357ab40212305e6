"""Why work stopped, over any days: the mart ``failures`` added up by reason."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from vodflow.catalog.rows import Record
from vodflow.catalog.tables.marts import failures, partition


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reason(Record):
    """How often one thing stopped work, with the last time as its example.

    :param kind: failed, rejected or unreadable
    :param link: path of the example's page in Airflow's UI
    """

    kind: str
    error_code: str
    occurrences: int
    last_at: datetime
    example_uri: str | None
    example_message: str | None
    link: str | None


def reasons(conn: Connection, first: date, last: date, *, tenant: str | None = None, limit: int = 20) -> list[Reason]:
    """The reasons of these days, both included, the most frequent first."""
    table = failures.c
    newest: dict[str, ColumnElement[Any]] = {
        name: func.array_agg(aggregate_order_by(table[name], table.last_at.desc()), type_=ARRAY(table[name].type))[1]
        for name in ("example_uri", "example_message", "link")
    }
    query = (
        select(
            table.kind,
            table.error_code,
            func.sum(table.occurrences).label("occurrences"),
            func.max(table.last_at).label("last_at"),
            *(column.label(name) for name, column in newest.items()),
        )
        .where(table.day.between(first, last))
        .group_by(table.kind, table.error_code)
        .order_by(func.sum(table.occurrences).desc(), table.kind, table.error_code)
        .limit(limit)
    )
    if tenant is not None:
        query = query.where(table.tenant == tenant)
    return [Reason.of(row) for row in conn.execute(query)]


def computed_at(conn: Connection, first: date, last: date) -> datetime | None:
    """When anything of these days was last computed; none when nothing was."""
    found: datetime | None = conn.scalar(
        select(func.max(partition.c.computed_at)).where(partition.c.day.between(first, last))
    )
    return found

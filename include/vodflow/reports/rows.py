"""Rows of report tables piece by piece, for readers who take their time: no connection is held between two pieces."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Table, func, select, tuple_

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.reports.export import TABLES
from vodflow.settings import Settings

#: Rows of one piece.
PIECE: Final = 2000

#: What rows can be chosen by, where a table has the column.
CHOICES: Final = ("tenant", "profile", "engine")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows of a table; none means all."""

    first: date
    last: date
    tenant: str | None = None
    profile: str | None = None
    engine: str | None = None


def version(wanted: Wanted, settings: Settings | None = None) -> tuple[object, ...]:
    """What changes whenever rows of these days do, in whatever table: how much is computed, and when that was last."""
    table = marts.partition.c
    query = select(func.count(), func.max(table.computed_at), func.sum(table.rows))
    query = query.where(table.day.between(wanted.first, wanted.last))
    with transaction("report", settings) as connection:
        return tuple(connection.execute(query).one())


def pieces(name: str, wanted: Wanted, settings: Settings | None = None) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows in the order of the table's key, at most :data:`PIECE` at a time.

    :raises CatalogUnavailable: the database does not answer (retryable)
    """
    table = TABLES[name]
    last: tuple[Any, ...] | None = None
    while True:
        with transaction("report", settings) as connection:
            found = connection.execute(_query(table, wanted, last)).all()
        if found:
            yield found
        if len(found) < PIECE:
            return
        last = tuple(found[-1]._mapping[key] for key in table.primary_key.columns)  # noqa: SLF001 - public, despite the name


def _query(table: Table, wanted: Wanted, after: tuple[Any, ...] | None) -> Any:
    key = list(table.primary_key.columns)
    query = select(table).where(table.c.day.between(wanted.first, wanted.last)).order_by(*key).limit(PIECE)
    for name in CHOICES:
        if (value := getattr(wanted, name)) is not None and name in table.c:
            query = query.where(table.c[name] == value)
    return query if after is None else query.where(tuple_(*key) > tuple_(*after))

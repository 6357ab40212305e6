"""Report tables as pandas frames: the types are those of the tables, whether there are rows or not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import pandas as pd
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Integer,
    Numeric,
    Select,
    Table,
    column,
    select,
    table,
)

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import reporting
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings

_TYPES: Final[dict[type, str]] = {
    BigInteger: "Int64", Integer: "Int64", Double: "float64", Numeric: "float64", Boolean: "boolean",
    Date: "datetime64[us]", DateTime: "datetime64[us, UTC]",
}  # fmt: skip

#: Tables of the schema ``reporting`` by name, facts first.
TABLES: Final[dict[str, Table]] = {one.name: one for one in reporting.tables.values()}

#: Views that have no days: what they say is of now.
VIEWS: Final = ("work_now", "last_hour")


def dtype(one: Column[Any]) -> Any:
    """The pandas type of a column: integers that may be missing, floats (money, too), UTC times, else text."""
    return _TYPES.get(type(one.type), "str")


def read(
    name: str,
    first: date,
    last: date,
    *,
    tenant: str | None = None,
    profile: str | None = None,
    engine: str | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Rows of a table or view of ``reporting``, sorted by key; ``day`` is a midnight without a time zone.

    :param first: first UTC day; views have none and ignore both
    :param last: last UTC day, included
    :param tenant: only this one's rows, where the table has the column; likewise profile and engine
    :raises ConfigurationError: there is no such table
    :raises CatalogUnavailable: the database does not answer (retryable)
    """
    wanted = {"tenant": tenant, "profile": profile, "engine": engine}
    with transaction("report", settings) as conn:
        if name in VIEWS:
            return _view(conn, name, wanted)
        if name not in TABLES:
            raise ConfigurationError(f"There is no report table {name!r}. There are: {', '.join((*TABLES, *VIEWS))}.")
        found = TABLES[name]
        query = select(found).order_by(*found.primary_key.columns)
        if "day" in found.c:
            query = query.where(found.c.day.between(first, last))
        for key, value in wanted.items():
            if value is not None and key in found.c:
                query = query.where(found.c[key] == value)
        return fetch(conn, query, found.columns)


def fetch(conn: Connection, query: Select[Any], columns: Iterable[Column[Any]]) -> pd.DataFrame:
    """The rows of a query that selects these columns."""
    named = list(columns)
    values = list(zip(*conn.execute(query), strict=True)) or [()] * len(named)
    return pd.DataFrame({one.name: pd.Series(held, dtype=dtype(one)) for one, held in zip(named, values, strict=True)})


def _view(conn: Connection, name: str, wanted: dict[str, str | None]) -> pd.DataFrame:
    given = {key: value for key, value in wanted.items() if value is not None}
    view = table(name, *(column(key) for key in given), schema=reporting.schema)
    query = select("*").select_from(view).where(*(view.c[key] == value for key, value in given.items()))
    result = conn.execute(query)
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    return frame.sort_values([*frame.columns[:4]], ignore_index=True)

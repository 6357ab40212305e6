"""What a chart asks the reporting tables: aggregated by SQL, shaped by pandas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

import pandas as pd
from sqlalchemy import Connection, text

from vodflow.reports.charts import words

#: A DataFrame. The stubs of pandas let a cell be anything at all, which no comparison survives.
Frame: TypeAlias = Any

#: What every query takes: days included, one tenant or all.
WHERE: Final = "day BETWEEN :first AND :last AND (:tenant = '' OR tenant = :tenant)"

#: Days up to which a chart counts by the hour, and by the day.
_HOURS, _DAYS = 3, 125


@dataclass(frozen=True)
class Query:
    """Days, a tenant, and a connection to ask about them.

    :param first: UTC day
    :param last: UTC day, included
    :param tenant: none means all
    """

    connection: Connection
    first: date
    last: date
    tenant: str | None = None

    def __call__(self, sql: str) -> Frame:
        """The rows; ``{where}`` in the query becomes the days and the tenant. Decimals become floats."""
        values = {"first": self.first, "last": self.last, "tenant": self.tenant or "", "grain": self.grain}
        result = self.connection.execute(text(sql.replace("{where}", WHERE)), values)
        rows = [[float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in result]
        return pd.DataFrame(rows, columns=list(result.keys()))

    @property
    def grain(self) -> str:
        """What stands together in a series over time: hour, day or week."""
        count = (self.last - self.first).days + 1
        return "hour" if count <= _HOURS else "day" if count <= _DAYS else "week"

    @property
    def when(self) -> str:
        """The days and the tenant in words."""
        return words.days(self.first, self.last) + (f" for {self.tenant}" if self.tenant else "")


@dataclass(frozen=True)
class Chart:
    """A chart as a page shows it.

    :param name: one of :data:`vodflow.reports.charts.CHARTS`
    :param title: what it says, in a sentence
    :param alt: what it shows, for those who do not see it
    :param svg: an ``<svg>`` element to put into the page; empty where there is nothing to draw: ``title`` says why
    :param table: the numbers behind it, as people read them
    :param note: what is drawn and in which units
    """

    name: str
    title: str
    alt: str
    svg: str
    table: pd.DataFrame
    note: str


@dataclass(frozen=True)
class Drawn:
    """What a chart's own function gives; without a figure ``title`` says why."""

    title: str
    note: str = ""
    figure: Any = None
    table: pd.DataFrame | None = None


Draw = Callable[[Query], Drawn]


def table(frame: Frame, columns: dict[str, str], says: dict[str, Callable[[Any], str]]) -> Frame:
    """A frame's columns under names for people, their numbers in words; missing ones are dashes."""
    made = frame[list(columns)].astype(object)
    for name, speak in says.items():
        made[name] = [speak(value) if pd.notna(value) else "–" for value in made[name]]
    return made.where(made.notna(), "–").rename(columns=columns).reset_index(drop=True)

"""Charts for the report and the pages: SVG made here, from what SQL has aggregated.

``draw("throughput", first, last).svg`` goes into a page as it is. It takes the text colour and font of its place, and
the colours of the CSS variables that :data:`CSS` sets for dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import pandas as pd

from vodflow.catalog.database import transaction
from vodflow.errors import ConfigurationError
from vodflow.reports.charts import drawing, money, operations, quality, stages
from vodflow.reports.charts.query import Chart, Draw, Query
from vodflow.settings import Settings

__all__ = ["CHARTS", "CSS", "Chart", "draw", "draw_all"]

_DRAW: Final[dict[str, Draw]] = {
    "throughput": operations.throughput,
    "time_to_publish": stages.time_to_publish,
    "failures": operations.failures,
    "encode_speed": stages.encode_speed,
    "heat_map": operations.heat_map,
    "rate_quality": quality.rate_quality,
    "vmaf": quality.vmaf,
    "ladder": quality.ladder,
    "cost": money.cost,
    "storage": money.storage,
}

#: Names of all charts, in the order of the report.
CHARTS: Final = tuple(_DRAW)

#: Colours of a dark page; a light one needs none. For a page's style sheet.
CSS: Final = f"@media screen and (prefers-color-scheme: dark){{:root{{{drawing.DARK}}}}}"


def draw(name: str, first: date, last: date, *, tenant: str | None = None, settings: Settings | None = None) -> Chart:
    """One chart of the days from ``first`` to ``last``, both included.

    :param tenant: slug; none means all
    :raises ConfigurationError: no such chart, or the earlier day stands last
    :raises CatalogError: the catalog does not answer
    """
    return next(draw_all(first, last, tenant=tenant, settings=settings, names=(name,)))


def draw_all(
    first: date,
    last: date,
    *,
    tenant: str | None = None,
    settings: Settings | None = None,
    names: tuple[str, ...] = CHARTS,
) -> Iterator[Chart]:
    """These charts, one after the other, all of one state of the tables.

    :raises ConfigurationError: no such chart, or the earlier day stands last
    :raises CatalogError: the catalog does not answer
    """
    if unknown := [name for name in names if name not in _DRAW]:
        raise ConfigurationError(f"There is no chart {unknown[0]!r}; there are {', '.join(CHARTS)}.")
    if first > last:
        raise ConfigurationError(f"The first day {first} is after the last day {last}: give the earlier day first.")
    with transaction("report_charts", settings) as connection:
        query = Query(connection, first, last, tenant)
        for name in names:
            yield chart(name, query)


def chart(name: str, query: Query) -> Chart:
    """The chart of this name, asked over this connection."""
    with drawing.style():
        drawn = _DRAW[name](query)
        alt = f"{drawn.title} {drawn.note}".strip()
        svg = drawing.to_svg(drawn.figure, name, alt) if drawn.figure is not None else ""
    table = drawn.table if drawn.table is not None else pd.DataFrame()
    return Chart(name, drawn.title, alt, svg, table, drawn.note)

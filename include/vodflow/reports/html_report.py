"""The report as one HTML file that needs nothing else: it opens offline, light or dark, and prints on A4."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from vodflow.catalog.database import transaction
from vodflow.errors import ConfigurationError
from vodflow.reports.charts import CHARTS, chart, drawing, operations, words
from vodflow.reports.charts.query import Query, table
from vodflow.reports.export import check_tenant, put
from vodflow.reports.summary import beside_before, headlines, sentences
from vodflow.settings import Settings, get_settings

CONTENT_TYPE: Final = "text/html; charset=utf-8"

#: Heading → its charts.
SECTIONS: Final = {
    "Work": ("throughput", "heat_map", "time_to_publish", "encode_speed"),
    "Failures": ("failures",),
    "Quality": ("rate_quality", "vmaf", "ladder"),
    "Cost and storage": ("cost", "storage"),
}

#: Rows of a table, and examples of failures, that are in the file; the exports have all.
_ROWS, _EXAMPLES = 150, 10

_TENANTS: Final = """
SELECT tenant, sum(sources)::bigint AS sources, sum(jobs)::bigint AS jobs, sum(failed)::bigint AS failed,
       sum(rejected)::bigint AS rejected, sum(minutes_in) / 60 AS hours, sum(cpu_seconds) / 3600 AS cpu,
       sum(bytes_out)::bigint AS bytes_out, sum(cost) AS cost
  FROM reporting.tenant_usage WHERE {where} GROUP BY 1 ORDER BY sum(cost) DESC, sum(minutes_in) DESC, tenant
"""


def begin(last: date) -> date:
    """Where the report begins that ends on this day, unless somebody says otherwise: thirty days."""
    return last - timedelta(days=29)


def render(first: date, last: date, *, tenant: str | None = None, settings: Settings | None = None) -> str:
    """The report of the days from ``first`` to ``last``, both included; the same rows give the same text.

    :param tenant: slug; none means all
    :raises ConfigurationError: the earlier day stands last, or nobody knows the tenant
    :raises CatalogError: the catalog does not answer
    """
    used = settings or get_settings()
    if first > last:
        raise ConfigurationError(f"The first day {first} is after the last day {last}: give the earlier day first.")
    with transaction("report_html", used) as connection:
        check_tenant(connection, tenant)
        query = Query(connection, first, last, tenant)
        charts = {name: chart(name, query) for name in CHARTS}
        numbers = beside_before(query)
        failed = query(operations.FAILURES).head(_EXAMPLES)
        return _template().render(
            first=first,
            last=last,
            when=query.when,
            tenant=tenant,
            dark=drawing.DARK,
            sentences=sentences(query, charts, numbers),
            headlines=headlines(query, numbers),
            sections={title: [charts[name] for name in names] for title, names in SECTIONS.items()},
            examples=failed.to_dict("records"),
            tenants=_tenants(query),
            airflow=(used.airflow_url or "").rstrip("/"),
            rows=_ROWS,
        )


def store(first: date, last: date, *, tenant: str | None = None, settings: Settings | None = None) -> str:
    """Render the report into S3, below ``{report_prefix}/html/``; returns its URI. The same report is not sent again.

    :raises ConfigurationError: the earlier day stands last, or nobody knows the tenant
    :raises VodflowError: S3 refuses, or does not answer
    """
    used = settings or get_settings()
    data = render(first, last, tenant=tenant, settings=used).encode()
    name = f"{first}_{last}.html"
    return put("/".join(part for part in (used.report_prefix, "html", tenant, name) if part), data, CONTENT_TYPE, used)


def _tenants(query: Query) -> Any:
    return table(
        query(_TENANTS),
        {"tenant": "Tenant", "sources": "Sources", "jobs": "Published", "failed": "Failed", "rejected": "Rejected",
         "hours": "Hours of media", "cpu": "CPU hours", "bytes_out": "Bytes made", "cost": "Cost"},
        {**dict.fromkeys(["sources", "jobs", "failed", "rejected"], "{:,.0f}".format), "bytes_out": words.size,
         "hours": "{:,.1f}".format, "cpu": "{:,.1f}".format, "cost": words.money},
    )  # fmt: skip


@lru_cache(maxsize=1)
def _template() -> Template:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["number"] = _is_number
    return made.get_template("report.html.j2")


def _is_number(column: Sequence[str]) -> bool:
    """Whether a column reads as numbers, which stand on the right."""
    return all(cell[:1].isdigit() or cell[:1] in "$−–u" for cell in map(str, column))

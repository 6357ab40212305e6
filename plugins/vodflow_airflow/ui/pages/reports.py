"""Charts of chosen days, with the numbers behind each, and tables to take away."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from vodflow.catalog.database import transaction
from vodflow.reports.reasons import computed_at

from vodflow_airflow.ui.access import Viewer
from vodflow_airflow.ui.asked import Asked, tenants
from vodflow_airflow.ui.drawn import drawings
from vodflow_airflow.ui.rendering import is_partial, page

router = APIRouter()

#: Charts in their order, with what each is called before it is drawn: what it then says stands in its title.
CHARTS: Final = {
    "throughput": "Throughput and backlog",
    "time_to_publish": "Time to publish",
    "failures": "Failures by reason",
    "encode_speed": "Encode speed",
    "heat_map": "Load by hour and weekday",
    "rate_quality": "Bits against quality",
    "vmaf": "Picture quality",
    "ladder": "Rungs of the ladder",
    "cost": "Cost",
    "storage": "Storage",
}

#: Tables that are added up by day, and so stay small; the facts behind them are for SQL.
TABLES: Final = (
    "transcoding_daily", "failures", "cost_daily", "tenant_usage", "pipeline_latency", "ladder_efficiency",
    "source_inventory", "storage_growth", "backlog_hourly",
)  # fmt: skip

#: Days until today that are a click away.
RANGES: Final = (("7 days", 7), ("30 days", 30), ("90 days", 90), ("a year", 365))

_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "html": "text/html; charset=utf-8",
}

Given = Annotated[Asked, Query()]


@dataclasses.dataclass(frozen=True)
class Days:
    """What a page is about.

    :param computed_at: when any of these days was computed last; none when none was
    """

    first: date
    last: date
    tenants: list[str]
    tenant: str
    computed_at: datetime | None

    def file(self, data: bytes, name: str, kind: str) -> Response:
        """An answer that browsers keep as a file."""
        parts = ("vodflow", name.replace("_", "-"), self.tenant, self.first, self.last)
        called = f"{'_'.join(str(part) for part in parts if part)}.{kind}"
        return Response(
            data, media_type=_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{called}"'}
        )


@router.get("/reports")
def reports(request: Request, visitor: Viewer, asked: Given) -> Response:  # noqa: ARG001 - viewers only
    """Every chart; each comes by itself, so that the page is there at once."""
    return page(request, "reports.html", charts=CHARTS, tables=TABLES, **_shown(asked, _days(asked)))


@router.get("/reports/charts.css")
def colours(visitor: Viewer) -> Response:  # noqa: ARG001
    """What charts look like on a dark page."""
    from vodflow.reports.charts.drawing import DARK  # noqa: PLC0415 - slow

    wanted = f'@media (prefers-color-scheme: dark){{:root:not([data-theme="light"]){{{DARK}}}}}'
    return Response(f'{wanted}\n:root[data-theme="dark"]{{{DARK}}}\n', media_type="text/css; charset=utf-8")


@router.get("/reports/report.html")
async def report(visitor: Viewer, asked: Given) -> Response:  # noqa: ARG001
    """All of it as one file, to keep or to send."""
    days = await run_in_threadpool(_days, asked)

    def draw() -> bytes:
        from vodflow.reports.html_report import render  # noqa: PLC0415 - slow

        return render(days.first, days.last, tenant=days.tenant or None).encode()

    key = ("report", days.first, days.last, days.tenant, days.computed_at)
    return days.file(await drawings.get(key, draw), "report", "html")


@router.get("/reports/{name}")
async def chart(request: Request, visitor: Viewer, name: str, asked: Given) -> Response:  # noqa: ARG001
    """One chart with its numbers: a page of its own, or a piece of the page of all."""
    days = await run_in_threadpool(_days, asked)
    drawn = await _drawn(name, days)
    template = "chart.html" if is_partial(request) else "chart_page.html"
    return page(request, template, name=name, title=CHARTS[name], chart=drawn, **_shown(asked, days))


@router.get("/reports/{name}/numbers.{kind}")
async def numbers(visitor: Viewer, name: str, kind: str, asked: Given) -> Response:  # noqa: ARG001
    """The numbers behind a chart as people read them, as a file."""
    _check(kind)
    days = await run_in_threadpool(_days, asked)
    drawn = await _drawn(name, days)
    return days.file(await run_in_threadpool(_as_file, drawn.table, kind), name, kind)


@router.get("/reports/tables/{name}.{kind}")
async def table(visitor: Viewer, name: str, kind: str, asked: Given) -> Response:  # noqa: ARG001
    """A report table as it is, as a file."""
    _check(kind)
    if name not in TABLES:
        raise HTTPException(404, f"There is no table {name} here; there are {', '.join(TABLES)}.")
    days = await run_in_threadpool(_days, asked)

    def read() -> bytes:
        from vodflow.reports.frames import read  # noqa: PLC0415 - slow

        return _as_file(read(name, days.first, days.last, tenant=days.tenant or None), kind)

    key = ("table", name, kind, days.first, days.last, days.tenant, days.computed_at)
    return days.file(await drawings.get(key, read), name, kind)


def _days(asked: Asked) -> Days:
    first, last = asked.days()
    with transaction("vodflow.pages") as conn:
        return Days(first, last, tenants(conn, asked.tenant), asked.tenant, computed_at(conn, first, last))


def _shown(asked: Asked, days: Days) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    ranges = [(words, str(today - timedelta(days=count - 1))) for words, count in RANGES]
    return {"asked": asked, "days": days, "ranges": ranges}


async def _drawn(name: str, days: Days) -> Any:
    if name not in CHARTS:
        raise HTTPException(404, f"There is no chart {name}; there are {', '.join(CHARTS)}.")

    def draw() -> Any:
        from vodflow.reports.charts import draw  # noqa: PLC0415 - slow

        return draw(name, days.first, days.last, tenant=days.tenant or None)

    return await drawings.get(("chart", name, days.first, days.last, days.tenant, days.computed_at), draw)


def _check(kind: str) -> None:
    if kind not in {"csv", "parquet"}:
        raise HTTPException(404, f"There is no file of the kind {kind} here; there are csv and parquet.")


def _as_file(frame: Any, kind: str) -> bytes:
    data: bytes = frame.to_csv(index=False).encode() if kind == "csv" else frame.to_parquet(index=False)
    return data

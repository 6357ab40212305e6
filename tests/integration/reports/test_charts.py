"""The charts, over rows as a month of real work leaves them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pandas as pd
import pytest
from lxml import etree
from sqlalchemy import update
from support.fixtures.report_rows import TENANTS, fill
from vodflow.catalog.database import transaction
from vodflow.catalog.tables.facts import job_outcome
from vodflow.errors import ConfigurationError
from vodflow.reports.charts import CHARTS, draw, draw_all
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 14)
COLOURS = re.compile(r'(?:fill|stroke)="(#[0-9a-f]{6}|black)"')


@pytest.fixture
def month(catalog: Settings) -> Settings:
    with transaction("test") as connection:
        fill(connection, FIRST, 14, jobs=8)
    return catalog


def test_every_chart(month: Settings) -> None:
    """Valid XML, text as text, colours of the page, nothing that a strict policy refuses, unique ids, a table."""
    ids: list[str] = []
    for chart in draw_all(FIRST, LAST):
        root = etree.fromstring(chart.svg)
        assert root.get("role") == "img"
        assert root.get("aria-label") == chart.alt
        assert chart.title in chart.alt
        assert chart.title.endswith(".")
        assert "<text" in chart.svg
        assert not re.search(r"style=|<style|href=\"(?!#)|font-family|<image", chart.svg)
        assert not COLOURS.search(chart.svg)
        assert len(chart.svg) < 60_000
        assert not chart.table.empty
        assert not {"nan", "NaT", "None"} & set(chart.table.astype(str).to_numpy().ravel())
        ids += root.xpath("//@id")
    assert len(ids) == len(set(ids)) > 0


def test_same_bytes(month: Settings) -> None:
    assert [chart.svg for chart in draw_all(FIRST, LAST)] == [draw(name, FIRST, LAST).svg for name in CHARTS]


def test_threads(month: Settings) -> None:
    alone = {name: draw(name, FIRST, LAST).svg for name in CHARTS}
    with ThreadPoolExecutor(4) as pool:
        together = dict(zip(CHARTS, pool.map(lambda name: draw(name, FIRST, LAST).svg, CHARTS), strict=True))
    assert together == alone


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_to_draw_is_a_sentence(month: Settings, name: str) -> None:
    chart = draw(name, date(2020, 1, 1), date(2020, 12, 31))
    # What was stored before is stored still; before the first day nothing was.
    assert chart.svg == ""
    assert chart.table.empty
    assert "from 1 Jan to 31 Dec 2020" in chart.title
    stranger = draw(name, FIRST, LAST, tenant="nobody")
    assert stranger.svg == ""
    assert "for nobody" in stranger.title


@pytest.mark.parametrize("name", CHARTS)
def test_a_single_video(catalog: Settings, name: str) -> None:
    with transaction("test") as connection:
        fill(connection, FIRST, 1, jobs=1)
        connection.exec_driver_sql("DELETE FROM reporting.rendition_quality WHERE rung <> '720p'")
    chart = draw(name, FIRST, FIRST, tenant="acme")
    assert chart.title
    assert "nan" not in chart.title
    assert not chart.svg or etree.fromstring(chart.svg) is not None


@pytest.mark.parametrize("days", [1, 400], ids=["hours", "weeks"])
def test_grains(month: Settings, days: int) -> None:
    shown = draw("throughput", LAST - timedelta(days=days - 1), LAST)
    assert shown.table.columns[0] == {1: "Hour", 400: "Week"}[days]


def test_titles_say_what_the_tables_say(month: Settings) -> None:
    with transaction("test") as connection:
        jobs, stored = connection.exec_driver_sql(
            "SELECT (SELECT sum(jobs) FROM reporting.transcoding_daily),"
            " (SELECT sum(net_bytes) FROM reporting.storage_growth)"
        ).one()
    assert draw("throughput", FIRST, LAST).title.startswith(
        f"{jobs} jobs were published, {jobs / 14:.0f} a day; at most "
    )
    assert draw("storage", FIRST, LAST).title.startswith(f"{float(stored) / 1e9:.1f} GB are stored at the end")
    cost = draw("cost", FIRST, LAST)
    assert re.match(r"It cost \$\d+\.\d\d, \d\d % of it for acme; transcoding cost \$\S+ \(8 %\) more than", cost.title)
    assert set(cost.table["Tenant"]) == set(TENANTS)
    assert re.search(
        r"\d+ % of the time that stages took was spent encoding", draw("time_to_publish", FIRST, LAST).title
    )


def test_percentiles_are_of_the_jobs(month: Settings) -> None:
    """pandas' own percentiles of the same rows: never those of days put together."""
    with transaction("test") as connection:
        rows = connection.exec_driver_sql("SELECT queue_seconds FROM reporting.job_outcome WHERE tenant = 'acme'").all()
    values = pd.Series([row[0] for row in rows])
    table = draw("time_to_publish", FIRST, LAST, tenant="acme").table.set_index("Stage")
    assert table.loc["queue", "Jobs"] == f"{len(values):,}"
    assert table.loc["queue", "p50"] == f"{values.quantile(0.5):.0f} s"


def test_bad_input(catalog: Settings) -> None:
    with pytest.raises(ConfigurationError, match="There is no chart 'pie'; there are throughput, "):
        draw("pie", FIRST, LAST)
    with pytest.raises(ConfigurationError, match="give the earlier day first"):
        draw("cost", LAST, FIRST)


def test_names_are_drawn_as_they_are(month: Settings) -> None:
    """A dollar begins no formula, an angle bracket no element."""
    odd = r"$\frac{<b>&$"
    with transaction("test") as connection:
        for table in [found for found in job_outcome.metadata.tables.values() if found.schema == "reporting"]:
            for column in [table.c[name] for name in ("tenant", "profile", "error_code") if name in table.c]:
                connection.execute(update(table).values({column: odd + column}).where(column != ""))
    said = "".join("".join(etree.fromstring(chart.svg).itertext()) for chart in draw_all(FIRST, LAST))
    assert odd in said


def test_an_axis_of_nothing_says_0_once(month: Settings) -> None:
    with transaction("test") as connection:
        connection.exec_driver_sql("UPDATE reporting.backlog_hourly SET waiting = 0")
    root = etree.fromstring(draw("throughput", FIRST, LAST).svg)
    assert [text for text in root.xpath("//*[local-name()='text']/text()") if text.strip() == "0"] == ["0", "0"]

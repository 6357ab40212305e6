"""The page of reports: charts of chosen days, their numbers as files."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient
from support.fixtures.values import probed_source
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import reporting
from vodflow.catalog.tables.facts import job_outcome
from vodflow.catalog.tables.marts import partition
from vodflow.reports.charts import CHARTS
from vodflow.settings import Settings
from vodflow_airflow.ui import drawn
from vodflow_airflow.ui.pages.reports import CHARTS as NAMES
from vodflow_airflow.ui.pages.reports import TABLES

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

Visit = Callable[..., TestClient]
PAGE = "/vodflow/reports"


@pytest.fixture
def one_day(catalog: Settings, today: date) -> date:
    """A day on which one video of the tenant acme was published, computed."""
    day = today - timedelta(days=1)
    noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    with transaction("test") as conn:
        probed_source(conn)
        outcome = {
            "day": day, "outcome": "event-1", "at": noon, "status": "published", "tenant": "acme", "profile": "sd",
            "engine": "local", "attempts": 1, "stalls": 0, "media_seconds": 60.0, "speed": 2.0, "total_seconds": 40.0,
            "encode_seconds": 30.0,
        }  # fmt: skip
        conn.execute(insert(job_outcome).values(outcome))
        conn.execute(insert(partition).values(mart="job_outcome", day=day, rows=1, computed_at=noon))
    return day


def test_every_chart_has_its_place_and_a_name(visit: Visit, one_day: date) -> None:
    assert tuple(NAMES) == CHARTS
    text = visit("viewer").get(PAGE).text
    for name in CHARTS:
        assert f'hx-get="/vodflow/reports/{name}"' in text
        assert f'<a href="/vodflow/reports/{name}">' in text


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_a_page_of_its_own_and_a_piece_of_the_page_of_all(visit: Visit, one_day: date, name: str) -> None:
    client, days = visit("viewer"), {"first": str(one_day), "last": str(one_day), "tenant": "acme"}
    alone = client.get(f"{PAGE}/{name}", params=days)
    piece = client.get(f"{PAGE}/{name}", params=days, headers={"HX-Request": "true"})
    assert (alone.status_code, piece.status_code) == (200, 200)
    assert "<html" in alone.text
    assert "<html" not in piece.text
    for text in (alone.text, piece.text):
        assert "style=" not in text, "the content security policy refuses it"
        assert "<style" not in text


def test_numbers_are_files(visit: Visit, one_day: date) -> None:
    client, days = visit("viewer"), {"first": str(one_day), "last": str(one_day)}
    csv = client.get(f"{PAGE}/throughput/numbers.csv", params=days)
    parquet = client.get(f"{PAGE}/throughput/numbers.parquet", params=days)
    assert csv.headers["content-disposition"] == f'attachment; filename="vodflow_throughput_{one_day}_{one_day}.csv"'
    read = pd.read_csv(io.BytesIO(csv.content), dtype=str)
    assert len(read) >= 1
    assert list(pd.read_parquet(io.BytesIO(parquet.content)).columns) == list(read.columns)
    assert client.get(f"{PAGE}/throughput/numbers.xlsx").status_code == 404


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_files_with_their_types(visit: Visit, one_day: date, name: str) -> None:
    client, days = visit("viewer"), {"first": str(one_day), "last": str(one_day), "tenant": "acme"}
    csv = client.get(f"{PAGE}/tables/{name}.csv", params=days)
    parquet = client.get(f"{PAGE}/tables/{name}.parquet", params=days)
    wanted = [column.name for column in reporting.tables[f"reporting.{name}"].columns]
    assert csv.text.partition("\n")[0].split(",") == wanted
    assert list(pd.read_parquet(io.BytesIO(parquet.content)).columns) == wanted


def test_the_whole_report_is_one_file(visit: Visit, one_day: date) -> None:
    answer = visit("viewer").get(f"{PAGE}/report.html", params={"first": str(one_day), "last": str(one_day)})
    assert answer.headers["content-disposition"].startswith('attachment; filename="vodflow_report_')
    assert answer.text.startswith("<!DOCTYPE html>")


def test_the_same_chart_is_drawn_once_until_its_days_are_computed_again(
    visit: Visit, one_day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn.drawings, "_kept", type(drawn.drawings._kept)())
    client = visit("viewer")
    for _ in range(3):
        client.get(f"{PAGE}/throughput")
    assert len(drawn.drawings._kept) == 1
    with transaction("test") as conn:
        conn.execute(insert(partition).values(mart="failures", day=one_day, rows=0, computed_at=datetime.now(UTC)))
    client.get(f"{PAGE}/throughput")
    assert len(drawn.drawings._kept) == 2


def test_when_too_many_wait_the_next_one_is_told_so(
    visit: Visit, one_day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "WAITING", 0)
    answer = visit("viewer").get(f"{PAGE}/throughput", params={"first": str(one_day - timedelta(days=3))})
    assert answer.status_code == 503
    assert "try again in a moment" in answer.text


def test_a_year_without_data_says_what_to_do(visit: Visit, catalog: Settings) -> None:
    text = visit("viewer").get(PAGE, params={"first": "2019-01-01", "last": "2019-12-31"}).text
    assert "Nothing is computed of 2019-01-01 to 2019-12-31 (UTC)" in text
    assert "report_transcoding" in text


def test_an_empty_day_is_a_sentence_and_no_error(visit: Visit, one_day: date, today: date) -> None:
    client = visit("viewer")
    for name in CHARTS:
        answer = client.get(f"{PAGE}/{name}", params={"first": str(today), "last": str(today)})
        assert answer.status_code == 200, name
        assert "<h2" in answer.text


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("", {"first": "2026-02-03", "last": "2026-02-01"}, 400, "give the earlier day first"),
        ("", {"first": "1000-01-01"}, 400, "at most"),
        ("/cost", {"first": "2026-02-03", "last": "2026-02-01"}, 400, "give the earlier day first"),
        ("/cost", {"tenant": "nobody"}, 400, "There is no tenant"),
        ("/cost/numbers.csv", {"tenant": "no\x00body"}, 400, "tenant cannot be"),
        ("/odd", {}, 404, "There is no chart odd; there are throughput"),
        ("/odd/numbers.csv", {}, 404, "There is no chart odd"),
        ("/tables/job_outcome.csv", {}, 404, "There is no table job_outcome here"),
        ("/tables/failures.xlsx", {}, 404, "there are csv and parquet"),
    ],
)
def test_wrong_questions_get_a_sentence(
    visit: Visit, catalog: Settings, path: str, query: dict[str, str], status: int, said: str
) -> None:
    answer = visit("viewer").get(f"{PAGE}{path}", params=query)
    assert answer.status_code == status
    assert said in answer.text

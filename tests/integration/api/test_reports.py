"""Reports over HTTP: JSON and CSV, bounds, ETags, and what a tenant's caller may read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert
from support.fixtures.doors import Doors
from vodflow.api.routes import reports
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.errors import CatalogUnavailable
from vodflow.reports import rows

pytestmark = pytest.mark.integration

PATH = "/api/v1/reports/cost_daily"


def cost(tenant: str, day: date, amount: str) -> dict[str, object]:
    values = {column.name: None for column in marts.cost_daily.columns}
    keys = {column.name: "x" for column in marts.cost_daily.primary_key.columns}
    return values | keys | {
        "day": day, "tenant": tenant, "quantity": "1.5", "unit": "gb", "jobs": 1,
        "actual_cost": amount, "estimated_cost": None, "difference": None, "kind": "egress",
        "profile": "standard", "engine": "none",
    }  # fmt: skip


@pytest.fixture
def costs(doors: Doors, today: date) -> None:
    names = set(marts.cost_daily.columns.keys())
    made = [cost("acme", today - timedelta(days=ago), f"{ago}.25") for ago in range(5)]
    made += [cost("globex", today - timedelta(days=ago), "7") for ago in range(2)]
    with transaction("test") as connection:
        connection.execute(
            insert(marts.cost_daily), [{name: value for name, value in row.items() if name in names} for row in made]
        )


def test_tables_are_described(doors: Doors) -> None:
    found = {table["name"]: table for table in doors.client.get("/api/v1/reports").json()["items"]}
    assert {"transcoding_daily", "cost_daily", "pipeline_latency", "job_outcome"} <= found.keys()
    assert "partition" not in found
    day = found["cost_daily"]["columns"][0]
    assert (day["name"], day["key"], day["type"]) == ("day", True, "date")
    own = {table["name"] for table in doors.of("acme").get("/api/v1/reports").json()["items"]}
    assert own == {name for name, table in found.items() if "tenant" in {one["name"] for one in table["columns"]}}


def test_rows_as_json_and_csv(doors: Doors, costs: None, today: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PIECE", 2)  # so that pages are many
    found = doors.client.get(PATH).json()
    assert [(row["day"], row["tenant"]) for row in found] == sorted((row["day"], row["tenant"]) for row in found)
    assert len(found) == 7
    assert found[0]["day"] == str(today - timedelta(days=4))
    assert found[0]["actual_cost"] == 4.25
    assert found[0]["estimated_cost"] is None
    for asked in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}):
        answer = doors.client.get(PATH, **asked)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert f"cost_daily_{today - timedelta(days=29)}_{today}.csv" in answer.headers["content-disposition"]
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["day"], row["tenant"], float(row["actual_cost"])) for row in table] == [
            (row["day"], row["tenant"], row["actual_cost"]) for row in found
        ]
    assert len(doors.client.get(PATH, params={"tenant": "globex"}).json()) == 2
    assert len(doors.client.get(PATH, params={"from": str(today), "to": str(today)}).json()) == 2
    assert doors.client.get(PATH, params={"from": "2026-01-01", "to": "2026-01-02"}).json() == []
    assert doors.client.get(PATH, params={"engine": "local"}).json() == []


def test_a_report_that_has_not_changed_is_not_sent_again(doors: Doors, costs: None, today: date) -> None:
    first, own = doors.client.get(PATH), doors.of("acme")
    tenants = own.get(PATH)
    again = doors.client.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert doors.client.get(PATH, params={"format": "csv"}).headers["etag"] != first.headers["etag"]
    with transaction("test") as connection:
        connection.execute(
            insert(marts.partition).values(mart="cost_daily", day=today, rows=2, computed_at=datetime.now(UTC))
        )
    assert doors.client.get(PATH, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    assert (again.headers["etag"], again.headers["vary"]) == (first.headers["etag"], "Accept, Authorization")
    assert own.get(PATH, headers={"If-None-Match": tenants.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-2+3", "'-2+3"), ("\tx", "'\tx"), ("+x", "'+x"), ("a=1", "a=1"), ("", ""),
     (-2, "-2"), (Decimal("-1.5"), "-1.5"), (None, ""), (date(2026, 2, 3), "2026-02-03")],
)  # fmt: skip
def test_no_cell_is_a_formula(value: object, shown: str) -> None:
    assert next(csv.reader([reports._lines([[value, "end"]])])) == [shown, "end"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_catalog_that_goes_away_is_a_problem_document(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def away(*_: object) -> Iterator[Any]:
        raise CatalogUnavailable("away")
        yield

    monkeypatch.setattr(reports, "pieces", away)
    answer = doors.client.get(PATH, params={"format": form})
    assert (answer.status_code, answer.json()["code"]) == (503, "catalog_unavailable")


@pytest.mark.parametrize(
    "asked",
    [{"from": "yesterday"}, {"from": "2024-01-01", "to": "2026-01-01"}, {"from": "2026-02-02", "to": "2026-02-01"},
     {"to": "2999-01-01"}, {"to": "0001-01-02"}, {"from": "0001-01-01"}, {"format": "xml"}, {"tenant": "A B"},
     {"profile": ""}, {"form": "2026-01-01"}],
)  # fmt: skip
def test_wrong_questions_are_named(doors: Doors, asked: dict[str, str]) -> None:
    answer = doors.client.get(PATH, params=asked)
    if asked == {"to": "0001-01-02"}:
        assert answer.json() == []
    else:
        assert answer.status_code == 422
        assert answer.json()["detail"]
    assert doors.client.get(PATH, params={"profile": "standard"}).status_code == 422, "costs know no profiles"
    assert doors.client.get("/api/v1/reports/partition").status_code == 404


def test_a_tenant_reads_its_own_rows(doors: Doors, costs: None) -> None:
    client = doors.of("acme")
    assert {row["tenant"] for row in client.get(PATH).json()} == {"acme"}
    assert client.get(PATH, params={"tenant": "globex"}).json() == []
    assert client.get("/api/v1/reports/partition").status_code == 404

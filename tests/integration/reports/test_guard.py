"""What breaks a rule is never published: the old rows stay, and the error says where."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from support.fixtures.values import MOMENT, let_it_be_noon, probed_source, published_job
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import reporting
from vodflow.errors import ReportRefused
from vodflow.reports import frames, guard, refresh
from vodflow.reports.partitions import ORDER, recompute_day

pytestmark = pytest.mark.integration

TODAY = MOMENT.date()


@pytest.fixture
def published(catalog):
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
        let_it_be_noon(conn)
    recompute_day(TODAY)
    return catalog


def _spoil(statement: str) -> None:
    with transaction("test") as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        conn.execute(text(statement))


def test_a_wrong_row_leaves_the_day_as_it_was(published):
    before = frames.read("transcoding_daily", TODAY, TODAY)
    _spoil("ALTER TABLE job DROP CONSTRAINT ck_job_worker_seconds; UPDATE job SET worker_seconds = -1")
    with pytest.raises(ReportRefused) as caught:
        recompute_day(TODAY)
    error = caught.value
    assert (error.mart, error.day, error.rule) == ("job_outcome", str(TODAY), "worker_seconds >= 0")
    assert error.row["outcome"].startswith("event-")
    assert f"reporting.job_outcome of {TODAY}" in str(error)
    assert frames.read("transcoding_daily", TODAY, TODAY).equals(before)


def test_totals_that_differ_are_refused(published, monkeypatch):
    daily = frames.read("transcoding_daily", TODAY, TODAY)
    found = {table.name: frames.read(table.name, TODAY, TODAY) for table in ORDER}
    guard.agree(TODAY, found)
    with pytest.raises(ReportRefused, match="tenant acme: jobs is 2, and 1 by other tables"):
        guard.agree(TODAY, found | {"transcoding_daily": daily.assign(jobs=2)})


def test_the_other_days_go_on(published):
    other = TODAY - timedelta(days=1)
    _spoil("ALTER TABLE job DROP CONSTRAINT ck_job_worker_seconds; UPDATE job SET worker_seconds = -1")
    with transaction("test") as conn:
        row = probed_source(conn, key="acme/bad.mp4")
        conn.execute(
            text("UPDATE source SET status = 'REJECTED', rejection_reason = 'truncated', rejected_at = :at"
                 " WHERE id = :id"), {"at": MOMENT - timedelta(days=1), "id": row.id},
        )  # fmt: skip
    with pytest.raises(ReportRefused):
        refresh.recompute([other, TODAY])
    assert list(frames.read("failures", other, other)["error_code"]) == ["truncated"]


@pytest.mark.parametrize("table", ORDER, ids=str)
def test_each_schema_is_the_table(catalog, table):
    schema = guard.schema(table)
    assert list(schema.columns) == [column.name for column in table.columns]
    assert schema.unique == [column.name for column in table.primary_key.columns]
    assert {name for name, column in schema.columns.items() if not column.nullable} == {
        column.name for column in table.columns if not column.nullable
    }
    empty = frames.read(table.name, date(2020, 1, 1), date(2020, 1, 1))
    schema.validate(empty)  # every rule can be asked


def test_every_table_with_days_is_computed():
    assert {table.name for table in ORDER} == {
        table.name for table in reporting.sorted_tables if "day" in table.c and table.name != "partition"
    }

"""The seeded year that reports and pages are measured with: small here, by the same code."""

from __future__ import annotations

from itertools import pairwise

import psycopg2
import pyarrow as pa
import pytest
from psycopg2.extras import RealDictCursor
from vodflow.catalog.states import JOB_TRANSITIONS, JobStatus
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult

from benchmarks.year.loading import as_table, fill, year

pytestmark = pytest.mark.integration

SCALE = 0.0005


@pytest.fixture
def cursor(catalog):
    """A cursor on a catalog that has the small year."""
    url = catalog.catalog_url.get_secret_value().replace("+psycopg2", "")
    fill(url, SCALE)
    connection = psycopg2.connect(url, connect_timeout=5)
    yield connection.cursor(cursor_factory=RealDictCursor)
    connection.close()


def found(cursor, query):
    cursor.execute(query)
    return cursor.fetchall()


def test_the_small_year_is_a_catalog_like_any_other(cursor):
    # Every foreign key, which COPY left out.
    foreign = found(cursor, "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint "
                            "WHERE contype = 'f' AND connamespace = 'public'::regnamespace")  # fmt: skip
    assert len(foreign) > 15
    for row in foreign:
        cursor.execute("UPDATE pg_constraint SET convalidated = false, conenforced = true WHERE conname = %s",
                       (row["conname"],))  # fmt: skip
        cursor.execute(f"ALTER TABLE {row['name']} VALIDATE CONSTRAINT {row['conname']}")
    # Every history is one that the state machine allows, and the job is where it leads.
    histories: dict[int, list[dict[str, str]]] = {}
    for event in found(cursor, "SELECT job_id, old_status, new_status, at FROM job_event ORDER BY job_id, at, id"):
        histories.setdefault(event["job_id"], []).append(event)
    jobs = {row["id"]: row for row in found(cursor, "SELECT id, status, created_at, finished_at FROM job")}
    assert histories.keys() == jobs.keys()
    for job, events in histories.items():
        assert (events[0]["old_status"], events[0]["new_status"]) == (None, "QUEUED")
        for before, after in pairwise(events):
            assert after["old_status"] == before["new_status"]
            assert JobStatus(after["new_status"]) in JOB_TRANSITIONS[JobStatus(after["old_status"])]
        assert events[-1]["new_status"] == jobs[job]["status"]
        assert events[-1]["at"] == jobs[job]["finished_at"]
        assert events[0]["at"] == jobs[job]["created_at"]
    # Documents are those of the library.
    for row in found(
        cursor, "SELECT plan, result, job.status, media_info FROM job JOIN source ON source.id = source_id"
    ):
        plan = TranscodePlan.model_validate(row["plan"])
        assert MediaInfo.model_validate(row["media_info"]).duration == plan.media.duration
        assert (row["result"] is not None) == (row["status"] == "PUBLISHED")
        if row["result"] is not None:
            EngineResult.model_validate(row["result"])
    # What is public is what was made public last.
    wrong = found(cursor, "SELECT FROM publication JOIN LATERAL (SELECT new_job_id FROM publication_event AS event "
                          "WHERE event.video_id = publication.video_id ORDER BY id DESC LIMIT 1) AS last ON true "
                          "WHERE last.new_job_id <> job_id")  # fmt: skip
    assert not wrong
    (listed,) = found(cursor, "SELECT count(*) AS videos FROM listing")
    assert listed["videos"] == round(1_000_000 * SCALE)


def test_a_seed_gives_the_same_rows_at_any_time():
    def rows(seed: int) -> list[tuple[str, pa.Table]]:
        return [(name, as_table(columns)) for name, columns in year(SCALE, seed)]

    first, second, other = rows(1), rows(1), rows(2)
    assert [name for name, _ in first] == [name for name, _ in other]
    assert all(one.equals(same) for (_, one), (_, same) in zip(first, second, strict=True))
    assert not all(one.equals(another) for (_, one), (_, another) in zip(first, other, strict=True))


def test_the_year_has_a_rhythm_a_pareto_and_idle_days(cursor):
    (span,) = found(cursor, "SELECT min(registered_at)::date AS first, max(registered_at)::date AS last FROM source")
    assert (str(span["first"])[:4], str(span["last"])[:4]) == ("2025", "2025")
    (idle,) = found(cursor, "SELECT count(*) AS sources FROM source WHERE registered_at::date = '2025-12-25'")
    assert idle["sources"] == 0
    shares = found(cursor, "SELECT count(*) AS videos FROM video GROUP BY tenant_id ORDER BY 1 DESC")
    assert shares[0]["videos"] > 5 * shares[len(shares) // 2]["videos"]
    kinds = found(cursor, "SELECT new_status FROM job_event GROUP BY 1")
    assert {row["new_status"] for row in kinds} == {status.value for status in JobStatus}

"""Late facts are found by the transaction that recorded them."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.fixtures.values import probed_source, published_job, queued_job
from vodflow.catalog import jobs
from vodflow.catalog.database import get_engine, transaction
from vodflow.reports import refresh, watermark

pytestmark = pytest.mark.integration


def _move(statement: str, **values: object) -> None:
    with transaction("test") as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        conn.execute(text(statement), values)


def _due(today):
    """Days beside yesterday and today, as distances."""
    return [(today - day).days for day in refresh.late_days() if (today - day).days > 1]


def _letter(conn, days: int) -> None:
    conn.execute(
        text("INSERT INTO dead_letter (origin, identity, code, message, first_seen_at) VALUES"
             " ('transcode_video.prepare', 'run-' || :days, 'x', 'x', now() - make_interval(days => :days))"),
        {"days": days},
    )  # fmt: skip


def test_the_first_refresh_takes_every_day(catalog, today):
    assert refresh.late_days() == [today - timedelta(days=1), today]
    with transaction("test") as conn:
        _letter(conn, 5)
    assert _due(today) == [5, 4, 3, 2]


def test_the_mark_moves_only_when_it_is_told(catalog, today):
    with transaction("test") as conn:
        _letter(conn, 3)
    seen = watermark.look()
    assert _due(today) == [3, 2]
    watermark.advance(seen)
    assert _due(today) == []


def test_a_late_end_touches_its_day(catalog, today):
    watermark.advance(watermark.look())
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn))
        jobs.cancel_job(conn, job.id)
    _move("UPDATE job_event SET at = at - interval '7 days'")
    _move("UPDATE source SET registered_at = end_of.at, probed_at = end_of.at FROM"
          " (SELECT max(at) AS at FROM job_event) AS end_of")  # fmt: skip
    assert _due(today) == [7]


def test_a_late_publication_touches_all_days_since(catalog, today):
    watermark.advance(watermark.look())
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    _move("UPDATE publication_event SET at = at - interval '4 days'")
    assert _due(today) == [4, 3, 2]


def test_a_transaction_that_commits_late_is_not_missed(catalog, today):
    with get_engine().connect() as slow, slow.begin():
        job = published_job(slow, probed_source(slow))
        slow.execute(text("INSERT INTO job_measurement (job_id, state, measured_at) VALUES"
                          " (:id, 'measured', now() - interval '6 days')"), {"id": job.id})  # fmt: skip
        seen = watermark.look()  # while it is open
        assert _due(today) == []
        watermark.advance(seen)
        with transaction("test") as conn:  # later transactions do not hide it
            probed_source(conn, key="beta/other.mp4", tenant="beta")
        watermark.advance(watermark.look())
    assert _due(today) == [6]


def test_a_measurement_touches_the_day_of_the_publication(catalog, today):
    with transaction("test") as conn:
        job = published_job(conn, probed_source(conn))
    _move("UPDATE job_event SET at = at - interval '9 days'")
    watermark.advance(watermark.look())
    with transaction("test") as conn:
        conn.execute(text("INSERT INTO rendition_measurement (rendition_id, vmaf) SELECT id, 90 FROM rendition"
                          " WHERE job_id = :id"), {"id": job.id})  # fmt: skip
    assert _due(today) == [9]


def test_a_dump_restored_into_a_younger_cluster_is_read_anew_once(catalog, today):
    with transaction("test") as conn:
        _letter(conn, 5)
        published_job(conn, probed_source(conn))
    watermark.advance(watermark.look())
    _move("UPDATE job_event SET recorded_xid = recorded_xid + 1000000000")
    _move("UPDATE source SET recorded_xid = recorded_xid + 1000000000")
    _move("UPDATE publication_event SET recorded_xid = recorded_xid + 1000000000")
    _move("UPDATE reporting.watermark SET xid = xid + 1000000000")
    assert _due(today) == [5, 4, 3, 2]
    watermark.advance(watermark.look())
    assert _due(today) == []
    with transaction("test") as conn:
        conn.execute(text("INSERT INTO job_measurement (job_id, state, measured_at) SELECT id, 'measured',"
                          " now() - interval '6 days' FROM job"))  # fmt: skip
    assert _due(today) == [6]

import csv
import dataclasses
import io
import threading
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pa_parquet
import pytest
from sqlalchemy import text
from support.fixtures.values import (
    MOMENT,
    artifact,
    let_it_be_noon,
    media_info,
    probed_source,
    published_job,
    queued_job,
    rendition,
    verified_job,
)
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.publications import publish
from vodflow.catalog.states import JobStatus
from vodflow.errors import EngineStalled, RejectionReason, UnreadableReason
from vodflow.reports.export import EARLIER, TABLES, export, export_day
from vodflow.reports.partitions import recompute_day
from vodflow.reports.refresh import recompute
from vodflow.reports.transcoding import DailyRow, read_days, read_problems, summary

pytestmark = pytest.mark.integration

TODAY = MOMENT.date()


@pytest.fixture
def history(catalog):
    """Two tenants; a job published in each, one with two; failures, rejections and a cancellation in one."""
    with transaction("test") as conn:
        for number, speed in enumerate((1.0, 2.0, 4.0)):
            published_job(conn, probed_source(conn, key=f"acme/{number}.mp4"), speed=speed)
        published_job(conn, probed_source(conn, key="acme/0.mp4"), revision=1, speed=3.0)
        published_job(conn, probed_source(conn, key="beta/0.mp4", tenant="beta", duration=120.0), profile="hd")
        for number in range(2):
            failed = queued_job(conn, probed_source(conn, key=f"beta/failed{number}.mp4", tenant="beta"))
            jobs.fail_job(conn, failed.id, EngineStalled("no progress"))
        jobs.set_status(conn, failed.id, JobStatus.QUEUED)  # retried later; the failure happened all the same
        jobs.cancel_job(conn, queued_job(conn, probed_source(conn, key="beta/off.mp4", tenant="beta")).id)
        damaged = queued_job(conn, probed_source(conn, key="acme/damaged.mp4"))
        jobs.reject_job(conn, damaged.id, RejectionReason.UNDECODABLE, "no frame")
        for number, reason in enumerate(("truncated", "truncated", "not_a_video")):
            row = probed_source(conn, key=f"acme/bad{number}.mp4", profile="uhd" if number == 0 else None)
            sources.reject_source(conn, row.id, RejectionReason(reason), "detail")
        # Every job of the history is registered ten seconds before its end.
        conn.execute(text("UPDATE source SET registered_at = now() - interval '10 seconds'"))
        conn.execute(text("SET LOCAL session_replication_role = replica"))  # only to move time
        conn.execute(text("UPDATE job_event SET at = now()"))
        let_it_be_noon(conn)
    return catalog


def test_what_a_day_says(history):
    assert recompute_day(TODAY) == 5
    with transaction("test") as conn:
        rows = {(row.tenant, row.profile, row.engine): row for row in read_days(conn, TODAY, TODAY)}
        problems = [
            (row.tenant, row.profile, row.engine, row.kind, row.reason, row.count)
            for row in read_problems(conn, TODAY, TODAY)
        ]
    assert list(rows) == sorted(rows)
    acme = rows["acme", "standard", "local"]
    assert (acme.videos, acme.jobs, acme.failed, acme.rejected, acme.canceled) == (3, 4, 0, 1, 0)
    assert (acme.minutes_in, acme.minutes_out, acme.bytes_in, acme.bytes_out) == (4, 4, 4000, 20_000)
    assert acme.encode_speed_p50 == pytest.approx(2.5)
    assert acme.encode_speed_p95 == pytest.approx(3.85)  # between 3 and 4: percentile_cont interpolates
    assert acme.time_to_publish_p50 == acme.time_to_publish_p95 == 10
    beta = rows["beta", "hd", "local"]
    assert (beta.videos, beta.minutes_in, beta.minutes_out) == (1, 2, 1)
    idle = rows["beta", "standard", "local"]
    assert (idle.videos, idle.jobs, idle.failed, idle.canceled) == (0, 0, 2, 1)
    assert (idle.encode_speed_p50, idle.time_to_publish_p95, idle.minutes_in) == (None, None, 0)
    assert rows["acme", "uhd", "none"].rejected == 1
    assert rows["acme", "standard", "none"].rejected == 2
    assert problems == [
        ("acme", "standard", "local", "rejected", "undecodable", 1),
        ("acme", "standard", "none", "rejected", "not_a_video", 1),
        ("acme", "standard", "none", "rejected", "truncated", 1),
        ("acme", "uhd", "none", "rejected", "truncated", 1),
        ("beta", "standard", "local", "failed", "transient", 2),
    ]


def test_a_video_with_several_renditions(catalog):
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
        sound = rendition(
            "audio", kind="audio", width=None, height=None, frame_rate=None, bitrate=128_000, size_bytes=500
        )
        tracks = [rendition(), rendition("360p", width=640, height=360, duration=59.5), sound]
        publish(conn, job.id, tracks, [artifact()], "s3://media/manifest.json")
        let_it_be_noon(conn)
    recompute_day(TODAY)
    with transaction("test") as conn:
        (row,) = read_days(conn, TODAY, TODAY)
    assert (row.minutes_in, row.bytes_out) == (1, 10_500)
    assert row.minutes_out == pytest.approx(119.5 / 60)


def test_days_are_utc_and_begin_at_midnight(catalog):
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    moments = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1)]
    with transaction("test") as conn:
        rows = [probed_source(conn, key=f"acme/{number}.mp4") for number in range(len(moments))]
        for row in rows:
            sources.reject_source(conn, row.id, RejectionReason.EMPTY, "0 bytes")
        conn.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger minds the moments
        for row, moment in zip(rows, moments, strict=True):
            values = {"at": moment, "id": row.id}
            conn.execute(text("UPDATE source SET rejected_at = :at WHERE id = :id"), values)
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert [recompute([day]) for day in days] == [1, 1, 1, 0]


def test_a_second_run_changes_nothing(history, media_bucket, s3):
    def everything():
        uris = export([TODAY - timedelta(days=1), TODAY])
        objects = {
            item["Key"]: s3.get_object(Bucket=media_bucket, Key=item["Key"])
            for item in s3.list_objects_v2(Bucket=media_bucket)["Contents"]
        }
        assert sorted(uris) == sorted(f"s3://{media_bucket}/{key}" for key in objects)
        with transaction("test") as conn:
            rows = read_days(conn, TODAY, TODAY), read_problems(conn, TODAY, TODAY)
        return rows, {key: (item["ContentType"], item["Body"].read()) for key, item in objects.items()}

    recompute([TODAY])
    rows, objects = everything()
    recompute([TODAY])
    assert everything() == (rows, objects)

    folder = f"reports/report_transcoding_daily/day={TODAY}"
    # Two days, two formats.
    assert len(objects) == 4 * len({*TABLES, *EARLIER})
    content_type, data = objects[f"reports/csv/report_transcoding_daily/{TODAY}.csv"]
    assert content_type == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(data.decode())))
    assert [line["tenant"] for line in lines] == [row.tenant for row in rows[0]]
    assert lines[0]["bytes_out"] == str(rows[0][0].bytes_out)
    content_type, data = objects[f"{folder}/data.parquet"]
    assert content_type == "application/vnd.apache.parquet"
    table = pa_parquet.read_table(io.BytesIO(data))
    assert table.schema.names == [field.name for field in dataclasses.fields(DailyRow)][1:]
    assert {str(kind) for kind in table.schema.types} == {"string", "int64", "double"}
    assert table.column("videos").to_pylist() == [row.videos for row in rows[0]]
    yesterday = objects[folder.replace(str(TODAY), str(TODAY - timedelta(days=1))) + "/data.parquet"][1]
    assert pa_parquet.read_table(io.BytesIO(yesterday)).num_rows == 0


def test_what_cannot_be_read_is_a_line_that_stays(catalog):
    with transaction("test") as conn:
        rows = [probed_source(conn, key=f"acme/{number}.mp4") for number in range(3)]
        for row, reason in zip(rows, ("archived", "archived", "gone"), strict=True):
            sources.mark_unreadable(conn, row.id, UnreadableReason(reason), "detail")
        let_it_be_noon(conn)
    recompute([TODAY])

    def problems():
        with transaction("test") as conn:
            (day,) = read_days(conn, TODAY, TODAY)
            assert (day.engine, day.jobs, day.failed, day.rejected) == ("none", 0, 0, 0)
            return {(row.kind, row.reason): row.count for row in read_problems(conn, TODAY, TODAY)}

    expected = {("unreadable", "archived"): 2, ("unreadable", "gone"): 1}
    assert problems() == expected
    with transaction("test") as conn:  # restored, and made
        sources.mark_probed(conn, rows[0].id, media_info())
    recompute([TODAY])
    assert problems() == expected


def test_what_is_gone_from_a_day_leaves_the_report(history):
    recompute_day(TODAY)
    with transaction("test") as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        conn.execute(text("UPDATE job_event SET at = at - interval '1 day'"))
        conn.execute(text("UPDATE source SET rejected_at = rejected_at - interval '1 day'"))
    assert recompute_day(TODAY) == 0
    with transaction("test") as conn:
        assert (read_days(conn, TODAY, TODAY), read_problems(conn, TODAY, TODAY)) == ([], [])
    assert recompute_day(TODAY - timedelta(days=1)) == 5


def test_recomputed_at_once(history):
    errors, start = [], threading.Barrier(4)

    def run():
        start.wait()
        try:
            for _ in range(5):
                assert recompute_day(TODAY) == 5
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_time_to_publish_counts_from_the_request_that_began_a_job(catalog):
    days = [TODAY - timedelta(days=1), TODAY]
    with transaction("test") as conn:
        source = probed_source(conn)
        published_job(conn, source)
        published_job(conn, source, profile="hd", revision=1)
        conn.execute(text("UPDATE source SET registered_at = now() - interval '26 minutes'"))
        conn.execute(text("SET LOCAL session_replication_role = replica"))  # only to move time
        conn.execute(text("UPDATE job_event SET at = now()"))
        conn.execute(text("UPDATE job SET finished_at = now(), created_at = now() - interval '26 minutes'"))
        conn.execute(text("UPDATE job_event SET at = now() - interval '25 minutes' FROM job"
                          " WHERE job.id = job_event.job_id AND job.profile = 'standard'"))  # fmt: skip
        conn.execute(text("UPDATE job SET created_at = now() - interval '5 seconds' WHERE profile = 'hd'"))
        let_it_be_noon(conn)
    recompute(days)
    with transaction("test") as conn:
        found = {row.profile: row.time_to_publish_p50 for row in read_days(conn, *days)}
        (shown,) = overview(conn, source_ids=[source.id])
    assert found == {"standard": pytest.approx(60), "hd": pytest.approx(5)}
    assert shown.time_to_publish == pytest.approx(5)


def test_a_video_counts_once_however_often_it_is_published(catalog):
    with transaction("test") as conn:
        source = probed_source(conn)
        published_job(conn, source)
        published_job(conn, source, profile="hd")
        let_it_be_noon(conn)
    recompute([TODAY])
    with transaction("test") as conn:
        total = summary(conn, TODAY, TODAY)
        assert [row.videos for row in read_days(conn, TODAY, TODAY)] == [1, 1]
    assert (total.videos, total.jobs) == (1, 2)


def test_summary(history, media_bucket):
    recompute([TODAY])
    assert len(export_day(TODAY)) == 2 * len({*TABLES, *EARLIER})
    with transaction("test") as conn:
        total = summary(conn, TODAY - timedelta(days=6), TODAY)
        nothing = summary(conn, TODAY - timedelta(days=6), TODAY - timedelta(days=1))
    assert (total.videos, total.jobs, total.failed, total.rejected, total.canceled) == (4, 5, 2, 4, 1)
    assert (total.minutes_in, total.minutes_out, total.bytes_in, total.bytes_out) == (6, 5, 5000, 25_000)
    assert total.encode_speed == 2  # of all five jobs, not of the two groups
    assert total.time_to_publish == 10
    assert total.problems == {
        "failed: transient": 2,
        "rejected: truncated": 2,
        "rejected: not_a_video": 1,
        "rejected: undecodable": 1,
    }
    assert (nothing.videos, nothing.encode_speed, nothing.problems) == (0, None, {})

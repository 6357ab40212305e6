"""Figures of the marts, by small histories whose numbers are known."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from support.fixtures.values import (
    MOMENT,
    artifact,
    let_it_be_noon,
    media_info,
    new_source,
    probed_source,
    published_job,
    queued_job,
    rendition,
    verified_job,
)
from vodflow.catalog import jobs, sightings, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.states import JobStatus
from vodflow.errors import EngineStalled, RejectionReason
from vodflow.reports import frames, refresh

pytestmark = pytest.mark.integration

TODAY = MOMENT.date()
_SOUND = {"kind": "audio", "codec": "mp4a.40.2", "width": None, "height": None, "frame_rate": None, "bitrate": 128_000}


def _move(conn, statement: str, **values: object) -> None:
    conn.execute(text("SET LOCAL session_replication_role = replica"))
    conn.execute(text(statement), values)


def _rows(name: str, day=TODAY) -> list[dict[str, object]]:
    found = frames.read(name, day, day)
    return found.astype(object).where(found.notna(), None).to_dict("records")


def _one(name: str, day=TODAY, **wanted: object) -> dict[str, object]:
    (row,) = [row for row in _rows(name, day) if all(row[key] == value for key, value in wanted.items())]
    return row


@pytest.fixture
def ladder(catalog):
    """A published job with four rungs and sound, all measured."""
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
        rungs = [(240, 500_000, 60.0), (480, 2_000_000, 92.0), (720, 4_000_000, 96.0), (1080, 8_000_000, 97.0)]
        tracks = [
            rendition(f"{height}p", height=height, bitrate=rate, measured_bitrate=rate, size_bytes=rate // 8 * 60)
            for height, rate, _ in rungs
        ]
        publish(conn, job.id, [*tracks, rendition("audio", **_SOUND)], [artifact()], "s3://media/manifest.json")
        conn.execute(text("INSERT INTO job_measurement (job_id, state, cpu_seconds, black_seconds) VALUES"
                          " (:id, 'measured', 100, 1.5)"), {"id": job.id})  # fmt: skip
        for height, _, vmaf in rungs:
            conn.execute(text("INSERT INTO rendition_measurement (rendition_id, vmaf, vmaf_p5) SELECT id, :vmaf,"
                              " :vmaf - 5 FROM rendition WHERE name = :name"),
                         {"vmaf": vmaf, "name": f"{height}p"})  # fmt: skip
        conn.execute(text("INSERT INTO rendition_measurement (rendition_id, silent_seconds, loudness) SELECT id, 2, -23"
                          " FROM rendition WHERE kind = 'audio'"))  # fmt: skip
        let_it_be_noon(conn)
    refresh.recompute([TODAY])
    return catalog


def test_ladder(ladder):
    rows = {row["rung"]: row for row in _rows("ladder_efficiency")}
    said = {name: (row["wasted"], row["starving"], row["too_close"]) for name, row in rows.items()}
    assert said == {"240p": (0, 1, 0), "480p": (0, 0, 0), "720p": (1, 0, 0), "1080p": (1, 0, 0)}
    # Three of the four points between what the lower two would be at 1080 lines.
    lines = 1.5**0.75
    enough = (2_000_000 * 2.25**0.75) ** 0.25 * (4_000_000 * lines) ** 0.75
    assert rows["1080p"]["saveable_bytes"] == pytest.approx(60_000_000 * (1 - enough / 8_000_000), abs=1)
    assert rows["480p"]["vmaf"] == 92
    assert rows["480p"]["vmaf_p5"] == 87


def test_quality_is_on_the_day_of_the_publication(ladder):
    assert _one("rendition_quality", rung="audio")["loudness"] == -23
    row = _one("content_quality")
    assert (row["black_seconds"], row["silent_seconds"], row["state"]) == (1.5, 2, "measured")


def test_what_measuring_costs(ladder):
    row = _one("cost_daily", kind="quality")
    assert (row["quantity"], row["jobs"], row["engine"]) == (100, 1, "local")
    assert row["actual_cost"] == pytest.approx(100 * 0.000012396, abs=1e-6)


def test_cost_of_own_engines_is_cpu_time_at_the_price_of_the_day(catalog):
    with transaction("test") as conn:
        job = published_job(conn, probed_source(conn))
        _move(conn, "UPDATE job SET estimated_cost = NULL, estimated_cpu_seconds = 40 WHERE id = :id", id=job.id)
        _move(conn, "INSERT INTO price (name, valid_from, amount, unit) VALUES ('cpu_second.local', :day, 1, ''),"
              " ('cpu_second.local', :next, 9, '')", day=TODAY, next=TODAY + timedelta(days=1))  # fmt: skip
        let_it_be_noon(conn)
    refresh.recompute([TODAY])
    row = _one("cost_daily", kind="transcode")
    assert (row["quantity"], row["estimated_cost"], row["actual_cost"], row["difference"]) == (60, 40, 60, 20)
    usage = _one("tenant_usage")
    assert usage["cost"] == pytest.approx(60, abs=1e-3)


def test_stages_and_waits(catalog):
    with transaction("test") as conn:
        job = published_job(conn, probed_source(conn))
        let_it_be_noon(conn)
        seconds = {"QUEUED": 0, "PROGRESSING": 30, "VERIFYING": 100, "PUBLISHED": 110}
        for status, after in seconds.items():
            _move(conn, "UPDATE job_event SET at = :at WHERE new_status = :status", status=status,
                  at=MOMENT + timedelta(seconds=after))  # fmt: skip
        _move(conn, "UPDATE job SET verified_at = :at, created_at = :made WHERE id = :id", id=job.id, made=MOMENT,
              at=MOMENT + timedelta(seconds=104))  # fmt: skip
        _move(conn, "UPDATE source SET registered_at = :first, last_modified = :first, dispatched_at = :then,"
              " run_id = 'r'",
              first=MOMENT - timedelta(seconds=9), then=MOMENT - timedelta(seconds=5))  # fmt: skip
    refresh.recompute([TODAY])
    found = {row["stage"]: row["p50"] for row in _rows("pipeline_latency")}
    assert found == {
        "notice": 0, "dispatch": 4, "prepare": 5, "queue": 30, "download": 1, "encode": 30, "package": 1, "upload": 1,
        "verify": 4, "publish": 6, "total": 119,
    }  # fmt: skip


def test_retries_and_stalls(catalog):
    with transaction("test") as conn:
        row = probed_source(conn)
        job = queued_job(conn, row)
        jobs.begin(conn, job.id, engine="local", worker="a")
        jobs.fail_job(conn, job.id, EngineStalled("nothing moved", code="stalled"))
        jobs.set_status(conn, job.id, JobStatus.QUEUED)
        published_job(conn, row)
        let_it_be_noon(conn)
    refresh.recompute([TODAY])
    daily = _one("transcoding_daily")
    assert (daily["jobs"], daily["failed"], daily["retries"], daily["stalls"]) == (1, 1, 1, 1)
    failure = _one("failures")
    assert (failure["error_code"], failure["occurrences"], failure["example_job_id"]) == ("stalled", 1, job.id)
    assert failure["link"] == f"/vodflow/videos/{job.video_id}"


def test_stored_bytes_follow_publications_and_deletions(catalog):
    with transaction("test") as conn:
        source = probed_source(conn)
        first = published_job(conn, source)
        second = published_job(conn, source, profile="hd")
        let_it_be_noon(conn)
        for table in ("job_event", "publication_event"):
            column = "job_id" if table == "job_event" else "new_job_id"
            _move(conn, f"UPDATE {table} SET at = at - interval '2 days' WHERE {column} = :id", id=first.id)  # noqa: S608
        _move(
            conn, "UPDATE job SET outputs_deleted_at = :at WHERE id = :id", id=first.id, at=MOMENT + timedelta(days=1)
        )
    days = [TODAY + timedelta(days=number) for number in range(-2, 2)]
    refresh.recompute(days[2:])  # the days before are computed as far as these need them
    each = 5000 + 10
    growth = [[row["published_bytes"], row["replaced_bytes"], row["deleted_bytes"], row["net_bytes"]]
              for day in days for row in _rows("storage_growth", day)]  # fmt: skip
    assert growth == [[each, 0, 0, each], [each, each, 0, each], [0, 0, each, -each]]
    assert [row["bytes_stored"] for day in days[2:] for row in _rows("tenant_usage", day)] == [2 * each, each]
    storage = _one("cost_daily", days[3], kind="storage")
    assert storage["quantity"] == pytest.approx(each / 1e9 / 31, abs=1e-6)
    assert second.id != first.id


def test_a_day_is_24_hours_when_clocks_change(catalog):
    """In Europe 29 March 2026 had 23 hours; a UTC day has 24."""
    begin = datetime(2026, 3, 29, tzinfo=UTC)
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source(key=f"acme/{hour}.mp4") for hour in range(24)])
        _move(conn, "UPDATE source SET registered_at = :begin + ("
              "split_part(split_part(key, '/', 2), '.', 1) || ' hours')"
              "::interval", begin=begin)  # fmt: skip
    refresh.recompute([begin.date()])
    rows = _rows("backlog_hourly", begin.date())
    assert [row["hour"] for row in rows] == [begin + timedelta(hours=number) for number in range(24)]
    assert [row["arrived"] for row in rows] == [1] * 24
    assert _one("tenant_usage", begin.date())["sources"] == 24


def test_backlog_counts_what_began_days_before(catalog):
    with transaction("test") as conn:
        waiting = queued_job(conn, probed_source(conn))
        running = queued_job(conn, probed_source(conn, key="acme/b.mp4"))
        jobs.begin(conn, running.id, engine="local", worker="host")
        sightings.register_sources(conn, [new_source(key="acme/c.mp4")])
        let_it_be_noon(conn)
        for table, column in (("job_event", "at"), ("job", "created_at"), ("source", "registered_at")):
            _move(conn, f"UPDATE {table} SET {column} = {column} - interval '3 days'")  # noqa: S608
        _move(conn, "UPDATE source SET probed_at = registered_at WHERE probed_at IS NOT NULL")
    yesterday = TODAY - timedelta(days=1)
    refresh.recompute([yesterday, TODAY])
    rows = _rows("backlog_hourly", yesterday)
    local = [row for row in rows if row["engine"] == "local"]
    assert [(row["waiting"], row["running"], row["started"]) for row in local] == [(1, 1, 0)] * 24
    early = [row for row in rows if row["engine"] == "none"]
    assert [row["waiting"] for row in early] == [1] * 24
    assert early[0]["oldest_seconds"] == pytest.approx(1.5 * 86400, abs=60)
    assert max(row["hour"] for row in _rows("backlog_hourly")) <= datetime.now(UTC)
    assert waiting.id


def test_inventory(catalog):
    with transaction("test") as conn:
        probed_source(conn)
        row = probed_source(conn, key="acme/hdr.mp4")
        video = media_info().video.model_copy(update={"color_transfer": "smpte2084", "frame_rate": "30000/1001"})
        sources.mark_probed(conn, row.id, media_info().model_copy(update={"video": video}))
        let_it_be_noon(conn)
    refresh.recompute([TODAY])
    found = {(row["frame_rate"], row["hdr"]): row["sources"] for row in _rows("source_inventory")}
    assert found == {("25", False): 1, ("29.97", True): 1}


def test_an_empty_day(catalog):
    refresh.recompute([TODAY])
    assert all(_rows(name) == [] for name in frames.TABLES if name not in {"partition", "watermark"})
    kept = frames.read("partition", TODAY, TODAY)
    assert set(kept["rows"]) == {0}


def test_everything_twice_is_the_same(ladder):
    names = [name for name in frames.TABLES if name not in {"partition", "watermark"}]
    before = {name: frames.read(name, TODAY, TODAY) for name in names}
    refresh.recompute([TODAY])
    assert all(frames.read(name, TODAY, TODAY).equals(before[name]) for name in names)


def test_what_goes_on_now(catalog):
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
        queued_job(conn, probed_source(conn, key="acme/b.mp4"))
        bad = queued_job(conn, probed_source(conn, key="beta/c.mp4", tenant="beta"))
        jobs.reject_job(conn, bad.id, RejectionReason.UNDECODABLE, "no frame")
        sightings.register_sources(conn, [new_source(key="acme/d.mp4")])
    now = _rows("work_now")
    found = {(row["tenant"], row["engine"], row["status"]): row["jobs"] for row in now}
    assert found == {("acme", "local", "queued"): 1, ("acme", "none", "discovered"): 1}
    hour = {(row["tenant"], row["status"]): row for row in _rows("last_hour")}
    assert hour.keys() == {("acme", "published"), ("beta", "rejected")}
    assert (hour["acme", "published"]["minutes_in"], hour["acme", "published"]["encode_speed_p50"]) == (1, 2)
    assert frames.read("last_hour", TODAY, TODAY, tenant="beta")["jobs"].sum() == 1

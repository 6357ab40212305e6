"""A video's page, what operators do there, and what of it is pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.values import MOMENT, new_source, probed_source, published_job, queued_job
from vodflow.catalog import jobs, sightings
from vodflow.catalog.database import transaction
from vodflow.settings import Settings
from vodflow_airflow.ui.formats import money
from vodflow_airflow.ui.media import Media, picture_track
from vodflow_airflow.ui.timeline import timeline

Visit = Callable[..., TestClient]

airflow = pytest.mark.airflow
integration = pytest.mark.integration


@airflow
@integration
def test_a_published_video_in_full(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        job = published_job(conn, probed_source(conn, key="inbox/<i>a & b.mov"))
    client = visit("viewer")
    answer = client.get(f"/vodflow/videos/{job.video_id}")
    assert answer.status_code == 200
    for part in (
        "&lt;i&gt;a &amp; b.mov", "1280 × 720", "2.90 Mb/s", 'data-hls="http', "job 1 became public",
        "/dags/transcode_video/runs/run-1/tasks/transcode_local", "published objects", "<dt>Cost</dt><dd>$0.00",
    ):  # fmt: skip
        assert part in answer.text, part
    assert "<i>a" not in answer.text
    assert '<form method="post"' not in answer.text
    plan = client.get(f"/vodflow/videos/{job.video_id}/plan.json?job={job.id}")
    assert json.loads(plan.text)["profile"] == "standard"
    assert "attachment" in plan.headers["content-disposition"]
    assert client.get(f"/vodflow/videos/{job.video_id}/pictures.vtt").status_code == 404


@airflow
@integration
def test_no_name_pretends_to_be_another(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        row = probed_source(conn, key="inbox/holiday\u202e4pm.exe")
    for path in ("", f"/{row.video_id}"):
        text = visit("viewer").get(f"/vodflow/videos{path}").text
        assert "holiday\ufffd4pm.exe" in text
        assert "\u202e" not in text


@airflow
@integration
def test_every_state_has_a_page(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source("new.mp4")])
        canceled = queued_job(conn, probed_source(conn, key="canceled.mp4"))
        jobs.cancel_job(conn, canceled.id)
        running = queued_job(conn, probed_source(conn, key="running.mp4"), run_id="run/2 ä")
        jobs.begin(conn, running.id, engine="local", worker="host")
        ids = list(conn.scalars(text("SELECT id FROM video ORDER BY id")))
    client = visit("user")
    pages = [client.get(f"/vodflow/videos/{video_id}") for video_id in ids]
    assert [page.status_code for page in pages] == [200] * 3
    assert ["Try again" in page.text for page in pages] == [False, True, False]
    assert ["Yes, cancel it" in page.text for page in pages] == [False, False, True]
    assert "run%2F2%20%C3%A4" in pages[2].text


@airflow
@integration
@pytest.mark.parametrize("path", ["999", "1?job=999", "999/plan.json", "999/pictures.vtt"])
def test_what_is_not_there_is_said(visit: Visit, catalog: Settings, path: str) -> None:
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    answer = visit("viewer").get(f"/vodflow/videos/{path}")
    assert answer.status_code == 404
    assert "There is no" in answer.text
    assert visit("viewer").get("/vodflow/videos/none").status_code == 400


@airflow
@integration
def test_who_may_act_sets_a_priority(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn))
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    path = f"/vodflow/videos/{job.video_id}/priority"
    assert visit("viewer", **own).post(path, data={"priority": 90}).status_code == 403
    assert visit("user", **own).post(path, data={"priority": 900}).status_code == 400
    answer = visit("user", **own).post(path, data={"priority": 90})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/vodflow/videos/{job.video_id}?done=priority")
    assert "The priority is set." in visit("user").get(answer.headers["location"]).text
    with transaction("test") as conn:
        assert jobs.get_job(conn, job.id).priority == 90
        jobs.cancel_job(conn, job.id)
    late = visit("user", **own, **{"HX-Request": "true"}).post(path, data={"priority": 10})
    assert late.status_code == 409
    assert "is canceled now" in late.text
    assert "<html" not in late.text


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [(None, "–"), (0, "$0.00"), (1234.5, "$1,234.50"), (0.0225, "$0.0225"), (0.00000496, "$0.0000050")],
)
def test_money(dollars: float | None, shown: str) -> None:
    assert money(dollars) == shown


def test_bars_of_a_job() -> None:
    def at(seconds: float) -> object:
        return MOMENT + timedelta(seconds=seconds)

    steps = [("QUEUED", 10), ("PROGRESSING", 20), ("VERIFYING", 50), ("PUBLISHED", 60)]
    events = [{"new_status": name, "at": at(moment), "actor": "task"} for name, moment in steps]
    attempt = {
        "number": 1, "started_at": at(20), "finished_at": at(50), "outcome": "succeeded", "engine": "local",
        "worker": "host", "error_message": None,
    }  # fmt: skip
    drawn = timeline(MOMENT, MOMENT + timedelta(hours=1), events, [attempt])
    assert drawn is not None
    assert [(bar.label, round(bar.left * 60), round(bar.seconds)) for bar in drawn.bars] == [
        ("waits for its run", 0, 10), ("queued", 10, 10), ("progressing", 20, 30), ("verifying", 50, 10),
        ("attempt 1", 20, 30),
    ]  # fmt: skip
    assert [seconds for _, seconds in drawn.marks] == [0, 10, 20, 30, 40, 50, 60]
    assert timeline(MOMENT, MOMENT, []) is None
    # A job that was opened days after its source did not wait for days.
    late = timeline(MOMENT - timedelta(days=3), MOMENT, events)
    assert late is not None
    assert late.bars[0].label == "queued"


def test_pictures_of_the_seek_bar() -> None:
    media = Media(None, None, [], None, None, None, ["http://m/1.jpg", "http://m/2.jpg", "http://m/3.jpg"], 2.5)
    assert picture_track(media, 4.0) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nhttp://m/1.jpg\n\n00:00:02.500 --> 00:00:04.000\nhttp://m/2.jpg\n"
    )

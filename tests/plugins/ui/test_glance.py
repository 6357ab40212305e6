"""The item on Airflow's first page, and the way from a run to its video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.fixtures.values import new_source, probed_source, published_job, queued_job, verified_job
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, record_dead_letters
from vodflow.catalog.glance import Glance, glance
from vodflow.catalog.sightings import register_sources
from vodflow.errors import EngineError
from vodflow.settings import Settings
from vodflow_airflow.links.video import VideoLink

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

Visit = Callable[..., TestClient]


def test_a_glance_counts_what_runs_waits_failed_and_was_published(catalog: Settings) -> None:
    with transaction("test") as conn:
        assert glance(conn) == Glance(running=0, waiting=0, failed=0, published=0)
        published_job(conn, probed_source(conn, key="a.mp4"))
        verified_job(conn, probed_source(conn, key="b.mp4"))
        queued_job(conn, probed_source(conn, key="c.mp4"))
        register_sources(conn, [new_source("d.mp4")])
        probed_source(conn, key="e.mp4")
        for key in ("f.mp4", "g.mp4"):
            job = queued_job(conn, probed_source(conn, key=key))
            for _ in range(2):  # a failure that comes again is one job that failed
                jobs.begin(conn, job.id, engine="local", worker="host")
                jobs.fail_job(conn, job.id, EngineError("No space is left.", code="disk"))
        dead = probed_source(conn, key="h.mp4")
        letter = NewDeadLetter(origin=FAILED_RUN, identity="source-8", code="x", message="It broke.", source_id=dead.id)
        record_dead_letters(conn, [letter])
        assert glance(conn) == Glance(running=1, waiting=3, failed=3, published=1)


def test_the_first_page_gets_four_numbers(visit: Visit, catalog: Settings) -> None:
    answer = visit("viewer").get("/vodflow/glance")
    assert answer.status_code == 200
    assert set(answer.json()) == {"running", "waiting", "failed", "published"}
    assert visit().get("/vodflow/glance").status_code == 401


def test_airflow_knows_the_item_and_its_script(visit: Visit) -> None:
    client = visit("viewer")
    plugins = client.get("/api/v2/plugins").json()["plugins"]
    (item,) = next(plugin for plugin in plugins if plugin["name"] == "vodflow")["react_apps"]
    assert item["destination"] == "dashboard"
    script = client.get(item["bundle_url"])
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert f"globalThis.{item['name']} =" in script.text


@pytest.fixture
def hand_made(airflow_db: None) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Starts a run of ``transcode_video`` as a person does, as far as Airflow's database knows of it."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415 - slow
    from airflow.utils.session import create_session  # noqa: PLC0415
    from airflow.utils.types import DagRunTriggeredByType, DagRunType  # noqa: PLC0415

    made = []

    def make(run_id: str, conf: dict[str, Any]) -> None:
        run = DagRun(
            dag_id="transcode_video", run_id=run_id, conf=conf, run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.REST_API,
        )  # fmt: skip
        with create_session() as session:
            session.add(run)
            made.append(run_id)

    yield make
    with create_session() as session:
        session.query(DagRun).filter(DagRun.run_id.in_(made)).delete()


def _link(run_id: str, dag_id: str = "transcode_video") -> str:
    key: Any = SimpleNamespace(dag_id=dag_id, run_id=run_id)
    return VideoLink().get_link(None, ti_key=key)


def test_every_task_of_a_videos_run_leads_to_the_videos_page(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        source = probed_source(conn, key="in/a b.mp4")
    client = visit("viewer")
    for run_id in (f"source-{source.id}", f"source-{source.id}-again-2"):
        answer = client.get(_link(run_id))
        assert (answer.status_code, answer.headers["location"]) == (303, f"/vodflow/videos/{source.video_id}")
    assert _link("source-1", "ingest_videos") == ""


def test_runs_by_hand_lead_to_the_video_that_they_were_asked_for(
    visit: Visit, catalog: Settings, hand_made: Callable[..., None]
) -> None:
    with transaction("test") as conn:
        source = probed_source(conn, key="in/ä.mp4")
    run_id = "manual__2026-11-30T09:00:00+00:00"
    hand_made(run_id, {"source_uri": f"s3://{source.bucket}/{source.key}"})
    answer = visit("viewer").get(_link(run_id))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/vodflow/videos/{source.video_id}")


@pytest.mark.parametrize(
    "conf", [{"source_id": "x"}, {"source_id": 10**30}, {"source_uri": "s3://footage/\0"}, {"source_uri": 7}]
)
def test_a_run_that_was_asked_for_nonsense_is_a_sentence(
    visit: Visit, catalog: Settings, hand_made: Callable[..., None], conf: dict[str, Any]
) -> None:
    hand_made("manual__odd", conf)
    assert visit("viewer").get(_link("manual__odd")).status_code == 404


@pytest.mark.parametrize("run_id", ["source-999999999999999999", "source-x", "manual__never", "x" * 251, "%00", "a/b"])
def test_a_run_of_no_video_is_a_sentence(visit: Visit, catalog: Settings, run_id: str) -> None:
    answer = visit("viewer").get(f"/vodflow/runs/{run_id}", headers={"Accept": "text/html"})
    assert answer.status_code in {400, 404}
    assert "Traceback" not in answer.text

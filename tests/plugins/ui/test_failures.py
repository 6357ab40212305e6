"""The page of failures: why, what stands still, what was given up, and another try."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient
from support.airflow_server import AirflowServer
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.tables.marts import failures as mart
from vodflow.errors import EngineError, RejectionReason, UnreadableReason
from vodflow.settings import Settings
from vodflow_airflow.ui.pages.failures import ROWS

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

Visit = Callable[..., TestClient]
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
PAGE, RETRY = "/vodflow/failures", "/vodflow/failures/retry"


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowServer]:
    """Where actions find Airflow's API."""
    with AirflowServer() as server:
        server.trusting = True
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{server.url}/execution/")
        yield server


def failed(key: str, run_id: str, *, code: str = "disk", tenant: str = "acme") -> int:
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn, key=key, tenant=tenant), run_id=run_id)
        jobs.fail_job(conn, job.id, EngineError(f"No <space> for {key}.", code=code))
        return job.id


def status_of(job_id: int) -> str:
    with transaction("test") as conn:
        return jobs.get_job(conn, job_id).status


def test_without_any_trouble_the_page_says_so(visit: Visit, catalog: Settings) -> None:
    text = visit("viewer").get(PAGE).text
    for sentence in ("Nothing stopped work", "Nothing stands still.", "Nothing was given up."):
        assert sentence in text


def test_each_kind_is_listed_with_its_reason_and_leads_to_its_video(visit: Visit, catalog: Settings) -> None:
    job = failed("in/one.mp4", "run-1")
    with transaction("test") as conn:
        video = jobs.get_job(conn, job).video_id
        sources.reject_source(
            conn, probed_source(conn, key="in/two.mp4").id, RejectionReason.TRUNCATED, "It ends early."
        )
        gone = probed_source(conn, key="in/three.mp4")
        sources.mark_unreadable(conn, gone.id, UnreadableReason.ARCHIVED, "It is in Glacier.")
        letter = NewDeadLetter(origin="ingest_videos.intake", identity="message-1", code="odd", message="No event.")
        record_dead_letters(conn, [letter])
    text = visit("op").get(PAGE).text
    assert "No &lt;space&gt; for in/one.mp4." in text
    assert f'href="/vodflow/videos/{video}"' in text
    assert {"It ends early.", "It is in Glacier.", "No event."} <= set(re.findall(r">([^<>]+)</div>", text))
    # A file that is at fault cannot be tried again, nor can yet what is no run.
    assert set(re.findall(r'name="ref" value="([^"]+)"', text)) == {str(job), f"source-{gone.id}"}
    only = visit("op").get(PAGE, params={"kind": "rejected"}).text
    assert "It ends early." in only
    assert "It is in Glacier." not in only
    assert "for in/one.mp4" in visit("op").get(PAGE, params={"code": "disk"}).text
    assert "like that stands still" in visit("op").get(PAGE, params={"code": "other"}).text


def test_reasons_are_counted_over_days_with_the_last_one_as_example(visit: Visit, catalog: Settings) -> None:
    failed("in/one.mp4", "run-1")
    now = datetime.now(UTC)
    key = {"tenant": "acme", "profile": "p", "engine": "local", "kind": "failed", "error_class": "transient"}
    with transaction("test") as conn:
        for age, count, code in ((1, 3, "disk"), (0, 4, "disk"), (0, 2, "network"), (45, 50, "old")):
            at = now - timedelta(days=age)
            about = {"first_at": at, "last_at": at, "occurrences": count, "videos": 1}
            about |= {"example_uri": f"s3://b/{code}-{age}.mp4", "link": f"/vodflow/videos/{age}"}
            conn.execute(insert(mart).values(**key, **about, day=at.date(), error_code=code))
    text = visit("viewer").get(PAGE, params={"tenant": "acme"}).text
    rows = re.findall(r'code=(\w+)[^>]*>\1</a></th>.*?class="number">(\d+)<.*?href="([^"]+)">([^<]+)<', text, re.DOTALL)
    assert rows == [
        ("disk", "7", "/vodflow/videos/0", "disk-0.mp4"),
        ("network", "2", "/vodflow/videos/0", "network-0.mp4"),
    ]
    first = str((now - timedelta(days=50)).date())
    assert "old-45.mp4" in visit("viewer").get(PAGE, params={"first": first}).text


def test_many_come_page_by_page(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        for number in range(ROWS + 2):
            source = probed_source(conn, key=f"in/{number:03}.mp4")
            sources.reject_source(conn, source.id, RejectionReason.TRUNCATED, "It ends early.")
        letters = [NewDeadLetter(origin="x", identity=f"m-{n:03}", code="odd", message="No.") for n in range(ROWS + 1)]
        record_dead_letters(conn, letters)
    client = visit("viewer")
    first = client.get(PAGE).text
    older = re.findall(r'rel="next" href="([^"]+)"', first)
    assert len(older) == 2
    work, given_up = (client.get(link.replace("&amp;", "&")).text for link in older)
    assert set(re.findall(r"in/(\d{3}).mp4", work)) == {"000", "001"}
    assert set(re.findall(r"m-(\d{3})", given_up)) == {"000"}


def test_an_operator_tries_several_again_and_hears_which_cannot(
    visit: Visit, catalog: Settings, airflow: AirflowServer
) -> None:
    one, two = failed("in/one.mp4", "run-1"), failed("in/two.mp4", "run-2")
    with transaction("test") as conn:
        refused = probed_source(conn, key="in/three.mp4")
        sources.reject_source(conn, refused.id, RejectionReason.TRUNCATED, "It ends early.")
    for run_id in ("run-1", "run-2"):
        airflow.runs[run_id] = {"state": "failed", "conf": {}}
    chosen = {"ref": [str(one), str(two), f"source-{refused.id}", "999999", str(one)]}
    answer = visit("op").post(RETRY, data=chosen, headers=SAME)
    assert answer.status_code == 200
    assert "2 of 4 start again." in answer.text
    assert "There is no job" in answer.text
    assert "there is nothing to try again" in answer.text
    assert (status_of(one), status_of(two)) == ("QUEUED", "QUEUED")
    assert {run["state"] for run in airflow.runs.values()} == {"queued"}


def test_a_viewer_sees_no_boxes_and_cannot_try_again(visit: Visit, catalog: Settings, airflow: AirflowServer) -> None:
    job = failed("in/one.mp4", "run-1")
    client = visit("viewer")
    assert 'name="ref"' not in client.get(PAGE).text
    answer = client.post(RETRY, data={"ref": str(job)}, headers=SAME)
    assert (answer.status_code, status_of(job)) == (403, "FAILED")
    elsewhere = visit("admin").post(RETRY, data={"ref": str(job)}, headers={"Origin": "https://elsewhere.example"})
    assert (elsewhere.status_code, status_of(job)) == (403, "FAILED")
    assert not airflow.calls


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"first": "2026-02-03", "last": "2026-02-01"}, "give the earlier day first"),
        ({"first": "yesterday"}, "give a UTC day as YYYY-MM-DD"),
        ({"last": "2999-01-01"}, "is in the future"),
        ({"tenant": "nobody"}, "There is no tenant"),
        ({"tenant": "a\x00b"}, "tenant cannot be"),
        ({"kind": "odd"}, "kind cannot be"),
        ({"after": "odd"}, "cursor"),
        ({"letter": "9" * 30}, "letter cannot be"),
    ],
)
def test_wrong_questions_get_a_sentence(visit: Visit, catalog: Settings, query: dict[str, str], said: str) -> None:
    answer = visit("viewer").get(PAGE, params=query)
    assert answer.status_code == 400
    assert said in answer.text


@pytest.mark.parametrize(("count", "said"), [(0, "Nothing is chosen"), (ROWS + 1, "at most 50")])
def test_wrong_choices_get_a_sentence(visit: Visit, catalog: Settings, count: int, said: str) -> None:
    answer = visit("op").post(RETRY, data={"ref": [str(number) for number in range(count)]}, headers=SAME)
    assert answer.status_code == 400
    assert said in answer.text

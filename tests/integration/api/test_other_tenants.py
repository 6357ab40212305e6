"""Whoever asks these routes for another tenant's things finds nothing there."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from support.example_things import things
from support.fixtures.doors import Doors
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters

pytestmark = pytest.mark.integration

LISTS = ("videos", "sources", "jobs", "dead-letters", "webhooks/deliveries")
THINGS = (
    ("GET", "/api/v1/videos/{VIDEO}"), ("GET", "/api/v1/sources/{SOURCE}"), ("GET", "/api/v1/jobs/{JOB}"),
    ("GET", "/api/v1/jobs/{JOB}?wait=1"), ("GET", "/api/v1/jobs/source-{SOURCE}"),
    ("GET", "/api/v1/jobs/{JOB}/details"), ("GET", "/api/v1/jobs/{JOB}/events"),
    ("POST", "/api/v1/jobs/{QUEUED}/cancel"), ("POST", "/api/v1/jobs/{FAILED}/retry"),
    ("PUT", "/api/v1/jobs/{QUEUED}/priority"), ("GET", "/api/v1/dead-letters/{LETTER}"),
    ("GET", "/api/v1/webhooks/deliveries/{DELIVERY}"), ("POST", "/api/v1/webhooks/deliveries/{DELIVERY}/redeliver"),
    ("GET", "/aws/transcoding/job/{JOB}"), ("DELETE", "/aws/transcoding/job/{QUEUED}"),
)  # fmt: skip


@pytest.fixture
def named(doors: Doors) -> dict[str, str]:
    """Things of acme's."""
    found = things(doors)
    with transaction("test") as connection:
        letter = NewDeadLetter(origin="notifications", identity="2", code="x", message="x", job_id=int(found["JOB"]))
        record_dead_letters(connection, [letter])
    return found


@pytest.fixture
def stranger(doors: Doors, named: dict[str, str]) -> TestClient:
    return doors.of("globex")


@pytest.mark.parametrize(("method", "path"), THINGS)
def test_each_thing(doors: Doors, named: dict[str, str], stranger: TestClient, method: str, path: str) -> None:
    before = doors.audited()
    body = {"priority": 1} if path.endswith("priority") else None
    answer = stranger.request(method, path.format(**named), json=body)
    assert answer.status_code == 404
    assert "acme" not in answer.text
    assert doors.audited() == before
    assert doors.client.get(f"/api/v1/jobs/{named['QUEUED']}").json()["status"] == "QUEUED"


@pytest.mark.parametrize("tenant", [{}, {"tenant": "acme"}])
@pytest.mark.parametrize("path", LISTS)
def test_each_list(stranger: TestClient, path: str, tenant: dict[str, str]) -> None:
    answer = stranger.get(f"/api/v1/{path}", params={} if path == "dead-letters" else tenant)
    assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_its_own_things_are_there(doors: Doors, named: dict[str, str]) -> None:
    client = doors.of("acme")
    for path in LISTS[:-1]:
        assert client.get(f"/api/v1/{path}").json()["items"], path
    for method, path in THINGS:
        if method == "GET" and "LETTER" not in path and "DELIVERY" not in path:
            assert client.get(path.format(**named)).status_code == 200, path


def test_objects_of_others_make_no_jobs(doors: Doors, named: dict[str, str], stranger: TestClient) -> None:
    runs = dict(doors.place.airflow.runs)
    theirs = doors.place.put("acme/secret.mp4")
    for uri in (theirs, f"s3://{doors.place.bucket}/acme/not there.mp4", "s3://elsewhere/globex/a.mp4"):
        assert stranger.post("/api/v1/jobs", json={"source": uri}).json()["code"] == "source_not_found"
        wanted = {"input_s3_path": uri, "video_id": "a", "project_id": "acme"}
        assert stranger.post("/aws/transcoding/job", json=wanted).json()["code"] == "source_not_found"
    assert doors.place.airflow.runs == runs
    own = doors.place.put("globex/mine.mp4")
    answer = stranger.post("/api/v1/jobs", json={"source": own})
    assert (answer.status_code, answer.json()["tenant"]) == (201, "globex")


def test_a_tenant_works_on_its_own_jobs(doors: Doors, named: dict[str, str]) -> None:
    client = doors.of("acme")
    path = f"/api/v1/jobs/{named['QUEUED']}"
    assert client.put(f"{path}/priority", json={"priority": 7}).json()["priority"] == 7
    assert client.post(f"{path}/cancel").json()["status"] == "CANCELED"
    assert client.post(f"{path}/retry").json()["status"] == "QUEUED"
    assert client.post(f"/api/v1/jobs/{named['FAILED']}/retry").json()["status"] == "QUEUED"

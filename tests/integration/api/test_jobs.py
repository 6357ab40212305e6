"""Jobs over HTTP: create, look, list, cancel, retry, priority."""

from __future__ import annotations

import pytest
from support.fixtures.doors import Doors
from support.fixtures.values import probed_source, queued_job
from vodflow import jobs
from vodflow.catalog import jobs as catalog_jobs
from vodflow.catalog.database import transaction
from vodflow.errors import EngineError

pytestmark = pytest.mark.integration


def test_a_job_is_created_once_and_found_again(doors: Doors) -> None:
    uri = doors.place.put("acme/a.mp4")
    wanted = {"source": uri, "outputs": ["mp4"], "qualities": ["360p"], "priority": 70}
    first = doors.client.post("/api/v1/jobs", json=wanted)
    assert first.status_code == 201
    assert first.headers["location"] == "/api/v1/jobs/source-1"
    assert first.json()["ref"] == "source-1"
    assert doors.place.airflow.runs["source-1"]["conf"] == {
        "source_id": 1, "outputs": ["mp4"], "qualities": ["360p"], "priority": 70,
    }  # fmt: skip
    again = doors.client.post("/api/v1/jobs", json=wanted)
    assert (again.status_code, again.json()["run_id"]) == (200, "source-1")
    made = doors.place.carry_out("source-1")
    done = doors.client.post("/api/v1/jobs", json=wanted)
    assert (done.status_code, done.json()["id"], done.json()["status"]) == (200, made, "PUBLISHED")
    assert done.headers["location"] == f"/api/v1/jobs/{made}"
    other = doors.client.post("/api/v1/jobs", json={"source": uri})
    assert other.status_code == 201
    assert other.headers["location"].startswith("/api/v1/jobs/source-1-")
    assert doors.client.get(other.headers["location"]).json()["ref"] == other.json()["run_id"]
    assert doors.audited() == [("jobs.create", "job source-1")] * 2 + [
        ("jobs.create", f"job {made}"), ("jobs.create", f"job {other.json()['run_id']}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "status", "word"),
    [
        ({}, 422, "body.source"),
        ({"source": "a.mp4"}, 422, "source_uri"),
        ({"source": "s3://B/acme/gone.mp4"}, 404, "does not exist"),
        ({"source": "s3://B/acme/a.mp4", "outputs": ["avi"]}, 422, "body.outputs"),
        ({"source": "s3://B/acme/a.mp4", "qualities": []}, 422, "body.qualities"),
        ({"source": "s3://B/acme/a.mp4", "qualities": ["4k"]}, 422, "no quality 4k"),
        ({"source": "s3://B/acme/a.mp4", "profile": "cinema"}, 422, "no profile 'cinema'"),
        ({"source": "s3://B/acme/a.mp4", "priority": 101}, 422, "body.priority"),
        ({"source": "s3://B/acme/a.mp4", "sauce": 1}, 422, "body.sauce"),
        ({"source": "s3://B/acme/a\u0000.mp4"}, 422, "NUL"),
    ],
)
def test_wrong_requests_start_nothing(doors: Doors, wanted: dict[str, object], status: int, word: str) -> None:
    doors.place.put("acme/a.mp4")
    if "source" in wanted:
        wanted = wanted | {"source": str(wanted["source"]).replace("//B/", f"//{doors.place.bucket}/")}
    answer = doors.client.post("/api/v1/jobs", json=wanted)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]
    assert doors.place.airflow.runs == {}
    assert doors.audited() == []


def test_an_airflow_that_is_away_is_told_and_nothing_is_half_done(doors: Doors) -> None:
    uri = doors.place.put("acme/a.mp4")
    doors.place.airflow.broken = 503
    answer = doors.client.post("/api/v1/jobs", json={"source": uri})
    assert (answer.status_code, answer.json()["retryable"]) == (502, True)
    doors.place.airflow.broken = None
    assert doors.client.post("/api/v1/jobs", json={"source": uri}).status_code == 201


def refs(doors: Doors, **asked: object) -> list[str]:
    return [job["ref"] for job in doors.client.get("/api/v1/jobs", params=asked).raise_for_status().json()["items"]]


@pytest.fixture
def several(doors: Doors) -> list[str]:
    """A failed job, a queued one, and a source without a job, as the API names them."""
    with transaction("test") as connection:
        failed = queued_job(connection, probed_source(connection, key="acme/a.mp4"), run_id="source-1")
        catalog_jobs.fail_job(connection, failed.id, EngineError("it broke"))
        waits = queued_job(
            connection, probed_source(connection, key="globex/b.mp4", tenant="globex"), run_id="source-2"
        )
        bare = probed_source(connection, key="acme/c.mp4")
    return [str(failed.id), str(waits.id), f"source-{bare.id}"]


def test_what_no_status_is_hears_of_all_there_are(doors: Doors) -> None:
    answer = doors.client.get("/api/v1/jobs", params={"status": "failed"}).json()
    assert {one["field"] for one in answer["errors"]} == {"query.status.0"}
    assert "'FAILED'" in answer["detail"]
    assert "'PROBED'" in answer["detail"]


def test_jobs_are_listed_page_by_page_both_ways(doors: Doors, several: list[str]) -> None:
    failed, waits, bare = several
    assert sorted(refs(doors)) == sorted(several)
    assert refs(doors, status="FAILED") == [failed]
    assert refs(doors, status=["FAILED", "QUEUED"], sort="oldest") == [failed, waits]
    assert refs(doors, tenant="globex") == [waits]
    assert refs(doors, engine="local", source="s3://footage/acme/") == [failed]
    assert refs(doors, status="PROBED") == [bare]
    assert refs(doors, since="2100-01-01T00:00:00Z") == []
    for sort in ("newest", "oldest"):
        found, cursor = [], None
        for _ in several:
            answer = doors.client.get(
                "/api/v1/jobs", params={"sort": sort, "limit": 1} | ({"cursor": cursor} if cursor else {})
            ).json()
            found += [job["ref"] for job in answer["items"]]
            cursor = answer["cursor"]
        assert (found, cursor) == (refs(doors, sort=sort), None)
        assert sorted(found) == sorted(several)
    wrong = doors.client.get("/api/v1/jobs", params={"limit": 1}).json()["cursor"]
    assert doors.client.get("/api/v1/videos", params={"cursor": wrong}).json()["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "ref", ["999", "source-999", "9" * 30, "source-" + "9" * 30, "no-such-run", "%00", "source-1-x"]
)
def test_jobs_that_are_not_there(doors: Doors, ref: str) -> None:
    for answer in (
        doors.client.get(f"/api/v1/jobs/{ref}"),
        doors.client.get(f"/api/v1/jobs/{ref}/details"),
        doors.client.get(f"/api/v1/jobs/{ref}/events"),
        doors.client.post(f"/api/v1/jobs/{ref}/cancel"),
        doors.client.post(f"/api/v1/jobs/{ref}/retry"),
        doors.client.put(f"/api/v1/jobs/{ref}/priority", json={"priority": 1}),
    ):
        assert answer.status_code == (422 if ref == "%00" else 404), answer.url
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_job_and_its_history(doors: Doors) -> None:
    job_id = doors.publish(doors.place.put("acme/a.mp4"))
    for ref in (job_id, "source-1"):
        told = doors.client.get(f"/api/v1/jobs/{ref}").json()
        assert (told["id"], told["status"], told["over"], told["public"]) == (job_id, "PUBLISHED", True, True)
    details = doors.client.get(f"/api/v1/jobs/{job_id}/details").json()
    assert [event["new_status"] for event in details["history"]][-1] == "PUBLISHED"
    assert details["renditions"]
    assert details["artifacts"]


def test_cancel_retry_and_priority(doors: Doors) -> None:
    doors.client.post("/api/v1/jobs", json={"source": doors.place.put("acme/a.mp4")})
    job_id = doors.place.carry_out("source-1", until="plan")
    path = f"/api/v1/jobs/{job_id}"
    assert doors.client.put(f"{path}/priority", json={"priority": 90}).json()["priority"] == 90
    assert doors.client.put(f"{path}/priority", json={"priority": -1}).status_code == 422
    answer = doors.client.post(f"{path}/cancel", json={"reason": "the wrong film"})
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELED")
    assert doors.client.post(f"{path}/cancel").status_code == 200, "again is no error"
    assert doors.client.put(f"{path}/priority", json={"priority": 1}).status_code == 409
    (end,) = [row for row in doors.client.get(f"{path}/details").json()["history"] if row["new_status"] == "CANCELED"]
    assert (end["reason"], end["canceled_by"]) == ("the wrong film", "service:a-service")
    assert doors.place.airflow.runs["source-1"]["state"] == "failed"
    assert doors.client.post(f"{path}/retry").json()["status"] == "QUEUED"
    assert doors.place.airflow.runs["source-1"]["state"] == "queued"
    doors.place.carry_out("source-1")
    for action in ("cancel", "retry"):
        assert doors.client.post(f"{path}/{action}").status_code == 409, "it is published"
    assert [action for action, _ in doors.audited()] == [
        "jobs.create", "jobs.priority", "jobs.cancel", "jobs.cancel", "jobs.retry",
    ]  # fmt: skip


def test_what_is_not_planned_has_no_priority_yet(doors: Doors) -> None:
    doors.client.post("/api/v1/jobs", json={"source": doors.place.put("acme/a.mp4")})
    assert doors.client.put("/api/v1/jobs/source-1/priority", json={"priority": 1}).json()["code"] == "not_planned_yet"


def test_a_repeated_request_by_its_key_is_one(doors: Doors) -> None:
    uri = doors.place.put("acme/a.mp4")
    headers = {"Idempotency-Key": "once-and-for-all"}
    wanted = {"source": uri, "force": True}
    answers = [doors.client.post("/api/v1/jobs", json=wanted, headers=headers).json()["run_id"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(doors.place.airflow.runs) == 1
    assert jobs.get(answers[0]).run_id == answers[0]

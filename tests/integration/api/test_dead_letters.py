"""Dead letters over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from support.example_things import things
from support.fixtures.doors import Doors
from support.fixtures.values import probed_source, queued_job
from vodflow.api.callers import Scope
from vodflow.catalog import deliveries
from vodflow.catalog import jobs as catalog_jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, LetterFilter, NewDeadLetter, list_letters, record_dead_letters
from vodflow.errors import EngineError
from vodflow.sensing import queue

pytestmark = pytest.mark.integration


def keep(origin: str, **more: Any) -> int:
    letter = NewDeadLetter(**{"origin": origin, "identity": "1", "code": "bad", "message": "It is bad."} | more)
    with transaction("test") as connection:
        record_dead_letters(connection, [letter])
        return list_letters(connection, LetterFilter(origin=origin), 1)[0].id


def test_letters_are_listed_and_closed_once(doors: Doors) -> None:
    other, letter = keep("mediaconvert.events"), keep("ingest_videos.intake", payload={"body": "secret"})
    listed = doors.client.get("/api/v1/dead-letters").json()["items"]
    assert [row["id"] for row in listed] == [letter, other]
    assert (listed[0]["can_redrive"], "payload" in listed[0]) == (False, False)
    assert [row["id"] for row in doors.client.get("/api/v1/dead-letters?sort=oldest&limit=1").json()["items"]] == [
        other
    ]
    assert [
        row["id"] for row in doors.client.get("/api/v1/dead-letters?origin=ingest_videos.intake").json()["items"]
    ] == [letter]
    path = f"/api/v1/dead-letters/{letter}"
    assert doors.client.get(path).json()["payload"] == {"body": "secret"}
    viewer = doors.api.client_as({Scope.JOBS_READ})
    assert viewer.get(path).json()["payload"] is None
    assert viewer.post(f"{path}/resolve", json={"resolution": "x"}).status_code == 403
    assert doors.client.post(f"{path}/redrive").json()["code"] == "cannot_redrive"
    assert doors.client.post(f"{path}/resolve", json={"resolution": ""}).status_code == 422
    closed = doors.client.post(f"{path}/resolve", json={"resolution": "It was a test message."}).json()
    assert closed["resolution"] == "It was a test message."
    assert closed["resolved_at"]
    assert doors.client.post(f"{path}/resolve", json={"resolution": "again"}).json()["code"] == "resolved_already"
    assert [row["id"] for row in doors.client.get("/api/v1/dead-letters?open=true").json()["items"]] == [other]
    assert [row["id"] for row in doors.client.get("/api/v1/dead-letters?open=false").json()["items"]] == [letter]
    assert doors.audited() == [("dead_letters.resolve", f"dead letter {letter}")]
    assert doors.client.get("/api/v1/dead-letters/999").status_code == 404


def test_a_run_is_tried_again(doors: Doors) -> None:
    doors.client.post("/api/v1/jobs", json={"source": doors.place.put("acme/a.mp4")})
    doors.place.airflow.runs["source-1"]["state"] = "failed"
    letter = keep(FAILED_RUN, identity="source-1", source_id=1)
    path = f"/api/v1/dead-letters/{letter}/redrive"
    doors.place.airflow.broken = 500
    assert doors.client.post(path).status_code == 502
    doors.place.airflow.broken = None
    told = doors.client.post(path).json()
    assert told["resolution"] == "tried again by service:a-service"
    assert doors.place.airflow.runs["source-1"]["state"] == "queued"
    assert doors.client.post(path).status_code == 409


def test_a_notification_is_sent_again(doors: Doors) -> None:
    named = things(doors)
    letter = keep("notifications", payload={"delivery_id": int(named["DELIVERY"])})
    assert doors.client.post(f"/api/v1/dead-letters/{letter}/redrive").status_code == 200
    with transaction("test") as connection:
        row = deliveries.get(connection, int(named["DELIVERY"]))
    assert row is not None
    assert row.status == "PENDING"
    again = keep("notifications", payload={"delivery_id": int(named["DELIVERY"])})
    assert doors.client.post(f"/api/v1/dead-letters/{again}/redrive").json()["code"] == "cannot_redrive"
    gone = keep("notifications", identity="2", payload={"delivery_id": 999})
    assert doors.client.post(f"/api/v1/dead-letters/{gone}/redrive").json()["code"] == "cannot_redrive"
    assert doors.client.get(f"/api/v1/dead-letters/{gone}").json()["resolved_at"] is None


def test_all_that_a_channel_did_not_take_is_sent_again(doors: Doors) -> None:
    """They share a letter, which has the first one's number."""
    first, second = (doors.publish(doors.place.put(f"acme/{name}.mp4")) for name in "ab")
    with transaction("test") as connection:
        rows = {row.job_id: row.id for row in deliveries.recent(connection)}
        for row_id in rows.values():
            deliveries.failed(connection, row_id, "HTTP 500", 500)
    letter = keep("notifications", payload={"delivery_id": rows[first]})
    assert doors.client.post(f"/api/v1/dead-letters/{letter}/redrive").status_code == 200
    with transaction("test") as connection:
        assert {row.status for row in deliveries.recent(connection)} == {"PENDING"}
    assert second in rows


@pytest.mark.parametrize("origin", ["ingest_videos.intake", "mediaconvert.events"])
def test_a_message_goes_into_its_queue_again(doors: Doors, event_queues: dict[str, str], origin: str) -> None:
    url = event_queues["s3" if origin == "ingest_videos.intake" else "mediaconvert"]
    letter, empty = keep(origin, payload={"message_id": "1", "body": '{"a": "ä"}'}), keep(origin, identity="2")
    assert doors.client.get(f"/api/v1/dead-letters/{letter}").json()["can_redrive"] is True
    assert doors.client.post(f"/api/v1/dead-letters/{letter}/redrive").json()["resolved_at"]
    (message,) = queue.receive_batch(url, settings=doors.settings)
    assert message.body == '{"a": "ä"}'
    assert doors.client.post(f"/api/v1/dead-letters/{empty}/redrive").json()["code"] == "cannot_redrive"


def test_a_tenant_reads_of_its_own_videos(doors: Doors) -> None:
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection))
        catalog_jobs.fail_job(connection, job.id, EngineError("it broke"))
    own, others = keep("notifications", job_id=job.id, payload={"delivery_id": 1}), keep("ingest_videos.intake")
    client = doors.of("acme")
    assert [row["id"] for row in client.get("/api/v1/dead-letters").json()["items"]] == [own]
    assert client.get(f"/api/v1/dead-letters/{own}").json()["payload"] is None
    assert client.get(f"/api/v1/dead-letters/{others}").status_code == 404
    assert client.post(f"/api/v1/dead-letters/{own}/resolve", json={"resolution": "x"}).status_code == 403
    assert doors.of("globex").get("/api/v1/dead-letters").json()["items"] == []

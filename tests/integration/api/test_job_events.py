"""Waiting for jobs over HTTP: the long poll, server-sent events, and the look that all who wait share."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from support.fixtures.doors import Doors
from support.fixtures.values import probed_source, queued_job
from support.served_app import served
from vodflow import jobs
from vodflow.api import job_watch
from vodflow.api.job_watch import JobWatch
from vodflow.api.problems import Problem
from vodflow.api.routes import job_events
from vodflow.catalog import jobs as catalog_jobs
from vodflow.catalog.database import get_engine, transaction
from vodflow.errors import EngineError, NotInCatalog
from vodflow.jobs import AirflowClient

pytestmark = pytest.mark.integration


@pytest.fixture
def url(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(job_watch, "_ASK_AGAIN", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served(doors.api.app) as address:
        yield address


@pytest.fixture
def created(doors: Doors) -> str:
    """The run of a new job."""
    answer = doors.client.post("/api/v1/jobs", json={"source": doors.place.put("acme/a.mp4")})
    return str(answer.json()["run_id"])


def browser(doors: Doors, url: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {doors.api.token()}", **headers}, timeout=60)


def stream(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Events as a browser reads them."""
    told: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "":
            if "data" in told:
                yield {**told, "data": json.loads(told["data"])}
            told = {}
        elif name:
            told[name] = value


def test_events_tell_of_every_step_until_the_end(doors: Doors, url: str, created: str) -> None:
    path = f"/api/v1/jobs/{created}/events"
    with browser(doors, url) as client:
        with client.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            events = stream(answer.iter_lines())
            first = next(events)
            assert (first["event"], first["data"]["id"]) == ("job", None)
            worker = threading.Thread(target=doors.place.carry_out, args=(created,))
            worker.start()
            told = list(events)
            worker.join()
        last = told[-1]
        assert (last["event"], last["data"]["status"], last["data"]["over"]) == ("end", "PUBLISHED", True)
        assert [one["event"] for one in told[:-1]] == ["job"] * (len(told) - 1)
        ids = [one["id"] for one in (first, *told)]
        assert len(set(ids)) == len(ids)
        assert client.get(path, headers={"Last-Event-ID": last["id"]}).status_code == 204
        (again,) = stream(iter(client.get(path, headers={"Last-Event-ID": first["id"]}).text.splitlines()))
        assert again == last


def test_a_failed_job_whose_run_goes_on_is_not_over(doors: Doors, url: str, created: str) -> None:
    job_id = doors.place.carry_out(created, until="plan")
    with transaction("test") as connection:
        catalog_jobs.fail_job(connection, job_id, EngineError("it broke"))
    with browser(doors, url) as client, client.stream("GET", f"/api/v1/jobs/{job_id}/events") as answer:
        events = stream(answer.iter_lines())
        first = next(events)
        assert (first["event"], first["data"]["status"], first["data"]["run_state"]) == ("job", "FAILED", "running")
        doors.place.airflow.runs[created]["state"] = "failed"
        (last,) = events
        assert (last["event"], last["data"]["reason"]) == ("end", "it broke")


def test_a_long_poll_ends_with_the_job_or_its_time(doors: Doors, url: str, created: str) -> None:
    with browser(doors, url) as client:
        waited = client.get(f"/api/v1/jobs/{created}", params={"wait": 0.1}).json()
        assert (waited["over"], waited["status"]) == (False, "DISPATCHED")
        worker = threading.Thread(target=doors.place.carry_out, args=(created,))
        worker.start()
        assert client.get(f"/api/v1/jobs/{created}", params={"wait": 60}).json()["status"] == "PUBLISHED"
        worker.join()
        for wrong in (61, -1, "long"):
            assert client.get(f"/api/v1/jobs/{created}", params={"wait": wrong}).status_code == 422


def test_a_run_that_ends_without_a_job_is_told(doors: Doors, url: str, created: str) -> None:
    doors.place.airflow.runs[created]["state"] = "failed"
    with browser(doors, url) as client:
        told = client.get(f"/api/v1/jobs/{created}", params={"wait": 30}).json()
    assert (told["status"], told["over"]) == ("FAILED", True)


def test_streams_are_let_go_when_their_readers_leave(doors: Doors, url: str, created: str) -> None:
    with browser(doors, url) as client:
        with client.stream("GET", f"/api/v1/jobs/{created}/events") as answer:
            next(stream(answer.iter_lines()))
        for _ in range(100):
            told = client.get(f"/api/v1/jobs/{created}", params={"wait": 0.1}).json()
            assert told["over"] is False
            if watched_in(doors.api.app).size == 0:
                break
        else:
            pytest.fail("a watcher is left")


def watched_in(app: Any) -> JobWatch:
    """Behind whatever stands before the routes."""
    while not hasattr(app, "state"):
        app = app._app
    found: JobWatch = app.state.job_watch
    return found


class Counted(JobWatch):
    """Counts its looks."""

    looks = 0

    def _look(self, watched: Any) -> None:
        self.looks += 1
        super()._look(watched)


def no_airflow() -> AirflowClient:
    raise EngineError("not asked here")


def test_a_thousand_who_wait_cost_a_few_queries_and_no_connection(doors: Doors) -> None:
    with transaction("test") as connection:
        made = [
            queued_job(connection, probed_source(connection, key=f"acme/{n}.mp4"), run_id=f"r{n}").id for n in range(20)
        ]
        bare = [probed_source(connection, key=f"acme/bare {n}.mp4").id for n in range(20)]
    known = [jobs.get(ref) for ref in (*made, *(f"source-{one}" for one in bare))]
    watch = Counted(doors.settings, poll=0.2)
    statements: list[str] = []

    async def wait() -> list[Any]:
        watchers = [watch.add(known[number % len(known)], no_airflow) for number in range(1000)]
        assert watch.size == 1000
        event.listen(get_engine(), "before_cursor_execute", lambda *given: statements.append(given[2]))
        with transaction("test") as connection:
            for job_id in made:
                catalog_jobs.begin(connection, job_id, engine="local", worker="host")
            for source_id in bare:
                row = probed_source(connection, key=f"acme/bare {bare.index(source_id)}.mp4")
                queued_job(connection, row, run_id=f"source-{source_id}")
        statements.clear()
        watch.looks = 0
        told = await asyncio.gather(*(watcher.next(30) for watcher in watchers))
        assert get_engine().pool.checkedout() <= 1, "who waits holds no connection"
        for watcher in watchers:
            watcher.close()
        return told

    told = asyncio.run(wait())
    assert {job.status for job in told} == {"PROGRESSING", "QUEUED"}
    assert all(job.id is not None for job in told)
    assert len(statements) <= 6 * (watch.looks + 1), "each look asks for all of them at once"
    assert watch.size == 0


def test_there_is_a_bound_and_jobs_can_vanish(doors: Doors, created: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = JobWatch(doors.settings, poll=0.1, most=2)

    async def wait() -> None:
        job = jobs.get(created)
        one, other = watch.add(job, no_airflow), watch.add(job, no_airflow)
        with pytest.raises(Problem) as caught:
            watch.add(job, no_airflow)
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "5"})
        other.close()
        other.close()
        watch.add(job, no_airflow).close()
        monkeypatch.setattr(job_watch, "MOST_OF_ONE", 1)
        wide = JobWatch(doors.settings, poll=0.1)
        of_acme = wide.add(job, no_airflow, "acme")
        with pytest.raises(Problem):
            wide.add(job, no_airflow, "acme")
        for other_tenant in ("globex", None, None):
            wide.add(job, no_airflow, other_tenant).close()
        of_acme.close()
        wide.add(job, no_airflow, "acme").close()
        assert await one.next(0.3) is None, "nothing has changed"
        gone = watch.add(dataclasses.replace(job, id=999), no_airflow)
        with pytest.raises(NotInCatalog):
            await gone.next(30)
        one.close()
        gone.close()

    asyncio.run(wait())


def test_a_silent_stream_says_that_it_lives_and_ends_in_time(
    doors: Doors, url: str, created: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HEARTBEAT", 0.05)
    path = f"/api/v1/jobs/{created}/events"
    with browser(doors, url) as client:
        with client.stream("GET", path) as answer:
            assert ": it goes on" in answer.iter_lines()
        monkeypatch.setattr(job_events, "LONGEST_STREAM", 0.0)
        (only,) = stream(iter(client.get(path).text.splitlines()))
        assert only["event"] == "job", "not over: who reads comes again"
        again = client.get(path, headers={"Last-Event-ID": only["id"]})
        assert (again.status_code, list(stream(iter(again.text.splitlines())))) == (200, [])


def test_an_airflow_that_is_away_ends_nothing(doors: Doors, url: str, created: str) -> None:
    job_id = doors.place.carry_out(created, until="plan")
    with transaction("test") as connection:
        catalog_jobs.fail_job(connection, job_id, EngineError("it broke"))
    with browser(doors, url) as client, client.stream("GET", f"/api/v1/jobs/{job_id}/events") as answer:
        events = stream(answer.iter_lines())
        assert next(events)["data"]["run_state"] == "running"
        doors.place.airflow.broken = 500
        told = client.get(f"/api/v1/jobs/{job_id}").json()
        assert (told["status"], told["run_state"], told["over"]) == ("FAILED", "unknown", False)
        doors.place.airflow.runs[created]["state"] = "failed"
        doors.place.airflow.broken = None
        (last,) = events
        assert (last["event"], last["data"]["run_state"]) == ("end", "failed")

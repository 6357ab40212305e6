"""Waiting for MediaConvert's jobs: events are fast, polls are sure, and no one's restart or loss matters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from support.fixtures.mediaconvert_site import Site, reread
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.steps import submit_job
from vodflow.engines.mediaconvert.wait import JobWaiter
from vodflow.errors import EngineError
from vodflow.storage.clients import sqs_client

pytestmark = pytest.mark.integration

#: Seconds between polls that never come within a test.
NEVER = 3600


def submitted(site: Site, run_id: str = "manual-1", **values: Any) -> tuple[JobRow, str]:
    job = site.planned("small", run_id, **values)
    external_id = submit_job(job.id, run_id=run_id).external_id
    assert external_id is not None
    return job, external_id


def within(patience: float, waiting: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(waiting, patience))


async def released(site: Site, waiting: Coroutine[Any, Any, Any], looked: asyncio.Event | None = None) -> None:
    """Let the job begin only when it is waited for, and after ``looked``."""
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0.3)
    if looked is not None:
        await looked.wait()
    assert not task.done()
    await asyncio.to_thread(site.release)
    await task


def kinds() -> list[str]:
    with transaction("test") as connection:
        return [row.kind for row in connection.execute(text("SELECT kind FROM engine_event ORDER BY at, id"))]


def test_an_event_ends_the_waiting(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=NEVER)
    job, external_id = submitted(idle_site)
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))
    assert kinds()[-1] == "COMPLETE"
    assert reread(job).status == JobStatus.PROGRESSING
    # Everything that was heard is written down, and nothing comes again.
    assert idle_site.messages() == []


@pytest.mark.parametrize("faults", [
    {"events": [{"lose": 100}]}, {"events": [{"duplicate": 100, "delay": 100, "delay_seconds": 2}]},
    {"events": [{"statuses": ["PROGRESSING"], "delay": 100, "delay_seconds": 3}]},
], ids=["lost", "duplicated and late", "out of order"])  # fmt: skip
def test_whatever_becomes_of_events(idle_site: Site, set_settings: Any, faults: dict[str, Any]) -> None:
    settings = set_settings(mediaconvert_poll_interval=0.5)
    _, external_id = submitted(idle_site)
    idle_site.restart(**faults)
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))
    idle_site.restart()
    noted = idle_site.note()
    assert kinds().count("COMPLETE") == (0 if faults["events"][0].get("lose") else 1)
    assert noted.foreign == 0


def test_without_a_queue_polls_tell(idle_site: Site, set_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, external_id = submitted(idle_site)
    monkeypatch.delenv("VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL")
    settings = set_settings(mediaconvert_poll_interval=0.5)
    seen: list[Snapshot] = []
    looked = asyncio.Event()

    async def see(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        looked.set()

    within(60, released(idle_site, JobWaiter(settings).wait(external_id, on_snapshot=see), looked))
    assert seen[0].status == "SUBMITTED"
    assert seen[-1].status == "COMPLETE"


def test_a_queue_that_is_gone_fails_nobody(idle_site: Site, set_settings: Any) -> None:
    missing = f"{idle_site.queue_url}-gone"
    settings = set_settings(mediaconvert_event_queue_url=missing, mediaconvert_poll_interval=0.5)
    _, external_id = submitted(idle_site)
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))


def test_an_event_that_another_process_took_is_found_in_the_catalog(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=NEVER)
    _, external_id = submitted(idle_site)
    idle_site.release()
    idle_site.ended(external_id)
    idle_site.note(until="COMPLETE")
    within(30, JobWaiter(settings).wait(external_id))


def test_many_wait_with_one_listener_and_few_calls(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=NEVER)
    ids = [submitted(idle_site, f"manual-{number}", force=True)[1] for number in range(5)]
    waiter = JobWaiter(settings)

    async def all_of_them() -> None:
        await asyncio.gather(*(waiter.wait(external_id) for external_id in ids))

    within(90, released(idle_site, all_of_them()))
    assert kinds().count("COMPLETE") == len(ids)


def test_who_stops_waiting_cancels_nothing_and_goes_on_later(idle_site: Site, set_settings: Any) -> None:
    """A triggerer that is restarted: its tasks are cancelled, and another process waits with the same arguments."""
    settings = set_settings(mediaconvert_poll_interval=0.5)
    job, external_id = submitted(idle_site)

    async def interrupted() -> None:
        waiting = asyncio.create_task(JobWaiter(settings).wait(external_id))
        await asyncio.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        left = [task for task in asyncio.all_tasks() if task.get_name().startswith("mediaconvert")]
        await asyncio.wait(left, timeout=10) if left else None
        assert all(task.done() for task in left)

    within(60, interrupted())
    (made,) = idle_site.jobs()
    assert made["Status"] == "SUBMITTED"
    assert reread(job).status == JobStatus.SUBMITTED
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))


def test_signs_of_life_keep_other_runs_away(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=NEVER)
    job, external_id = submitted(idle_site)
    assert reread(job).heartbeat_at is None
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))
    assert reread(job).heartbeat_at is not None


def test_waiting_ends_at_its_deadline(idle_site: Site, set_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_settings(mediaconvert_poll_interval=0.2)
    _, external_id = submitted(idle_site)
    monkeypatch.setattr("vodflow.engines.mediaconvert.watcher.time.time", _Clock())
    with pytest.raises(EngineError, match="has not ended") as caught:
        within(60, JobWaiter(settings).wait(external_id, deadline=time.time()))
    assert caught.value.code == "TIME_LIMIT"


def test_a_job_that_nobody_knows_is_told_at_once(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=0.5)
    with pytest.raises(EngineError, match="NotFound"):
        within(60, JobWaiter(settings).wait("1700000000000-nobody"))


def test_messages_that_are_no_events_do_not_stop_the_listener(idle_site: Site, set_settings: Any) -> None:
    settings = set_settings(mediaconvert_poll_interval=NEVER)
    _, external_id = submitted(idle_site)
    sqs_client().send_message(QueueUrl=idle_site.queue_url, MessageBody="rubbish")
    within(60, released(idle_site, JobWaiter(settings).wait(external_id)))


class _Clock:
    """A clock that runs sixty times as fast."""

    def __init__(self) -> None:
        self._real, self._began = time.time, time.time()

    def __call__(self) -> float:
        return self._began + (self._real() - self._began) * 60

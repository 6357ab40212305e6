"""Watching many jobs: who is told what, and what it costs. Time is the event loop's own and jumps."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from support.fast_loop import run_fast
from vodflow.engines.mediaconvert import watcher
from vodflow.engines.mediaconvert.failures import JOB_TIME_LIMIT
from vodflow.engines.mediaconvert.polling_interval import Pace
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.watcher import JobWatcher, Page, wait_for_end
from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, VodflowError

EPOCH = 1_800_000_000.0


class Jobs:
    """An account's jobs behind a :class:`JobReader`; counts calls, and lets some fail."""

    def __init__(self, fault: Callable[[str], VodflowError | None] = lambda _: None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[float, str]] = []
        self.opened = self.open = 0
        self._fault = fault

    def add(self, job_id: str, status: str = "SUBMITTED", **fields: Any) -> str:
        self.jobs[job_id] = {"Id": job_id, "Status": status, "CreatedAt": EPOCH + len(self.jobs), **fields}
        return job_id

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Jobs]:
        self.opened += 1
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    async def page(self, status: str | None, token: str | None) -> Page:
        await self._called(f"list {status or 'all'}")
        newest = [job for job in reversed(self.jobs.values()) if status in {None, job["Status"]}]
        start = int(token or 0)
        end = start + watcher.PAGE_SIZE
        return Page(newest[start:end], str(end) if end < len(newest) else None)

    async def job(self, job_id: str) -> dict[str, Any]:
        await self._called("get")
        if job_id not in self.jobs:
            error = EngineError("no such job", code="NotFoundException", retryable=False)
            error.external_id = job_id
            raise error
        return self.jobs[job_id]

    async def _called(self, name: str) -> None:
        self.calls.append((asyncio.get_running_loop().time(), name))
        fault = self._fault(name)
        if fault is not None:
            raise fault

    @property
    def counted(self) -> Counter[str]:
        return Counter(name for _, name in self.calls)


def watcher_of(jobs: Jobs, rate: float = 1000.0, **options: Any) -> JobWatcher:
    return JobWatcher(jobs.connect, pace=Pace(rate), **options)


async def ended(watcher: JobWatcher, job_id: str, interval: float = 30, **options: Any) -> Snapshot:
    return await wait_for_end(watcher, job_id, interval=interval, deadline=EPOCH * 2, **options)


def test_one_job_is_told_every_change_and_its_end() -> None:
    jobs = Jobs()
    job_id = jobs.add("1")
    told: list[tuple[str, str | None, int | None]] = []

    async def hear(snapshot: Snapshot) -> None:
        told.append((snapshot.status, snapshot.phase, snapshot.percent))

    async def main() -> Snapshot:
        watching_it = asyncio.create_task(ended(watcher_of(jobs), job_id, on_snapshot=hear))
        await asyncio.sleep(1)
        jobs.jobs[job_id] |= {"Status": "PROGRESSING", "CurrentPhase": "TRANSCODING", "JobPercentComplete": 40}
        await asyncio.sleep(100)
        jobs.jobs[job_id] |= {"Status": "COMPLETE"}
        return await watching_it

    assert run_fast(main()).status == "COMPLETE"
    assert told == [
        ("SUBMITTED", None, None),
        ("PROGRESSING", "TRANSCODING", 40),
        ("COMPLETE", "TRANSCODING", 40),
    ]
    # At 0, 30, 60, 90 and 120 s; one job costs one GetJob a look.
    assert jobs.counted == {"get": 5}
    assert (jobs.opened, jobs.open) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"Status": "ERROR", "ErrorCode": 1999, "ErrorMessage": "Odd"}, EngineError, "1999.*Odd"),
        ({"Status": "CANCELED"}, EngineCanceled, "cancelled"),
    ],
)
def test_every_bad_end_ends_the_watching(fields: dict[str, Any], kind: type, message: str) -> None:
    jobs = Jobs()
    jobs.add("1", **fields)
    with pytest.raises(kind, match=message):
        run_fast(ended(watcher_of(jobs), "1"))


def test_a_thousand_jobs_cost_fewer_than_two_calls_a_second() -> None:
    """Half of them end while they are watched; everybody hears of it within two sweeps."""
    jobs = Jobs()
    ids = [jobs.add(str(number), "PROGRESSING") for number in range(1000)]
    heard: dict[str, float] = {}

    async def one(watcher: JobWatcher, job_id: str) -> None:
        await ended(watcher, job_id)
        heard[job_id] = asyncio.get_running_loop().time()

    async def main() -> None:
        watcher = JobWatcher(jobs.connect)
        tasks = [asyncio.create_task(one(watcher, job_id)) for job_id in ids]
        await asyncio.sleep(300)
        for job_id in ids[::2]:
            jobs.jobs[job_id]["Status"] = "COMPLETE"
        await asyncio.sleep(300)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_fast(main())
    assert len(jobs.calls) / 600 < 2
    assert jobs.counted["get"] < 100
    assert set(heard) == set(ids[::2])
    assert max(heard.values()) <= 300 + 120


def test_calls_are_never_closer_than_the_pace() -> None:
    jobs = Jobs()
    ids = [jobs.add(str(number)) for number in range(300)]

    async def main() -> None:
        watcher = watcher_of(jobs, rate=2)
        tasks = [asyncio.create_task(ended(watcher, job_id, interval=1)) for job_id in ids]
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_fast(main())
    moments = [moment for moment, _ in jobs.calls]
    assert min(later - sooner for sooner, later in itertools.pairwise(moments)) >= 0.5 - 1e-9


def test_half_of_all_calls_throttled_still_ends_well() -> None:
    chance = random.Random(7)

    def throttle(_: str) -> VodflowError | None:
        return EngineError("slow down", code="TooManyRequestsException") if chance.random() < 0.5 else None

    jobs = Jobs(throttle)
    ids = [jobs.add(str(number), "COMPLETE") for number in range(200)]

    async def main() -> None:
        watcher = JobWatcher(jobs.connect)
        await asyncio.gather(*(ended(watcher, job_id) for job_id in ids))

    run_fast(main())
    assert jobs.calls[-1][0] > len(jobs.calls)  # slower than the pace when it is throttled


def test_jobs_buried_under_other_people_s_are_found_by_status_or_one_by_one() -> None:
    jobs = Jobs()
    old = jobs.add("old", "COMPLETE")
    ids = [jobs.add(f"ours{number}", "PROGRESSING") for number in range(60)]
    for number in range(2000):
        jobs.add(f"theirs{number}", "COMPLETE")
    seen: set[str] = set()

    async def hear(snapshot: Snapshot) -> None:
        seen.add(snapshot.job_id)

    async def main() -> None:
        watcher = watcher_of(jobs)
        tasks = [asyncio.create_task(ended(watcher, job_id, on_snapshot=hear)) for job_id in [old, *ids]]
        await asyncio.sleep(1)
        assert seen == {old, *ids}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_fast(main())
    assert jobs.counted == {"list all": 3, "list SUBMITTED": 1, "list PROGRESSING": 3, "get": 1}


def test_old_jobs_take_turns_at_a_bounded_number_a_sweep() -> None:
    jobs = Jobs()
    ids = [jobs.add(f"ours{number}", "ERROR", ErrorCode=1999) for number in range(50)]
    for number in range(200):
        jobs.add(f"theirs{number}", "COMPLETE")

    async def main() -> list[Any]:
        watcher = watcher_of(jobs)
        return await asyncio.gather(*(ended(watcher, job_id) for job_id in ids), return_exceptions=True)

    assert {type(result) for result in run_fast(main())} == {EngineError}
    sweeps = Counter(int(moment // 30) for moment, name in jobs.calls if name == "get")
    assert sweeps == {0: 20, 1: 20, 2: 10}


def test_an_unknown_job_fails_alone() -> None:
    jobs = Jobs()
    jobs.add("1", "COMPLETE")

    async def main() -> list[Any]:
        watcher = watcher_of(jobs)
        return await asyncio.gather(ended(watcher, "1"), ended(watcher, "0"), return_exceptions=True)

    good, bad = run_fast(main())
    assert good.status == "COMPLETE"
    assert (bad.code, bad.external_id) == ("NotFoundException", "0")


@pytest.mark.parametrize("fault", [ConfigurationError("forbidden", code="ForbiddenException"), RuntimeError("odd")])
def test_what_no_retry_cures_ends_all_at_once_and_the_next_begins_anew(fault: Exception) -> None:
    faults: list[Exception] = [fault]

    def refuse(_: str) -> VodflowError | None:
        if faults:
            raise faults[0]
        return None

    jobs = Jobs(refuse)
    for job_id in "123":
        jobs.add(job_id, "COMPLETE")

    async def main() -> list[Any]:
        watcher = watcher_of(jobs)
        results = await asyncio.gather(*(ended(watcher, job_id) for job_id in "123"), return_exceptions=True)
        faults.clear()
        return [*results, await ended(watcher, "1")]

    *failed, good = run_fast(main())
    assert {type(error) for error in failed} == {ConfigurationError if fault.args == ("forbidden",) else EngineError}
    assert good.status == "COMPLETE"
    assert len(jobs.calls) == 2
    assert jobs.open == 0


@pytest.mark.parametrize("code", ["ExpiredToken", "UnrecognizedClientException"])
def test_credentials_that_expire_are_read_again_once(code: str) -> None:
    expired = [False, True, False, True, True]

    def refuse(_: str) -> VodflowError | None:
        return EngineError("old credentials", code=code) if expired and expired.pop(0) else None

    jobs = Jobs(refuse)
    jobs.add("1")

    async def main() -> None:
        with pytest.raises(EngineError, match="old credentials") as caught:
            await ended(watcher_of(jobs), "1")
        assert caught.value.code == code

    run_fast(main())
    # Good, refused; again good, refused; and refused from the beginning.
    assert (len(jobs.calls), jobs.opened, jobs.open) == (5, 3, 0)


def test_a_connection_that_cannot_be_opened_is_told() -> None:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Jobs]:
        raise ConfigurationError("no region")
        yield Jobs()

    with pytest.raises(ConfigurationError, match="no region"):
        run_fast(ended(JobWatcher(connect), "1"))


def test_a_service_that_never_answers_is_given_up() -> None:
    jobs = Jobs(lambda _: EngineError("no connection", code="EndpointConnectionError"))

    async def main() -> float:
        with pytest.raises(EngineError, match="no connection") as caught:
            await ended(watcher_of(jobs, rate=1, give_up=600), "1")
        assert caught.value.retryable
        return asyncio.get_running_loop().time()

    assert 600 <= run_fast(main()) < 700


def test_nobody_is_left_behind_when_watchers_come_and_go() -> None:
    jobs = Jobs()
    ids = [jobs.add(str(number)) for number in range(60)]

    async def main() -> None:
        watcher = watcher_of(jobs)
        for turn in range(20):
            gone = [asyncio.create_task(ended(watcher, job_id, interval=5)) for job_id in ids[:turn]]
            await asyncio.sleep(3)
            for task in gone:
                task.cancel()
            jobs.jobs[ids[turn]]["Status"] = "COMPLETE"
            # Comes while the poller of those who left is still ending.
            assert (await ended(watcher, ids[turn], interval=5)).status == "COMPLETE"
            await asyncio.gather(*gone, return_exceptions=True)
        assert watcher.idle

    run_fast(main())
    assert jobs.open == 0


def test_two_who_wait_for_the_same_job_are_both_told() -> None:
    jobs = Jobs()
    jobs.add("1")

    async def main() -> list[Snapshot]:
        watcher = watcher_of(jobs)
        first = asyncio.create_task(ended(watcher, "1"))
        await asyncio.sleep(40)
        second = asyncio.create_task(ended(watcher, "1"))
        await asyncio.sleep(40)
        jobs.jobs["1"]["Status"] = "COMPLETE"
        return await asyncio.gather(first, second)

    assert [snapshot.status for snapshot in run_fast(main())] == ["COMPLETE", "COMPLETE"]
    assert set(jobs.counted) == {"get"}


def test_the_deadline_ends_the_wait_but_the_job_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    jobs.add("1")
    jobs.add("2", "COMPLETE")

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(watcher.time, "time", lambda: EPOCH + loop.time())
        late = await wait_for_end(watcher_of(jobs), "2", interval=30, deadline=EPOCH - 1)
        with pytest.raises(EngineError) as caught:
            await wait_for_end(watcher_of(jobs), "1", interval=30, deadline=EPOCH + 100)
        return late, caught.value, loop.time()

    late, error, moment = run_fast(main())
    assert late.status == "COMPLETE"
    assert (error.code, error.retryable, error.external_id) == ("TIME_LIMIT", True, "1")
    assert 100 <= moment < 130


def test_a_job_in_progress_for_48_hours_is_given_up_whatever_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    jobs.add("1", "PROGRESSING", Timing={"StartTime": EPOCH - JOB_TIME_LIMIT + 600})

    async def main() -> tuple[VodflowError, float]:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(watcher.time, "time", lambda: EPOCH + loop.time())
        with pytest.raises(EngineError) as caught:
            await wait_for_end(watcher_of(jobs), "1", interval=30, deadline=EPOCH * 2)
        return caught.value, loop.time()

    error, moment = run_fast(main())
    assert (error.code, error.retryable) == ("TIME_LIMIT", False)
    assert 600 < moment < 2000


def test_leaving_stops_the_calls() -> None:
    jobs = Jobs()
    jobs.add("1")

    async def main() -> None:
        watcher = watcher_of(jobs)
        async with aclosing(watcher.watch("1", interval=1)) as updates:
            await anext(updates)
            assert not watcher.idle
        calls = len(jobs.calls)
        await asyncio.sleep(100)
        assert len(jobs.calls) == calls
        assert watcher.idle

    run_fast(main())
    assert jobs.open == 0

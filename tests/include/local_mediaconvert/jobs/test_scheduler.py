from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_mediaconvert.api.server import serve
from local_mediaconvert.errors import ApiError
from support.mediaconvert_jobs import Bench, until
from vodflow.errors import StackError

OpenBench = Callable[..., Bench]


def test_a_job_runs_and_tells_its_life(bench: Bench) -> None:
    job_id = bench.submit({"video": "1"})
    (job,) = bench.wait(job_id)
    assert job["jobPercentComplete"] == 100
    assert job["retryCount"] == 0
    assert job["timing"]["submitTime"] <= job["timing"]["startTime"] <= job["timing"]["finishTime"]
    assert job["outputGroupDetails"] == [
        {"outputDetails": [{"durationInMs": 2000, "videoDetails": {"widthInPx": 64, "heightInPx": 36}}]}
    ]
    until(lambda: "COMPLETE" in bench.told(job_id))
    assert bench.told(job_id) == ["PROGRESSING", "INPUT_INFORMATION", "COMPLETE"]
    complete = bench.events[-1]
    assert complete["source"] == "aws.mediaconvert"
    assert complete["detail-type"] == "MediaConvert Job State Change"
    assert complete["resources"] == [job["arn"]]
    assert complete["detail"]["userMetadata"] == {"video": "1"}
    assert complete["detail"]["outputGroupDetails"][0]["outputDetails"][0]["outputFilePaths"] == ["s3://out/a.mp4"]


def test_an_error_has_its_code_and_message(bench: Bench) -> None:
    job_id = bench.submit({"error": "1404"})
    (job,) = bench.wait(job_id, status="ERROR")
    assert (job["errorCode"], job["errorMessage"]) == (1404, "as asked")
    until(lambda: "ERROR" in bench.told(job_id))
    detail = bench.events[-1]["detail"]
    assert (detail["errorCode"], detail["errorMessage"]) == (1404, "as asked")


def test_warnings_are_counted_and_told(bench: Bench) -> None:
    job_id = bench.submit({"warning": "/outputGroups/0/name", "nonsense": "1"})
    (job,) = bench.wait(job_id)
    assert job["warnings"] == [{"code": 900001, "count": 1}]
    assert job["messages"]["warning"] == ["/outputGroups/0/name: not honoured"]
    until(lambda: "COMPLETE" in bench.told(job_id))
    assert "NEW_WARNING" in bench.told(job_id)
    assert bench.events[-1]["detail"]["warnings"] == job["warnings"]


def test_the_highest_priority_runs_first_then_the_oldest(open_bench: OpenBench, tmp_path: Path) -> None:
    bench = open_bench()
    notes = {"notes": str(tmp_path / "notes")}
    low, high, middle, later = (bench.submit(notes, priority=number) for number in (-50, 50, 0, 0))
    bench.start()
    bench.wait(low, high, middle, later)
    ran = [line.split()[0] for line in (tmp_path / "notes").read_text().splitlines()]
    assert ran == [high, middle, later, low]


def test_as_many_jobs_run_as_the_machine_and_the_queue_allow(open_bench: OpenBench, tmp_path: Path) -> None:
    bench, go = open_bench(concurrency=3), tmp_path / "go"
    bench.call("CreateQueue", name="Narrow", concurrentJobs=1)
    jobs = [
        bench.submit({"until": str(go)}, queue=name) for name in ("Narrow", "Narrow", "Default", "Default", "Default")
    ]
    bench.start()
    until(lambda: _statuses(bench, jobs).count("PROGRESSING") == 3)
    assert _statuses(bench, jobs[:2]).count("PROGRESSING") == 1
    queues = {item["name"]: item for item in bench.call("ListQueues")["queues"]}
    assert (queues["Narrow"]["progressingJobsCount"], queues["Narrow"]["submittedJobsCount"]) == (1, 1)
    go.touch()
    bench.wait(*jobs)


def _statuses(bench: Bench, jobs: list[str]) -> list[str]:
    return [bench.job(item)["status"] for item in jobs]


def test_a_paused_queue_holds_its_jobs_and_no_others(bench: Bench) -> None:
    bench.call("CreateQueue", name="Held", status="PAUSED")
    held, free = bench.submit(queue="Held"), bench.submit()
    bench.wait(free)
    assert bench.job(held)["status"] == "SUBMITTED"
    bench.call("UpdateQueue", name="Held", status="ACTIVE")
    bench.wait(held)


def test_a_job_that_waits_too_long_hops_with_another_priority(open_bench: OpenBench) -> None:
    bench = open_bench(minute=0.4).start()
    bench.call("CreateQueue", name="Held", status="PAUSED")
    bench.call("CreateQueue", name="Also", status="PAUSED")
    hops = [{"queue": "Default", "waitMinutes": 2, "priority": 7}, {"queue": "Also", "waitMinutes": 1}]
    job_id = bench.submit(queue="Held", hopDestinations=hops, priority=3)
    (job,) = bench.wait(job_id)
    assert [(_name(item["sourceQueue"]), _name(item["destinationQueue"])) for item in job["queueTransitions"]] == [
        ("Held", "Default")
    ]
    assert (_name(job["queue"]), job["priority"]) == ("Default", 7)
    until(lambda: "COMPLETE" in bench.told(job_id))
    assert bench.told(job_id)[:2] == ["NEW_WARNING", "QUEUE_HOP"]  # the paused queue takes nobody
    assert job["warnings"] == [{"code": 100000, "count": 1}]
    hop = next(item["detail"] for item in bench.events if item["detail"]["status"] == "QUEUE_HOP")
    assert (_name(hop["previousQueue"]), _name(hop["queue"])) == ("Held", "Default")
    assert (hop["previousPriority"], hop["priority"]) == (3, 7)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def test_cancelling_a_waiting_job_needs_no_process(bench: Bench) -> None:
    bench.call("UpdateQueue", name="Default", status="PAUSED")
    job_id = bench.submit()
    bench.call("CancelJob", id=job_id)
    assert bench.job(job_id)["status"] == "CANCELED"
    until(lambda: bench.told(job_id) == ["CANCELED"])
    with pytest.raises(ApiError, match="has ended as CANCELED") as caught:
        bench.call("CancelJob", id=job_id)
    assert caught.value.code == "ConflictException"


@pytest.mark.parametrize("temper", ["meek", "stubborn"])
def test_cancelling_a_running_job_ends_its_process(bench: Bench, tmp_path: Path, temper: str) -> None:
    notes = tmp_path / "notes"
    job_id = bench.submit({"seconds": "60", "notes": str(notes), temper: "1"})
    until(notes.exists)
    until(lambda: bool(notes.read_text()))
    until(lambda: bench.job(job_id).get("jobPercentComplete", 0) > 40)
    process = psutil.Process(int(notes.read_text().split()[1]))
    bench.call("CancelJob", id=job_id)
    assert bench.job(job_id)["status"] == "CANCELED"
    process.wait(30)  # the job itself would take a minute
    next_job = bench.submit()
    bench.wait(next_job)
    assert bench.told(job_id)[-1] == "CANCELED"


def test_a_crash_of_the_worker_is_tried_again_once(bench: Bench, tmp_path: Path) -> None:
    job_id = bench.submit({"crash_once": str(tmp_path / "crashed")})
    (job,) = bench.wait(job_id)
    assert job["retryCount"] == 1
    assert bench.told(job_id).count("PROGRESSING") == 1


def test_a_worker_that_always_crashes_ends_its_job_and_not_the_service(bench: Bench) -> None:
    job_id = bench.submit({"crash": "1"})
    (job,) = bench.wait(job_id, status="ERROR")
    assert (job["errorCode"], job["retryCount"]) == (1999, 1)
    bench.wait(bench.submit())


def test_jobs_survive_a_restart_and_what_ran_runs_again_first(open_bench: OpenBench, tmp_path: Path) -> None:
    notes, go = tmp_path / "notes", tmp_path / "go"
    first = open_bench().start()
    interrupted = first.submit({"until": str(go), "notes": str(notes)}, priority=-50)
    until(lambda: notes.exists() and bool(notes.read_text()))
    waiting = first.submit({"notes": str(notes)}, priority=50)
    first.stop()
    go.touch()
    with pytest.raises(psutil.NoSuchProcess):
        psutil.Process(int(notes.read_text().split()[1]))
    second = open_bench().start()
    job, _ = second.wait(interrupted, waiting)
    assert job["retryCount"] == 1
    assert [line.split()[0] for line in notes.read_text().splitlines()] == [interrupted, interrupted, waiting]
    assert second.told(interrupted).count("PROGRESSING") == 0  # it was told before


def test_status_updates_come_at_the_jobs_interval(bench: Bench, tmp_path: Path) -> None:
    go, updates = tmp_path / "go", list[Any]()
    job_id = bench.submit({"until": str(go)}, statusUpdateInterval="SECONDS_10")  # 0.25 s of this bench

    def told() -> bool:
        updates[:] = [item["detail"]["jobProgress"] for item in bench.events if "jobProgress" in item["detail"]]
        return bool(updates) and updates[-1]["currentPhase"] == "TRANSCODING"

    until(told)
    go.touch()
    bench.wait(job_id)
    last = updates[-1]
    assert last["phaseProgress"] == {
        "PROBING": {"status": "COMPLETE", "percentComplete": 100},
        "TRANSCODING": {"status": "PROGRESSING", "percentComplete": 50},
        "UPLOADING": {"status": "PENDING", "percentComplete": 0},
    }
    assert 0 < last["jobPercentComplete"] < 100


def test_temporary_files_are_gone_after_a_job(bench: Bench) -> None:
    bench.wait(bench.submit())
    work = bench.service.config.state / "work"
    until(lambda: not work.exists() or not list(work.iterdir()))


def test_a_reserved_queue_runs_as_many_jobs_as_it_has_slots(open_bench: OpenBench, tmp_path: Path) -> None:
    bench, go = open_bench(concurrency=3), tmp_path / "go"
    plan = {"commitment": "ONE_YEAR", "renewalType": "EXPIRE", "reservedSlots": 2}
    bench.call("CreateQueue", name="Reserved", pricingPlan="RESERVED", reservationPlanSettings=plan)
    jobs = [bench.submit({"until": str(go)}, queue="Reserved") for _ in range(3)]
    bench.start()
    until(lambda: _statuses(bench, jobs).count("PROGRESSING") == 2)
    assert _statuses(bench, jobs) == ["PROGRESSING", "PROGRESSING", "SUBMITTED"]
    go.touch()
    bench.wait(*jobs)


def test_jobs_are_kept_for_ninety_days(open_bench: OpenBench) -> None:
    bench = open_bench().start()
    old, recent = bench.submit(), bench.submit()
    bench.wait(old, recent)
    bench.call("UpdateQueue", name="Default", status="PAUSED")
    waiting = bench.submit()
    with bench.service.store.transaction() as db:
        db.execute("UPDATE job SET created = created - 91 * 24 * 3600 WHERE id IN (?, ?)", (old, waiting))
    bench.stop()
    later = open_bench()
    assert later.job(recent)["status"] == "COMPLETE"
    assert later.job(waiting)["status"] == "SUBMITTED"
    with pytest.raises(ApiError, match=old):
        later.job(old)


def test_memory_stays_flat_over_two_hundred_jobs() -> None:
    script = Path(__file__).parents[3] / "support" / "many_jobs.py"
    tests = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, script, "20", "200"], capture_output=True, text=True, timeout=280, check=True,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["after"] - found["before"] < 4 * 1024**2, found


def test_two_services_never_share_a_state_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(StackError, match="Another MediaConvert service works in"):
        serve(port=1, state=bench.service.config.state)

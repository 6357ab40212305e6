"""The worker as a process: results, refusals, cancel, stall and sudden death."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.clips import clip
from support.engine_jobs import Bench
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import Progress, Stage
from vodflow.engines.local import worker_process
from vodflow.engines.local.worker_process import run_worker
from vodflow.errors import (
    ConfigurationError,
    DiskSpaceError,
    EngineCanceled,
    EngineStalled,
    InputRejected,
    RejectionReason,
    SourceNotFound,
)
from vodflow.storage.clients import s3_client

pytestmark = pytest.mark.integration


@pytest.fixture
def slow(bench: Bench) -> TranscodePlan:
    """A plan that encodes for minutes."""
    plan = bench.plan("surround")
    rungs = tuple(rung.model_copy(update={"preset": "veryslow"}) for rung in plan.renditions)
    return plan.model_copy(update={"renditions": rungs})


@pytest.fixture(params=["fork", "new process"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which a worker gets its process."""
    monkeypatch.setattr(worker_process, "can_fork", lambda: request.param == "fork")


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that reads its settings anew."""
    monkeypatch.setattr(worker_process, "can_fork", lambda: False)


def working(bench: Bench) -> list[psutil.Process]:
    """Processes that work in this test's folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(bench.work_dir) in argument for argument in process.cmdline()):
                found.append(process)
    return found


#: Seconds; far less than the slow plan takes, and enough for a machine that has much else to do.
GONE_WITHIN = 10.0


def wait_for(condition: Any, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def assert_clean(bench: Bench) -> None:
    wait_for(lambda: not working(bench), GONE_WITHIN)
    assert list(bench.work_dir.iterdir()) == []


def start(bench: Bench, plan: TranscodePlan, *command: str) -> subprocess.Popen[str]:
    file = bench.work_dir.parent / "plan.json"
    file.write_text(plan.to_json())
    argv = [*(command or (sys.executable, "-m", "vodflow.engines.local")), "--plan", str(file)]
    return subprocess.Popen(
        [*argv, "--bucket", bench.media_bucket, "--prefix", plan.prefix],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.usefixtures("way")
def test_a_worker_gives_progress_and_a_result(bench: Bench) -> None:
    plan = bench.plan("small")
    seen: list[Progress] = []
    result = run_worker(plan, bench.media_bucket, plan.prefix, seen.append)
    assert {item.name: item.size for item in result.objects} == bench.outputs(plan)
    assert seen[0].stage is Stage.DOWNLOAD
    assert seen[-1].percent == 100.0
    assert_clean(bench)


def test_the_command_line_does_the_same(bench: Bench) -> None:
    plan = bench.plan("small")
    script = "from typer.main import get_command; from vodflow.cli.worker import app; get_command(app)()"
    with start(bench, plan, sys.executable, "-c", script, "run") as process:
        out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["event"] for line in lines[:-1]} == {"progress"}
    assert lines[-1]["event"] == "result"


@pytest.mark.usefixtures("way")
def test_cancel_in_mid_encode_leaves_no_process_and_no_file(bench: Bench, slow: TranscodePlan) -> None:
    cancel = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.speed and not cancel.is_set():
            assert working(bench)
            cancel.set()

    with pytest.raises(EngineCanceled):
        run_worker(slow, bench.media_bucket, slow.prefix, on_progress, cancel)
    assert_clean(bench)
    assert bench.outputs(slow) == {}


@pytest.mark.usefixtures("way")
def test_an_error_of_the_caller_ends_the_worker(bench: Bench, slow: TranscodePlan) -> None:
    def on_progress(progress: Progress) -> None:
        if progress.speed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_worker(slow, bench.media_bucket, slow.prefix, on_progress)
    assert_clean(bench)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_cleanly(bench: Bench, slow: TranscodePlan, number: int, status: int) -> None:
    with start(bench, slow) as process:
        wait_for(lambda: working(bench))
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert json.loads(out.splitlines()[-1])["kind"] == "EngineCanceled"
    assert_clean(bench)


def test_a_killed_worker_takes_ffmpeg_along_and_the_next_one_cleans_up(bench: Bench, slow: TranscodePlan) -> None:
    with start(bench, slow) as process:
        wait_for(lambda: working(bench))
        process.kill()
    wait_for(lambda: not working(bench), GONE_WITHIN)
    (left,) = bench.work_dir.iterdir()
    old = time.time() - 60
    os.utime(left, (old, old))
    bench.run(bench.plan("small"))
    assert_clean(bench)


def test_a_killed_task_takes_its_forked_worker_along(bench: Bench, slow: TranscodePlan) -> None:
    code = (
        "import sys; from vodflow.engines.local import forked_worker, worker_process\n"
        "from vodflow.contract.plan import TranscodePlan\n"
        "assert forked_worker.can_fork()\n"
        f"worker_process.run_worker(TranscodePlan.from_json(sys.stdin.read()), {bench.media_bucket!r}, {slow.prefix!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True) as task:
        assert task.stdin is not None
        task.stdin.write(slow.to_json())
        task.stdin.close()
        wait_for(lambda: working(bench))
        (worker,) = psutil.Process(task.pid).children()
        assert os.getpgid(worker.pid) == worker.pid
        task.kill()
    wait_for(lambda: not psutil.pid_exists(worker.pid), GONE_WITHIN)
    assert_clean(bench)


@pytest.mark.usefixtures("new_process")
def test_a_stopped_ffmpeg_is_a_stall(bench: Bench, slow: TranscodePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VODFLOW_STALL_TIMEOUT", "5")

    def stop_ffmpeg() -> None:
        for process in working(bench):
            if "ffmpeg" in Path(process.cmdline()[0]).name:
                process.suspend()

    stopped: list[Progress] = []

    def on_progress(progress: Progress) -> None:
        if progress.speed and not stopped:
            stopped.append(progress)
            stop_ffmpeg()

    with pytest.raises(EngineStalled, match="no progress for 5 s") as raised:
        run_worker(slow, bench.media_bucket, slow.prefix, on_progress)
    assert raised.value.retryable
    assert_clean(bench)


@pytest.mark.usefixtures("new_process")
def test_too_little_room_is_refused_before_the_download(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tempfile.gettempdir())
    monkeypatch.setenv("VODFLOW_DISK_RESERVE", str((usage.free + usage.total) // 2))
    plan = bench.plan("small")
    seen: list[Progress] = []
    with pytest.raises(DiskSpaceError, match=r"GB free; this job needs") as raised:
        run_worker(plan, bench.media_bucket, plan.prefix, seen.append)
    assert raised.value.retryable
    assert seen == []
    with start(bench, plan) as process:
        process.communicate(timeout=120)
    assert process.returncode == 4


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("truncated", {RejectionReason.TRUNCATED, RejectionReason.UNDECODABLE}),
        ("truncated_ts", {RejectionReason.TRUNCATED}),
        ("undecodable", {RejectionReason.UNDECODABLE}),
        ("text", {RejectionReason.UNDECODABLE}),
        ("playlist", {RejectionReason.UNDECODABLE}),
    ],
)
def test_a_damaged_source_is_rejected_even_if_the_probe_missed_it(
    bench: Bench, name: str, reasons: set[RejectionReason]
) -> None:
    plan = bench.plan("plain")
    plan = plan.model_copy(update={"source": bench.source(name), "renditions": plan.renditions[-1:]})
    with pytest.raises(InputRejected) as raised:
        run_worker(plan, bench.media_bucket, plan.prefix)
    assert raised.value.reason in reasons
    assert plan.source.uri in raised.value.detail
    assert bench.outputs(plan) == {}
    assert_clean(bench)


@pytest.mark.parametrize("changed", [{"preset": "none"}, {"h264_level": "99"}])
def test_an_encoder_that_refuses_its_options_is_no_fault_of_the_source(bench: Bench, changed: dict[str, str]) -> None:
    plan = bench.plan("small")
    plan = plan.model_copy(update={"renditions": tuple(rung.model_copy(update=changed) for rung in plan.renditions)})
    with start(bench, plan) as process:
        out, _ = process.communicate(timeout=120)
    line = json.loads(out.splitlines()[-1])
    assert (process.returncode, line["kind"], line["retryable"]) == (5, "EngineError", False)
    assert re.search(r"does not take what it is asked for.*FFmpeg says: .*(none|99)", line["message"])


def test_an_overwritten_source_is_said(bench: Bench) -> None:
    plan = bench.plan("small")
    bench.s3.upload_file(str(clip("silent")), plan.source.bucket, plan.source.key)
    with pytest.raises(SourceNotFound, match="overwritten"):
        run_worker(plan, bench.media_bucket, plan.prefix)
    with start(bench, plan) as process:
        process.communicate(timeout=120)
    assert process.returncode == 5


@pytest.mark.usefixtures("new_process")
def test_wrong_plans_and_settings_are_usage_errors(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = bench.plan("small")
    broken = plan.model_copy(update={"tenant": None})
    with start(bench, broken) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "tenant" in json.loads(out.splitlines()[-1])["message"]
    monkeypatch.setenv("VODFLOW_UPLOAD_CONCURRENCY", "0")
    with pytest.raises(ConfigurationError, match="VODFLOW_UPLOAD_CONCURRENCY"):
        run_worker(plan, bench.media_bucket, plan.prefix)


def test_rejections_have_their_own_exit_status(bench: Bench) -> None:
    plan = bench.plan("small").model_copy(update={"source": bench.source("text")})
    with start(bench, plan) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    line = json.loads(out.splitlines()[-1])
    assert (line["event"], line["reason"], line["retryable"]) == ("failure", "undecodable", False)


def test_the_plan_comes_from_s3_and_the_last_line_is_kept_there(bench: Bench) -> None:
    plan = bench.plan("small")
    bucket, folder = bench.media_bucket, f"{plan.prefix}/_work/1"
    argv = [sys.executable, "-m", "vodflow", "worker", "run", "--bucket", bucket, "--prefix", plan.prefix]
    argv += ["--report", f"s3://{bucket}/{folder}/report.json", "--plan"]

    def work(name: str) -> tuple[int, str]:
        command = [*argv, f"s3://{bucket}/{folder}/{name}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def kept() -> str:
        return s3_client().get_object(Bucket=bucket, Key=f"{folder}/report.json")["Body"].read().decode()

    s3_client().put_object(Bucket=bucket, Key=f"{folder}/plan.json", Body=plan.to_json().encode())
    assert work("plan.json") == (0, kept())
    assert json.loads(kept())["event"] == "result"
    status, line = work("other.json")
    assert (status, line) == (2, kept())
    assert "Cannot read the plan" in json.loads(line)["message"]
    bad = plan.model_copy(update={"source": bench.source("undecodable"), "renditions": plan.renditions[-1:]})
    s3_client().put_object(Bucket=bucket, Key=f"{folder}/plan.json", Body=bad.to_json().encode())
    assert work("plan.json") == (3, kept())
    assert json.loads(kept())["reason"] == "undecodable"

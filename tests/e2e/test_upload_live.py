"""``vodflow upload`` and ``vodflow jobs`` against the whole stack: one run each, cancelled engines, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.clips import clip
from support.encoders import encoders, halt_encoders
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.home import REPOSITORY
from vodflow.stack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def vodflow(stack: Stack, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """The jobs that a command prints; as a person calls it, who has no variable of the stack in his shell."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VODFLOW_", "AIRFLOW"))}
    argv = [sys.executable, "-m", "vodflow", *arguments, "--json"]
    environment |= {"VODFLOW_HOME": str(stack.home.root), "NO_COLOR": "1"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["jobs"]
    return found


def test_the_librarys_example_runs_beside_the_stack_as_it_is(stack: Stack, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "library.md").read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    (tmp_path / "example.py").write_text(example[1])
    shutil.copy(clip("small"), tmp_path / "holiday.mov")
    vodflow = shlex.join([sys.executable, "-m", "vodflow"])
    script = f'eval "$({vodflow} env)" && {shlex.quote(sys.executable)} example.py'
    environment = {"PATH": os.environ["PATH"], "VODFLOW_HOME": str(stack.home.root)}
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"s3://vodflow-media/vod/acme/holiday\S*/manifest\.json", done.stdout.splitlines()[-1])


def runs_of(stack: Stack, source_id: int) -> list[str]:
    with AirflowApi(stack.config) as airflow:
        answer = airflow._call("GET", "/api/v2/dags/transcode_video/dagRuns", params={"limit": 100, "order_by": "-id"})
    return [run["dag_run_id"] for run in answer["dag_runs"] if run["conf"].get("source_id") == source_id]


def test_upload_and_wait_is_one_run_whoever_notices(stack: Stack, tmp_path: Path) -> None:
    video = Path(shutil.copy(clip("plain"), tmp_path / "Ferien & mehr.mp4"))
    options = ("--tenant", "upload-live", "--outputs", "hls,mp4", "--qualities", "480p,360p", "--priority", "90")
    (job,) = vodflow(stack, "upload", str(video), *options, "--wait", "--timeout", "240")
    assert (job["status"], job["qualities"], job["outputs"]) == ("PUBLISHED", ["480p", "360p"], ["hls", "mp4"])
    assert job["priority"] == 90
    # S3 told the ingest pipeline as well; by now it has looked.
    time.sleep(3)
    assert runs_of(stack, job["source_id"]) == [f"source-{job['source_id']}"]
    (again,) = vodflow(stack, "upload", str(video), *options, "--wait")
    assert (again["id"], again["finished_at"]) == (job["id"], job["finished_at"])
    assert len(runs_of(stack, job["source_id"])) == 1
    # Only ingest: no word to Airflow, the same outputs.
    other = Path(shutil.copy(clip("small"), tmp_path / "small.mp4"))
    environment = {**os.environ, **stack.environment()}
    for name in [name for name in environment if name.startswith("VODFLOW_AIRFLOW_")]:
        del environment[name]
    argv = [
        sys.executable,
        "-m",
        "vodflow",
        "upload",
        str(other),
        "--tenant",
        "upload-live",
        "--outputs",
        "mp4",
        "--json",
    ]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (sensed,) = vodflow(stack, "jobs", "wait", json.loads(done.stdout)["jobs"][0]["source"], "--timeout", "240")
    assert (sensed["status"], sensed["outputs"]) == ("PUBLISHED", ["mp4"])
    assert len(runs_of(stack, sensed["source_id"])) == 1


def test_a_running_job_is_cancelled_and_retried(stack: Stack, tmp_path: Path) -> None:
    video = Path(shutil.copy(clip("surround"), tmp_path / "surround.mp4"))
    (asked,) = vodflow(stack, "upload", str(video), "--tenant", "upload-live")
    source = f"source-{asked['source_id']}"
    deadline = time.monotonic() + 120
    while json.loads(_show(stack, source))["status"] != "PROGRESSING" or not halt_encoders(stack):
        assert time.monotonic() < deadline, "the engine does not begin"
    (canceled,) = vodflow(stack, "jobs", "cancel", source)
    assert canceled["status"] == "CANCELED"
    assert encoders(stack) == []
    told = json.loads(_show(stack, source))
    assert told["history"][-1]["actor"].startswith("transcode:"), "the engine itself recorded its end"
    assert vodflow(stack, "jobs", "cancel", source)[0]["status"] == "CANCELED"
    (done,) = vodflow(stack, "jobs", "retry", source, "--wait", "--timeout", "240")
    assert (done["id"], done["status"]) == (canceled["id"], "PUBLISHED")
    assert len(runs_of(stack, asked["source_id"])) == 1


def test_a_rejected_upload_and_a_second_request(stack: Stack, tmp_path: Path) -> None:
    music = Path(shutil.copy(clip("audio_only"), tmp_path / "music.mp4"))
    (refused,) = vodflow(stack, "upload", str(music), "--tenant", "upload-live", "--wait", "--timeout", "120", code=3)
    assert (refused["status"], refused["error_code"]) == ("REJECTED", "no_video_track")
    (again,) = vodflow(stack, "jobs", "create", refused["source"], "--force", "--wait", "--timeout", "120", code=3)
    assert again["error_code"] == "no_video_track"


def _show(stack: Stack, ref: str) -> str:
    argv = [sys.executable, "-m", "vodflow", "jobs", "show", ref, "--json"]
    environment = {**os.environ, "VODFLOW_HOME": str(stack.home.root)}
    for name in [name for name in environment if name.startswith("VODFLOW_") and name != "VODFLOW_HOME"]:
        del environment[name]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout

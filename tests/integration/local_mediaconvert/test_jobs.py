"""Real jobs: S3 in, FFmpeg, S3 out, events in SQS; with boto3 and with the AWS CLI."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from support.fixtures.mediaconvert import LocalMediaConvert
from support.mediaconvert_examples import EXAMPLES
from support.mediaconvert_jobs import file_job, until
from vodflow.engines.mediaconvert.request.service_model import to_python

pytestmark = pytest.mark.integration

Take = Callable[[], list[dict[str, Any]]]
FINAL = {"COMPLETE", "ERROR", "CANCELED"}


@pytest.fixture
def source(s3: S3Client, make_bucket: Callable[[], str]) -> str:
    bucket = make_bucket()
    s3.upload_file(str(clip("plain")), bucket, "films/a film.mp4")
    return f"s3://{bucket}/films/a film.mp4"


def request(source: str, **more: Any) -> dict[str, Any]:
    bucket = source.split("/")[2]
    made: dict[str, Any] = to_python(file_job(source, f"s3://{bucket}/out/"), "CreateJobRequest")
    return {**made, **more}


def ended(client: Any, job_id: str) -> dict[str, Any]:
    until(lambda: client.get_job(Id=job_id)["Job"]["Status"] in FINAL, patience=120, pause=0.2)
    found: dict[str, Any] = client.get_job(Id=job_id)["Job"]
    return found


def events_of(take: Take, job_id: str, last: str) -> list[dict[str, Any]]:
    """The details of a job's events, until ``last`` is among them."""
    found: list[dict[str, Any]] = []

    def complete() -> bool:
        found.extend(item["detail"] for item in take() if item["detail"]["jobId"] == job_id)
        return any(item["status"] == last for item in found)

    until(complete, patience=60)
    return sorted(found, key=lambda item: item["timestamp"])


def test_a_job_writes_its_file_and_tells_it(
    mediaconvert: Any, mediaconvert_events: Take, source: str, s3: S3Client
) -> None:
    job_id = mediaconvert.create_job(**request(source, UserMetadata={"video": "7"}))["Job"]["Id"]
    job = ended(mediaconvert, job_id)
    assert job["Status"] == "COMPLETE", job["ErrorMessage"]
    assert (job["JobPercentComplete"], job["CurrentPhase"]) == (100, "UPLOADING")
    (output,) = job["OutputGroupDetails"][0]["OutputDetails"]
    assert output["VideoDetails"] == {"WidthInPx": 160, "HeightInPx": 90}
    bucket = source.split("/")[2]
    assert s3.head_object(Bucket=bucket, Key="out/a film.mp4")["ContentLength"] > 1000
    (probed,) = mediaconvert.probe(InputFiles=[{"FileUrl": f"s3://{bucket}/out/a film.mp4"}])["ProbeResults"]
    assert abs(probed["Container"]["Duration"] * 1000 - output["DurationInMs"]) < 100

    events = events_of(mediaconvert_events, job_id, "COMPLETE")
    assert [item["status"] for item in events if item["status"] != "STATUS_UPDATE"] == [
        "PROGRESSING", "INPUT_INFORMATION", "COMPLETE",
    ]  # fmt: skip
    assert {item["userMetadata"]["video"] for item in events} == {"7"}
    (group,) = events[-1]["outputGroupDetails"]
    assert group["outputDetails"][0]["outputFilePaths"] == [f"s3://{bucket}/out/a film.mp4"]
    information = next(item for item in events if item["status"] == "INPUT_INFORMATION")
    assert information["inputDetails"][0]["uri"] == source


def test_a_job_without_its_input_ends_as_an_error(mediaconvert: Any, mediaconvert_events: Take, source: str) -> None:
    job_id = mediaconvert.create_job(**request(source.replace("a film", "another")))["Job"]["Id"]
    job = ended(mediaconvert, job_id)
    assert (job["Status"], job["ErrorCode"]) == ("ERROR", 1404)
    assert "another.mp4" in job["ErrorMessage"]
    assert events_of(mediaconvert_events, job_id, "ERROR")[-1]["errorCode"] == 1404


def test_the_fault_plan_ends_jobs_and_loses_and_repeats_events(
    mediaconvert: Any, mediaconvert_server: LocalMediaConvert, mediaconvert_events: Take, source: str
) -> None:
    mediaconvert_server.faults(
        fail=[{"code": 1517, "message": "as planned", "metadata": {"doomed": "yes"}}],
        events=[
            {"statuses": ["PROGRESSING"], "lose": 100},
            {"statuses": ["ERROR"], "duplicate": 100},
        ],
    )
    job_id = mediaconvert.create_job(**request(source, UserMetadata={"doomed": "yes"}))["Job"]["Id"]
    job = ended(mediaconvert, job_id)
    assert (job["Status"], job["ErrorCode"], job["ErrorMessage"]) == ("ERROR", 1517, "as planned")
    found: list[str] = []

    def twice() -> bool:
        found.extend(item["detail"]["status"] for item in mediaconvert_events() if item["detail"]["jobId"] == job_id)
        return len(found) >= 2

    until(twice)
    assert found == ["ERROR", "ERROR"]


def aws(server: LocalMediaConvert, *arguments: str) -> Any:
    """What the AWS CLI answers."""
    program = Path(sys.executable).parent / "aws"
    done = subprocess.run(
        [
            program,
            "mediaconvert",
            *arguments,
            "--endpoint-url",
            server.url,
            "--region",
            "us-east-1",
            "--output",
            "json",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"},
    )
    if done.returncode:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_the_aws_cli_does_a_whole_job(
    mediaconvert_server: LocalMediaConvert, aws_server: str, source: str, tmp_path: Path
) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(request(source)["Settings"]))
    created = aws(
        mediaconvert_server, "create-job", "--role", request(source)["Role"], "--settings", f"file://{file}",
        "--user-metadata", "video=8",
    )  # fmt: skip
    job_id = created["Job"]["Id"]
    until(lambda: mediaconvert_server.client().get_job(Id=job_id)["Job"]["Status"] in FINAL, patience=120, pause=0.2)
    listed = aws(mediaconvert_server, "list-jobs", "--status", "COMPLETE", "--max-items", "50")
    assert job_id in [job["Id"] for job in listed["Jobs"]]
    said = aws(mediaconvert_server, "cancel-job", "--id", job_id)
    assert "(ConflictException) when calling the CancelJob operation" in said


class OwnService:
    """A service of one test, which it may kill."""

    def __init__(self, port: int, state: Path, *options: str) -> None:
        self.server = LocalMediaConvert(None, f"http://127.0.0.1:{port}")  # type: ignore[arg-type]
        self._argv = [
            sys.executable, "-m", "local_mediaconvert", "--port", str(port), "--state", str(state), *options
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Any:
        self.process = subprocess.Popen(self._argv, stderr=subprocess.DEVNULL)
        client = self.server.client()

        def answers() -> bool:
            try:
                client.list_queues()
            except Exception:  # noqa: BLE001 - not there yet
                return False
            return True

        until(answers, pause=0.1)
        return client

    def kill(self) -> int:
        assert self.process is not None
        self.process.kill()
        return self.process.wait(60)


@pytest.fixture
def own(free_port: int, tmp_path: Path, aws: Any) -> Any:
    made: list[OwnService] = []

    def make(*options: str) -> OwnService:
        made.append(OwnService(free_port, tmp_path / "state", *options))
        return made[-1]

    yield make
    for service in made:
        if service.process is not None and service.process.poll() is None:
            service.process.terminate()
            assert service.process.wait(60) in {0, -signal.SIGTERM}


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_killed_service_goes_on_where_it_was(own: Callable[..., OwnService], source: str) -> None:
    service = own("--fault-plan", '{"stall": [{"times": 1}]}')
    client = service.start()
    running = client.create_job(**request(source))["Job"]["Id"]
    until(lambda: client.get_job(Id=running)["Job"]["Status"] == "PROGRESSING", pause=0.1)
    waiting = client.create_job(**request(source))["Job"]["Id"]
    client.create_queue(Name="Kept")
    service.kill()
    client = own().start()
    assert client.get_queue(Name="Kept")["Queue"]["Status"] == "ACTIVE"
    job = ended(client, running)
    assert (job["Status"], job["RetryCount"]) == ("COMPLETE", 1)
    assert ended(client, waiting)["Status"] == "COMPLETE"


def test_a_crash_after_the_row_leaves_a_job_that_can_be_found(own: Callable[..., OwnService], source: str) -> None:
    service = own("--fault-plan", '{"crash": [{"operation": "CreateJob"}]}')
    client = service.start()
    with pytest.raises(Exception, match=r"[Cc]onnection"):
        client.create_job(**request(source, UserMetadata={"row": "1"}))
    assert service.process is not None
    assert service.process.wait(60) == 70
    client = own().start()
    (job,) = client.list_jobs()["Jobs"]
    assert job["UserMetadata"] == {"row": "1"}
    assert ended(client, job["Id"])["Status"] == "COMPLETE"


def test_cancelling_ends_ffmpeg(own: Callable[..., OwnService], source: str) -> None:
    service = own()
    client = service.start()
    slow = request(source)
    output = slow["Settings"]["OutputGroups"][0]["Outputs"][0]
    output["VideoDescription"] |= {"Width": 3840, "Height": 2160}
    output["VideoDescription"]["CodecSettings"]["H264Settings"] |= {"QualityTuningLevel": "MULTI_PASS_HQ"}
    slow["Settings"]["Inputs"] = slow["Settings"]["Inputs"] * 20
    job_id = client.create_job(**slow)["Job"]["Id"]
    assert service.process is not None
    process = psutil.Process(service.process.pid)
    until(lambda: "ffmpeg" in _programs(process), patience=60, pause=0.1)
    left = process.children(recursive=True)
    client.cancel_job(Id=job_id)
    # What is left is multiprocessing's: the fork server and its resource tracker.
    until(lambda: len(process.children(recursive=True)) <= 2, pause=0.1)
    assert client.get_job(Id=job_id)["Job"]["Status"] == "CANCELED"
    service.kill()
    until(lambda: not any(item.is_running() for item in left), pause=0.1)


def _programs(process: psutil.Process) -> str:
    names = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            names.append(child.name())
    return " ".join(names)


def test_automated_abr_makes_a_ladder(mediaconvert: Any, source: str, s3: S3Client) -> None:
    bucket = source.split("/")[2]
    text = json.dumps(EXAMPLES["guide_automated_abr"])
    settings = json.loads(text.replace("s3://in/film.mp4", source).replace("s3://out/film/", f"s3://{bucket}/abr/"))
    (group,) = settings["OutputGroups"]
    small = {"Type": "FORCE_INCLUDE_RENDITIONS", "ForceIncludeRenditions": [{"Width": 128, "Height": 72}]}
    group["AutomatedEncodingSettings"]["AbrSettings"]["Rules"] = [small]
    group["Outputs"][0]["VideoDescription"] |= {"Width": 256, "Height": 144}
    group["Outputs"][0]["VideoDescription"]["CodecSettings"]["H264Settings"]["QualityTuningLevel"] = "SINGLE_PASS"
    job_id = mediaconvert.create_job(Role=request(source)["Role"], Settings=settings)["Job"]["Id"]
    job = ended(mediaconvert, job_id)
    assert job["Status"] == "COMPLETE", job["ErrorMessage"]
    assert "AutomatedEncodingSettings" in job["Settings"]["OutputGroups"][0]
    outputs = job["OutputGroupDetails"][0]["OutputDetails"]
    heights = [item["VideoDetails"]["HeightInPx"] for item in outputs]
    assert heights == [144, 72]
    master = s3.get_object(Bucket=bucket, Key="abr/a film.m3u8")["Body"].read().decode()
    assert master.count("#EXT-X-STREAM-INF") == len(outputs)

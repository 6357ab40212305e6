"""``vodflow jobs …``, ``upload`` and ``verify``, with a real catalog and S3."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from integration.jobs.conftest import Place
from support.clips import clip
from support.fixtures.receiver import Receiver
from typer.testing import CliRunner
from vodflow.cli.app import app
from vodflow.errors import CatalogError, ConfigurationError, VerificationError, VodflowError
from vodflow.jobs import Job
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

FIELDS = set(Job.__dataclass_fields__)


def both(*arguments: str, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def run(*arguments: str, code: int = 0) -> str:
    return both(*arguments, code=code)[0]


def documents(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--json", code=code))["jobs"]
    for job in found:
        assert set(job) == FIELDS
    return found


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return Path(shutil.copy(clip("small"), tmp_path / "Über uns.mp4"))


class Worker(threading.Thread):
    """Carries out whatever runs are started, as Airflow would."""

    def __init__(self, place: Place, *, really: bool = False) -> None:
        super().__init__(daemon=True)
        self._place, self._really, self._stop_asked = place, really, threading.Event()
        self.errors: list[VodflowError] = []

    def run(self) -> None:
        while not self._stop_asked.wait(0.05):
            for run_id in [name for name, state in self._place.airflow.runs.items() if state["state"] == "queued"]:
                try:
                    self._place.carry_out(run_id, really=self._really)
                except VodflowError as error:
                    self.errors.append(error)
                    self._place.airflow.runs[run_id]["state"] = "failed"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_asked.set()
        self.join(30)


def test_upload_and_wait(place: Place, video: Path) -> None:
    options = ("--tenant", "acme", "--outputs", "mp4", "--qualities", "360p", "--priority", "60")
    with Worker(place):
        (job,) = documents("upload", str(video), *options, "--wait", "--timeout", "60")
    assert (job["status"], job["tenant"], job["outputs"], job["qualities"]) == ("PUBLISHED", "acme", ["mp4"], ["360p"])
    assert job["source"] == f"s3://{place.bucket}/acme/Über uns.mp4"
    assert job["size"] == video.stat().st_size
    stored = place.s3.head_object(Bucket=place.bucket, Key="acme/Über uns.mp4")
    assert stored["Metadata"] == {"vodflow-outputs": "mp4", "vodflow-qualities": "360p", "vodflow-priority": "60"}
    # Once more: neither sent nor transcoded.
    (again,) = documents("upload", str(video), *options, "--wait")
    assert again["id"] == job["id"]
    assert place.s3.head_object(Bucket=place.bucket, Key="acme/Über uns.mp4")["LastModified"] == stored["LastModified"]
    assert list(place.airflow.runs) == ["source-1"]
    # Other options for the same bytes: another job of the same source.
    with Worker(place):
        (other,) = documents("upload", str(video), "--tenant", "acme", "--outputs", "hls", "--wait")
    assert (other["source_id"], other["status"], other["outputs"]) == (1, "PUBLISHED", ["hls"])
    assert other["id"] != job["id"]
    table = run("jobs", "list")
    assert "PUBLISHED" in table
    shown = run("jobs", "get", str(other["id"]))
    assert "hls/master.m3u8" in shown.replace("\n", "")
    assert "QUEUED" in shown
    told = json.loads(run("jobs", "get", f"s3://{place.bucket}/acme/Über uns.mp4", "--json"))
    assert told["id"] == other["id"]
    assert [item["name"] for item in told["renditions"]] == ["360p"]


def test_what_is_left_out_is_said(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    uri = place.put("acme/film.mkv", clip("two_languages").read_bytes())
    documents("jobs", "create", uri, "--outputs", "mp4")
    made = str(place.carry_out("source-1", until="plan"))
    (said, captions) = json.loads(run("jobs", "get", made, "--json"))["warnings"]
    assert said == "Audio track 2 (mono, fra, Version française) is not published."
    assert captions.startswith("Captions track 3 (")
    assert captions in run("jobs", "get", made)
    assert captions in caplog.messages


def test_verify_finds_what_is_wrong(place: Place, video: Path) -> None:
    with Worker(place, really=True):
        (job,) = documents("upload", str(video), "--outputs", "mp4", "--wait")
    report = json.loads(run("verify", str(job["id"]), "--json"))
    assert report["job_id"] == job["id"]
    assert "all as planned" in run("verify", str(job["output"]))
    bucket, _, prefix = str(job["output"]).removeprefix("s3://").partition("/")
    place.s3.put_object(Bucket=bucket, Key=f"{prefix}/mp4/360p.mp4", Body=b"rubbish")
    with pytest.raises(VerificationError, match=r"mp4/360p\.mp4"):
        run("verify", "source-1")
    with pytest.raises(CatalogError):
        run("verify", "s3://nowhere/at/all")


def test_several_files_and_their_exit_code(place: Place, video: Path, tmp_path: Path) -> None:
    music = Path(shutil.copy(clip("audio_only"), tmp_path / "music.mp4"))
    with Worker(place):
        found = documents("upload", str(video), str(music), "--outputs", "mp4", "--wait", code=3)
    assert [job["status"] for job in found] == ["PUBLISHED", "REJECTED"]
    assert documents("jobs", "wait", "source-1", "source-2", code=3)[1]["error_code"] == "no_video_track"
    assert documents("jobs", "wait", "source-1")[0]["id"] == 1


def test_cancel_retry_and_timeouts(place: Place, video: Path) -> None:
    (job,) = documents("upload", str(video), "--outputs", "mp4")
    assert job["id"] is None
    assert documents("jobs", "wait", "source-1", "--timeout", "0.1", code=6)[0]["status"] == "DISPATCHED"
    made = str(place.carry_out("source-1", until="plan"))
    assert documents("jobs", "cancel", made)[0]["status"] == "CANCELED"
    assert documents("jobs", "wait", made, code=5)[0]["status"] == "CANCELED"
    with Worker(place):
        assert documents("jobs", "retry", made, "--wait", "--timeout", "60")[0]["status"] == "PUBLISHED"
    with Worker(place):
        created = documents("jobs", "create", str(job["source"]), "--outputs", "hls,mp4", "--wait", "--timeout", "60")
    assert created[0]["outputs"] == ["hls", "mp4"]
    first = json.loads(run("jobs", "list", "--limit", "1", "--json"))
    assert first["cursor"] == f"{created[0]['id']}-"
    assert "--cursor" in run("jobs", "list", "--limit", "1")
    assert [job["id"] for job in documents("jobs", "list", "--cursor", first["cursor"])] == [int(made)]


def test_wrong_files_are_told_before_anything_is_sent(place: Place, video: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.mp4 does not exist"):
        run("upload", str(video), str(tmp_path / "nothing.mp4"))
    with pytest.raises(ConfigurationError, match="is a folder"):
        run("upload", str(tmp_path))
    text = tmp_path / "notes.txt"
    text.write_text("x")
    with pytest.raises(ConfigurationError, match=r"notes\.txt: suffix: takes only keys that end with \.3gp "):
        run("upload", str(text))
    with pytest.raises(ConfigurationError, match="its tenant would be acme-studios"):
        run("upload", str(video), "--tenant", "Acme Studios")
    run("upload", str(video), "--outputs", "avi", code=2)
    for name in ("../x.mp4", "/x.mp4", "a//b.mp4", "./x.mp4", "a\nb.mp4", ""):
        assert "cannot be a video's name" in " ".join(both("upload", str(video), "--name", name, code=2)[1].split())
    run("upload", str(video), str(video), "--name", "a.mp4", code=2)
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)
    with pytest.raises(CatalogError, match="no job '99'"):
        run("jobs", "get", "99")


def test_work_that_is_found_is_told(place: Place, video: Path, set_settings: Callable[..., Settings]) -> None:
    set_settings(mediaconvert_role="arn:aws:iam::123456789012:role/mc")
    with Worker(place):
        (job,) = documents("upload", str(video), "--outputs", "mp4", "--wait")
    source = str(job["source"])
    out, told = both("jobs", "create", source, "--outputs", "mp4", "--engine", "mediaconvert", "--json")
    assert json.loads(out)["jobs"][0]["id"] == job["id"]
    assert f"job {job['id']} published these outputs at" in told
    assert "by the engine local and not mediaconvert. Nothing is made anew; jobs create --force does." in told
    assert "published these outputs" in both("upload", str(video), "--outputs", "mp4")[1]
    assert "published" not in both("jobs", "create", source, "--outputs", "hls")[1]


def test_a_quality_that_is_larger_than_the_source_is_told(place: Place, video: Path) -> None:
    with Worker(place):
        out, told = both("upload", str(video), "--outputs", "mp4", "--qualities", "1080p,360p", "--wait", "--json")
    job = json.loads(out)["jobs"][0]
    assert job["qualities"] == ["360p"]
    assert f"Job {job['id']} makes 360p and not 1080p: the source's picture is smaller" in told
    assert any(warning.startswith("Without 1080p: the picture is") for warning in job["warnings"])


def test_the_players_address(place: Place, video: Path) -> None:
    with Worker(place):
        (job,) = documents("upload", str(video), "--outputs", "mp4", "--wait")
    _, _, key = str(job["manifest"]).removeprefix("s3://").partition("/")
    assert str(job["player"]).endswith(f"/player.html?manifest={key}")
    assert str(job["player"]) in run("jobs", "get", str(job["id"]))
    assert documents("jobs", "list")[0]["player"] == job["player"]


def test_what_is_over_cannot_be_cancelled(place: Place, video: Path) -> None:
    with Worker(place):
        (job,) = documents("upload", str(video), "--outputs", "mp4", "--wait")
    documents("jobs", "create", str(job["source"]), "--outputs", "hls")
    (waiting,) = [run_id for run_id in place.airflow.runs if run_id != "source-1"]
    made = str(place.carry_out(waiting, until="plan"))
    out, told = both("jobs", "cancel", "99", str(job["id"]), made, "--json", code=1)
    assert [item["status"] for item in json.loads(out)["jobs"]] == ["CANCELED"]
    assert f"Job {job['id']} is PUBLISHED already: there is nothing to cancel." in told
    assert "There is no job '99'" in told
    assert documents("jobs", "cancel", made)[0]["status"] == "CANCELED"
    assert "there is nothing to try again" in both("jobs", "retry", str(job["id"]), code=1)[1]


def test_a_queued_job_that_is_cancelled_is_told(
    place: Place, video: Path, receiver: Receiver, set_settings: Callable[..., Settings]
) -> None:
    channel = {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s", "events": ["canceled"]}
    set_settings(notifications=json.dumps([channel]))
    documents("upload", str(video), "--outputs", "mp4")
    made = str(place.carry_out("source-1", until="plan"))
    assert documents("jobs", "cancel", made)[0]["status"] == "CANCELED"
    (request,) = receiver.requests
    assert (request.document["type"], request.document["job"]["id"]) == ("video.canceled", int(made))


def test_tables_fit_a_narrow_terminal_and_lose_no_letter(
    place: Place, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Worker(place):
        (job,) = documents("upload", str(video), "--name", f"{'long ' * 20}.mp4", "--tenant", "acme", "--wait")
    piped = run("jobs", "list")
    assert f"{'long ' * 20}.mp4" in piped
    assert "local" in piped
    for width, without in (80, ""), (55, "For want of room without: Tenant"):
        monkeypatch.setenv("COLUMNS", str(width))
        narrow = run("jobs", "list")
        assert max(map(len, narrow.splitlines())) <= width
        assert "…" not in narrow
        assert narrow.count("long") == 20
        assert "PUBLISHED" in narrow
        assert without in narrow
    assert str(job["manifest"]) in run("jobs", "get", str(job["id"]))


def test_refused_values_name_the_choices(place: Place) -> None:
    assert "PROGRESSING" in both("jobs", "list", "--status", "done", code=2)[1]
    refused = both("jobs", "list", "--engine", "gpu", code=2)[1]
    assert "mediaconvert" in refused
    assert "Value error" not in refused, "the words of a library that nobody has called"
    assert "Value error" not in both("jobs", "list", "--since", "yesterday", code=2)[1]
    assert "--from is 'today': give a UTC day" in both("report", "show", "--from", "today", code=2)[1]
    for wrong in (("list", "--cursor", "x"), ("list", "--source", "bucket/prefix"), ("create", "a.mp4")):
        run("jobs", *wrong, code=2)
    assert documents("jobs", "list", "--status", "failed", "--status", "Published") == []


def test_without_airflow_ingest_starts_the_run(place: Place, video: Path) -> None:
    place.airflow.broken = 503
    (job,) = documents("upload", str(video), "--outputs", "mp4")
    assert (job["id"], job["status"], job["source_id"]) == (None, "DISCOVERED", 1)


def test_health_has_an_exit_code(place: Place) -> None:
    place.airflow.broken = 503
    assert "airflow" in run("jobs", "health", code=1)

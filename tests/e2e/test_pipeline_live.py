"""Videos through the real scheduler and triggerer: published, playable, reported, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from support import playback
from support.clips import clip
from support.encoders import halt_encoders, let_go_on
from support.mediaconvert_service import put_faults
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.contract import layout
from vodflow.contract.engine_names import EngineName
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.demo.clips import DemoVideo
from vodflow.stack.demo.run import run_demo
from vodflow.stack.demo.upload import Upload, upload_once
from vodflow.stack.demo.watch import Progress, Watcher
from vodflow.stack.stack import Stack
from vodflow.storage.clients import forget_clients, mediaconvert_client, s3_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def live(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The session's stack, with this process's settings pointing at it."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    _forget()
    yield stack
    _forget()


def _forget() -> None:
    dispose_engines()
    get_settings.cache_clear()
    forget_clients()


def upload(name: str, key: str) -> Upload:
    return upload_once(DemoVideo(clip(name), key), get_settings().watch[0].bucket)


def follow(stack: Stack, uploads: list[Upload], on_look: Callable[[list[Progress]], None] | None = None) -> list[str]:
    with AirflowApi(stack.config) as airflow:
        results = Watcher(uploads, airflow).follow(on_look or (lambda _: None))
    return [result.verdict for result in results]


def test_upload_to_playback_and_report(live: Stack) -> None:
    began = str(datetime.now(UTC).date())
    sent = upload("plain", "live/Über uns + mehr.mp4")
    assert follow(live, [sent]) == ["PUBLISHED"]
    with AirflowApi(live.config) as airflow, transaction("test") as connection:
        (row,) = Watcher([sent], airflow).look()
        assert row.row is not None
        base = f"{live.config.aws_url}/{row.row.output_bucket}/{row.row.output_prefix}"
        with urllib.request.urlopen(f"{base}/{layout.MANIFEST}", timeout=10) as answer:  # noqa: S310 - loopback
            manifest = json.load(answer)
        # A player reads what S3 serves, without credentials.
        with playback.chromium() as browser:
            seen = playback.assert_plays(
                manifest["outputs"]["hls"]["url"], "hls", browser=browser, heights=(360, 720), duration=4.0
            )
            assert seen.audio_peak > 0
            playback.assert_plays(manifest["outputs"]["dash"]["url"], "shaka", browser=browser, duration=4.0)
        today = str(datetime.now(UTC).date())
        run_id = airflow.start_run("report_transcoding", {"date_from": began, "date_to": today})
        assert airflow.wait_for_run("report_transcoding", run_id) == "success"
        counted = connection.scalar(
            text("SELECT sum(videos) FROM report_transcoding_daily WHERE day >= :day AND tenant = 'demo'"),
            {"day": began},
        )
    assert counted >= 1


def test_the_demo_twice_with_own_files(live: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, target in (("small", "holiday.mp4"), ("audio_only", "music.mp4")):
        shutil.copy(clip(name), tmp_path / target)
    code, first = run_demo([tmp_path]), capsys.readouterr().out
    assert code == 0, first
    assert "1 published, 1 rejected" in first
    assert "no_video_track" in first
    assert "player.html?manifest=" in first
    assert live.config.secrets.admin_password not in first
    assert "music.mp4 · Not published: Input rejected, no_video_track: The file holds sound only, no video track." in (
        notes_of_runs(live)
    )
    # As a person calls it, who has no variable of the stack in his shell.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VODFLOW_", "AIRFLOW"))}
    environment |= {"VODFLOW_HOME": str(live.home.root), "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "vodflow", "demo", str(tmp_path)]
    again = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing was transcoded: 1 of 2 were published before, 1 rejected." in again.stdout


def notes_of_runs(stack: Stack) -> list[str | None]:
    with AirflowApi(stack.config) as airflow:
        answer = airflow._call("GET", "/api/v2/dags/transcode_video/dagRuns", params={"limit": 100, "order_by": "-id"})
    return [run["note"] for run in answer["dag_runs"]]


def test_no_video_is_lost_whoever_is_killed(live: Stack) -> None:
    """PostgreSQL, the API server, the scheduler and its workers die while a video is being encoded."""
    victims, halted = ["postgres", "api-server", "scheduler"], []
    uploads = [upload(name, f"chaos/{name}.mp4") for name in ("small", "silent", "mono", "fast", "odd", "interlaced")]

    def strike(progress: list[Progress]) -> None:
        if victims and live.is_healthy() and (stopped := halt_encoders(live)):
            halted.extend(stopped)
            _kill(live, victims.pop(0))
        if not victims:
            let_go_on(halted)

    assert follow(live, uploads, strike) == ["PUBLISHED"] * len(uploads)
    assert victims == [], "the videos were through before every part was killed"
    live.up()  # whatever is still healing is waited for: other tests begin with a healthy stack
    keys = [sent.key for sent in uploads]
    with transaction("test") as connection:
        rows = connection.execute(
            text(
                "SELECT source.key, count(DISTINCT source.id), count(DISTINCT job.id) FROM source JOIN job ON"
                " job.source_id = source.id WHERE source.key = ANY(:keys) GROUP BY source.key"
            ),
            {"keys": keys},
        ).all()
    assert sorted(rows) == sorted((key, 1, 1) for key in keys)


def test_one_mediaconvert_job_whoever_is_killed(live: Stack) -> None:
    """The triggerer that waits for the job dies, and so does the service that transcodes."""
    _faults(live, stall=[{"times": 1}])  # ends with the service that is killed
    video = DemoVideo(clip("small"), "service/small.mp4")
    sent = upload_once(video, get_settings().watch[0].bucket, EngineName.MEDIACONVERT)
    victims = ["triggerer", "mediaconvert"]

    def strike(progress: list[Progress]) -> None:
        if victims and progress[0].verdict == "PROGRESSING" and live.is_healthy():
            _kill(live, victims.pop(0))

    assert follow(live, [sent], strike) == ["PUBLISHED"]
    assert victims == [], "the video was through before every part was killed"
    live.up()
    (made,) = mediaconvert_client().list_jobs()["Jobs"]
    with transaction("test") as connection:
        (row,) = connection.execute(
            text(
                "SELECT job.engine, job.external_id, job.estimated_cost > 0, count(DISTINCT job_attempt.id) FROM source"
                " JOIN job ON job.source_id = source.id JOIN job_attempt ON job_attempt.job_id = job.id"
                " WHERE source.key = :key GROUP BY job.id"
            ),
            {"key": sent.key},
        )
    assert tuple(row) == ("mediaconvert", made["Id"], True, 1)


def test_a_start_finds_what_no_event_told(live: Stack) -> None:
    bucket = get_settings().watch[0].bucket
    s3_client().put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    sent = upload("small", "lost/while down.mp4")
    live.down()
    live.up()
    _forget()
    assert follow(live, [sent]) == ["PUBLISHED"]


def _faults(stack: Stack, **plan: object) -> None:
    put_faults(stack.config.mediaconvert_url, stack.config.keys[1], plan)


def _kill(stack: Stack, part: str) -> None:
    pid = next(state.pid for state in stack.status().parts if state.name == part)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while stack.is_healthy() and time.monotonic() < deadline:
        time.sleep(0.1)

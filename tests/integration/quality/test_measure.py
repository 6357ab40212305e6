"""One published job: what is kept of its measurement, and what becomes of one that is stopped or cannot be made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from support.measured import compare
from typer.testing import CliRunner
from vodflow.catalog import measurements
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import MeasurementState
from vodflow.cli.quality import app
from vodflow.errors import CatalogError, StorageUnavailable
from vodflow.quality import measure
from vodflow.quality.measure import measure_job
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def figures(job: JobRow) -> dict[str, dict[str, Any]]:
    with transaction("test") as connection:
        return {row["name"]: row for row in measurements.get_renditions(connection, job.id)}


def row_of(job: JobRow) -> measurements.MeasurementRow:
    with transaction("test") as connection:
        row = measurements.get_measurement(connection, job.id)
    assert row is not None
    return row


def test_a_job_is_measured_once(publish: Any, s3: S3Client, tmp_path: Path) -> None:
    job = publish("small")
    assert measure_job(job.id, run_id="r") is MeasurementState.MEASURED
    row, found = row_of(job), figures(job)
    assert (row.state, row.attempts, row.every, row.seconds) == ("measured", 1, 1, 2.0)
    assert row.cpu_seconds
    assert row.wall_seconds
    assert row.tool is not None
    assert row.tool.startswith("FFmpeg ")
    assert "libvmaf" in row.tool
    assert (row.black_seconds, row.stretches) == (0, [])
    assert row.luma_clipped is not None
    made = tmp_path / "made.mp4"
    s3.download_file(job.bucket, f"{job.prefix}/mp4/video_360p.mp4", str(made))
    plan = job.plan.model_copy(update={"renditions": job.plan.renditions[:1]})
    by_hand = compare(plan, clip("small"), made, tmp_path)
    assert found["360p"]["vmaf"] == by_hand.vmaf
    assert found["360p"]["frames"] == by_hand.frames == 50
    assert (found["360p"]["vmaf_model"], found["360p"]["qvbr_avg"]) == ("vmaf_v0.6.1", None)
    assert {name for name, row in found.items() if row["kind"] == "audio" and row["loudness"] < -10} == {
        audio.name for audio in job.plan.audio
    }
    before = found["240p"]["measured_at"]
    assert measure_job(job.id) is MeasurementState.MEASURED
    assert figures(job)["240p"]["measured_at"] == before
    assert measure_job(job.id, anew=True, every=5) is MeasurementState.MEASURED
    assert figures(job)["240p"]["measured_at"] > before
    assert row_of(job).attempts == 1


@pytest.mark.parametrize("outputs", [["mp4"], ["hls"]])
def test_every_kind_of_output(publish: Any, outputs: list[str]) -> None:
    job = publish("small", outputs=outputs, qualities=["240p"])
    assert measure_job(job.id, every=10) is MeasurementState.MEASURED
    assert all(row["vmaf"] or row["loudness"] for row in figures(job).values())


def test_a_long_video_is_measured_in_part(publish: Any, set_settings: Any) -> None:
    job = publish("stretches")
    set_settings(quality_long_from=8, quality_seconds=6.5, quality_every=5)
    assert measure_job(job.id) is MeasurementState.MEASURED
    row = row_of(job)
    assert (row.seconds, row.every, row.black_seconds) == (6.5, 3, 2.0)
    assert figures(job)[job.plan.renditions[0].name]["frames"] == 54
    assert [(item["kind"], item["start"]) for item in row.stretches or ()] == [
        ("silent", pytest.approx(4, abs=0.1)), ("black", 3.0), ("frozen", 3.0)
    ]  # fmt: skip


def test_it_steps_aside_between_renditions_and_goes_on(publish: Any) -> None:
    job = publish("small")
    answers = iter([False, True])
    assert measure_job(job.id, step_aside=lambda: next(answers)) is MeasurementState.PARTIAL
    done = {name: row["measured_at"] for name, row in figures(job).items() if row["measured_at"]}
    assert len(done) == 1
    assert (row_of(job).state, row_of(job).attempts) == ("partial", 0)
    assert measure_job(job.id) is MeasurementState.MEASURED
    after = figures(job)
    assert {name: after[name]["measured_at"] for name in done} == done
    assert all(row["measured_at"] for row in after.values())


_KILLED = """
import sys
from vodflow.quality import measure
keep = measure._Measuring._keep
def keep_and_wait(self, *arguments, **values):
    keep(self, *arguments, **values)
    print("kept", flush=True)
    sys.stdin.readline()
measure._Measuring._keep = keep_and_wait
measure.measure_job(int(sys.argv[1]))
"""


def test_a_killed_process_leaves_what_it_has_measured(publish: Any) -> None:
    job = publish("small")
    argv = [sys.executable, "-c", _KILLED, str(job.id)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "kept\n"
        assert measure_job(job.id) is None  # it is being measured
        process.kill()
    assert (row_of(job).state, row_of(job).attempts) == ("partial", 1)
    done = {name: row["measured_at"] for name, row in figures(job).items() if row["measured_at"]}
    assert len(done) == 1
    assert measure_job(job.id) is MeasurementState.MEASURED
    after = figures(job)
    assert {name: after[name]["measured_at"] for name in done} == done
    assert row_of(job).attempts == 2


def test_whoever_is_stopped_has_made_no_attempt(publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = publish("small", outputs=["mp4"], qualities=["240p"])

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "run_process", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure_job(job.id)
    assert (row_of(job).state, row_of(job).attempts) == ("partial", 0)


def test_a_source_that_is_gone_is_recorded(publish: Any, s3: S3Client) -> None:
    job = publish("small", outputs=["mp4"], qualities=["240p"])
    source = job.plan.source
    s3.delete_object(Bucket=source.bucket, Key=source.key)
    assert measure_job(job.id) is MeasurementState.FAILED
    row = row_of(job)
    assert (row.state, row.error_code) == ("failed", "gone")
    assert source.uri in (row.error_message or "")
    found = figures(job)
    assert found["240p"]["vmaf"] is None
    assert all(item["loudness"] for item in found.values() if item["kind"] == "audio")
    with transaction("test") as connection:
        assert measurements.due(connection, days=1) == []  # only after a pause


def test_outputs_that_are_gone_are_recorded(publish: Any, s3: S3Client) -> None:
    job = publish("silent", outputs=["mp4"], qualities=["240p"])
    s3.delete_object(Bucket=job.bucket, Key=f"{job.prefix}/mp4/video_240p.mp4")
    assert measure_job(job.id) is MeasurementState.FAILED
    assert row_of(job).error_code == "outputs-gone"


def test_what_stops_everybody_is_no_fault_of_a_job(publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = publish("small", outputs=["mp4"], qualities=["240p"])

    def away(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("S3 does not answer.")

    monkeypatch.setattr(measure, "fetch", away)
    with pytest.raises(StorageUnavailable):
        measure_job(job.id)
    assert (row_of(job).state, row_of(job).attempts) == ("partial", 0)


def test_only_what_is_published_is_measured(catalog: Settings) -> None:
    with pytest.raises(CatalogError, match="no job 7"):
        measure_job(7)


def test_the_command(publish: Any) -> None:
    job = publish("small", qualities=["240p"])
    runner = CliRunner(env={"COLUMNS": "200"})
    assert isinstance(runner.invoke(app, ["show", str(job.id)]).exception, CatalogError)
    done = runner.invoke(app, ["measure", str(job.id), "--every", "5"])
    assert done.exit_code == 0, done.output
    assert "240p" in done.output
    assert f"Job {job.id}: measured, one of 1 frames of 2.0 s" in done.output
    shown = runner.invoke(app, ["show", str(job.id), "--json"])
    document = json.loads(shown.output)
    assert document["state"] == "measured"
    assert document["renditions"][0]["vmaf"] > 60

"""Inputs that real uploads bring and nobody plans for, all the way: published and right, or refused by name."""

from __future__ import annotations

import array
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.local.run_job import transcode_local
from vodflow.ffmpeg.tools import ffmpeg_path, ffprobe_path
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

PROFILE = """\
description: one quick rung
preset: ultrafast
rungs:
  - {name: 180p, height: 180, bitrate: 400k}
"""
#: Seconds by which flash and beep may differ: one frame of 25 a second, and the resolution of the measurement.
IN_SYNC = 0.05


@pytest.fixture
def bring(
    catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, set_settings: Any, tmp_path: Path
) -> Any:
    """``bring(clip name)`` takes a clip through all five steps."""
    (tmp_path / "quick.yaml").write_text(PROFILE)
    set_settings(profiles_dir=tmp_path)

    def go(name: str, key: str | None = None) -> JobRow:
        source = clip(name)
        key = key or f"acme/{name}{source.suffix}"
        s3.put_object(Bucket=source_bucket, Key=key, Body=source.read_bytes())
        values = {"source_uri": f"s3://{source_bucket}/{key}", "profile": "quick"}
        request = TranscodeRequest.from_params(values)
        job = plan_job(probe_source(request, "manual-1"), request, "manual-1")
        transcode_local(job.id, run_id="manual-1")
        verify_job(job.id)
        publish_job(job.id)
        with transaction("test") as connection:
            return get_job(connection, job.id)

    return go


@pytest.mark.parametrize(
    ("name", "seconds", "rate", "flashes", "beeps"),
    [
        ("long_sound", 4.0, "25/1", 2, 4),
        ("short_sound", 3.0, "25/1", 3, 1),
        ("late_picture", 3.0, "25/1", 2, 3),
        ("late_clock", 2.0, "25/1", 2, 2),
        ("joined", 4.0, "25/1", 4, 4),
        ("sound_changes", 4.0, "25/1", 4, 4),
        ("screen", 4.0, "30/1", 4, 4),
        ("program_stream", 2.0, "25/1", 2, 2),
        ("bare_dv", 1.0, "25/1", 1, 1),
        ("unmarked_cover", 2.0, "25/1", 2, 2),
    ],
)
def test_pictures_and_sound_stay_together(
    bring: Any, s3: S3Client, tmp_path: Path, name: str, seconds: float, rate: str, flashes: int, beeps: int
) -> None:
    job = bring(name)
    assert job.status == JobStatus.PUBLISHED
    assert job.plan.renditions[0].frame_rate == rate
    movie = tmp_path / "movie.mp4"
    s3.download_file(job.bucket, f"{job.prefix}/mp4/video_180p.mp4", str(movie))
    seen, shown = flash_times(movie, rate)
    heard, played = beep_times(movie)
    assert (len(seen), len(heard)) == (flashes, beeps)
    together = zip(seen, heard[-len(seen) :] if name == "late_picture" else heard, strict=False)
    assert all(abs(flash - beep) <= IN_SYNC for flash, beep in together)
    assert (shown, played) == pytest.approx((seconds, seconds), abs=0.1)


@pytest.mark.parametrize("name", ["one_frame", "tiny", "rare_matrix", "empty_sound"])
def test_odd_tracks_are_published(bring: Any, name: str) -> None:
    assert bring(name).status == JobStatus.PUBLISHED


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("two_programs", "program_left_out", "Programme 1 (Small) of the transport stream is not published;"),
        ("mono_pairs", "mono_tracks_joined", "Audio tracks 1, 2 (mono) are heard as stereo;"),
    ],
)
def test_the_manifest_says_which_sound_was_taken(bring: Any, s3: S3Client, name: str, code: str, words: str) -> None:
    job = bring(name)
    manifest = json.loads(s3.get_object(Bucket=job.bucket, Key=f"{job.prefix}/manifest.json")["Body"].read())
    (said,) = (item["message"] for item in manifest["warnings"] if item["code"] == code)
    assert said.startswith(words)


def test_a_lively_moment_keeps_its_motion(bring: Any, s3: S3Client, tmp_path: Path) -> None:
    job = bring("lively")
    movie = tmp_path / "movie.mp4"
    s3.download_file(job.bucket, f"{job.prefix}/mp4/video_180p.mp4", str(movie))
    frames = _decode(movie, "-t", "2", "-map", "0:v", "-f", "framemd5", "-bitexact").decode().splitlines()
    assert job.plan.renditions[0].frame_rate == "30/1"
    assert len({line.rpartition(",")[2] for line in frames if not line.startswith("#")}) > 50


def test_what_was_hdr_says_nothing_of_its_brightness(bring: Any, s3: S3Client, tmp_path: Path) -> None:
    job = bring("hdr")
    assert [warning.code for warning in job.plan.warnings] == ["hdr_tone_mapped"]
    s3.download_file(job.bucket, f"{job.prefix}/mp4/video_180p.mp4", str(tmp_path / "movie.mp4"))
    argv = [ffprobe_path(), "-v", "error", "-show_streams", "-show_frames", "-read_intervals", "%+#1"]
    said = subprocess.run([*argv, tmp_path / "movie.mp4"], capture_output=True, check=True, timeout=60).stdout
    assert b"color_transfer=bt709" in said
    assert b"Mastering" not in said
    assert b"light level" not in said


def test_captions_in_pictures_are_left_out_and_said(bring: Any, s3: S3Client, tmp_path: Path) -> None:
    job = bring("captioned")
    assert [warning.code for warning in job.plan.warnings] == ["closed_captions_left_out"]
    for name in ("mp4/video_180p.mp4", "cmaf/video_180p/00001.m4s", "hls/master.m3u8"):
        s3.download_file(job.bucket, f"{job.prefix}/{name}", str(tmp_path / "made"))
        assert b"GA94" not in (tmp_path / "made").read_bytes()
    assert b"CLOSED-CAPTIONS=NONE" in (tmp_path / "made").read_bytes()


@pytest.mark.parametrize("key", ["a+b %20 'c' \"é\" 😀.mp4", "..//.hidden/x.mp4", "x" * 1000 + ".mp4"])
def test_any_key_that_s3_allows(bring: Any, key: str) -> None:
    assert bring("one_frame", key).status == JobStatus.PUBLISHED


def flash_times(movie: Path, rate: str) -> tuple[list[float], float]:
    """Seconds at which the picture turns white, and how long there are pictures."""
    pictures = _decode(movie, "-map", "0:v", "-vf", "scale=1:1:flags=area,format=gray", "-f", "rawvideo")
    frames, unit = rate.split("/")
    frame = int(unit) / int(frames)
    return _rises([value > 160 for value in pictures], frame, gap=1), len(pictures) * frame


def beep_times(movie: Path) -> tuple[list[float], float]:
    """Seconds at which a tone begins, and how long there is sound."""
    samples = array.array("h", _decode(movie, "-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "s16le"))
    step = 40
    loud = [max(map(abs, samples[start : start + step])) > 800 for start in range(0, len(samples), step)]
    return _rises(loud, step / 8000, gap=20), len(samples) / 8000


def _decode(movie: Path, *options: str) -> bytes:
    argv = [ffmpeg_path(), "-v", "error", "-i", str(movie), *options, "-"]
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


def _rises(states: list[bool], unit: float, gap: int) -> list[float]:
    """Times at which a state begins that was not there for ``gap`` units."""
    return [
        number * unit for number, state in enumerate(states) if state and not any(states[max(0, number - gap) : number])
    ]

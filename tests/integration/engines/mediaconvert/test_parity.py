"""Every profile on both engines: the same ladder, length, segments, codecs and loudness."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.fixtures.mediaconvert_site import Site, reread
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.contract.plan import Output
from vodflow.engines.local.run_job import transcode_local
from vodflow.engines.mediaconvert.steps import collect_job, submit_job
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.packaging.playlist import parse_segments
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.planning.profiles import load_profile, profile_names
from vodflow.storage.objects import list_objects
from vodflow.verification.result import MeasuredRendition, Verification

pytestmark = pytest.mark.integration

#: A source of several segments, for one profile; the others make do with one.
SOURCES = {"sd": "long"}
#: LU by which two encodes of the same sound may differ.
LOUDNESS = 0.5
#: MediaConvert encrypts with keys of a provider alone, which the local one does not ask.
PROFILES = [name for name in profile_names() if load_profile(name).encryption is None]


def carried_out(site: Site, engine: str, profile: str) -> JobRow:
    run_id = f"{engine}-{profile}"
    job = site.planned(
        SOURCES.get(profile, "small"), run_id, key=f"{engine}/{profile}.mp4", profile=profile, engine=engine
    )
    if engine == "local":
        transcode_local(job.id, run_id=run_id)
    else:
        site.ended(submit_job(job.id, run_id=run_id).external_id)
        collect_job(job.id, run_id=run_id)
    verify_job(job.id)
    publish_job(job.id)
    return reread(job)


def shape(track: MeasuredRendition) -> tuple[object, ...]:
    """What must be equal to the last digit."""
    return (
        track.name, track.kind, track.codec, track.width, track.height, track.frame_rate, track.channels,
        track.sample_rate, track.segments,
    )  # fmt: skip


def segments(s3: S3Client, job: JobRow, name: str) -> list[float]:
    body = s3.get_object(Bucket=job.bucket, Key=f"{job.prefix}/{name}")["Body"].read().decode()
    return [item.duration for item in parse_segments(body)]


def loudness(s3: S3Client, job: JobRow, folder: Path) -> float:
    """LUFS of the top rung's MP4 (EBU R 128)."""
    movie = folder / f"{job.engine}.mp4"
    s3.download_file(job.bucket, f"{job.prefix}/{layout.mp4_file(job.plan.renditions[0])}", str(movie))
    argv = [ffmpeg_path(), "-hide_banner", "-nostats", "-i", str(movie), "-map", "0:a", "-af", "ebur128", "-f", "null",
            "-"]  # fmt: skip
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


@pytest.mark.parametrize("profile", PROFILES)
def test_both_engines_make_the_same(site: Site, s3: S3Client, set_settings: Any, tmp_path: Path, profile: str) -> None:
    site.settings = set_settings(mediaconvert_options='{"quality_tuning": "single_pass"}')
    local, service = (carried_out(site, engine, profile) for engine in ("local", "mediaconvert"))
    assert (local.status, service.status) == (JobStatus.PUBLISHED, JobStatus.PUBLISHED)
    ours, theirs = (Verification.model_validate(job.verification_document) for job in (local, service))
    assert [shape(track) for track in ours.renditions] == [shape(track) for track in theirs.renditions]
    assert max(track.segments for track in ours.renditions) == (2 if profile in SOURCES else 1)
    frame = 1 / float(Fraction(local.plan.renditions[0].frame_rate))
    for one, other in zip(ours.renditions, theirs.renditions, strict=True):
        assert one.duration == pytest.approx(other.duration, abs=frame), one.name
    names = [set(list_objects(job.bucket, job.prefix)) for job in (local, service)]
    assert names[0] == names[1]
    if Output.HLS in local.plan.packaging.outputs:
        for rung in local.plan.renditions:
            playlist = layout.hls_playlist(rung)
            assert segments(s3, local, playlist) == pytest.approx(segments(s3, service, playlist), abs=frame)
    if Output.MP4 in local.plan.packaging.outputs:
        both = [loudness(s3, job, tmp_path) for job in (local, service)]
        assert both[0] == pytest.approx(both[1], abs=LOUDNESS)

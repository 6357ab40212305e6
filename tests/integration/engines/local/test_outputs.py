"""What the local engine makes of real clips, measured on the outputs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.engine_jobs import Bench
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.contract.result import Progress, Stage
from vodflow.ffmpeg.tools import ffprobe_path
from vodflow.planning import span
from vodflow.verification.store import S3Store
from vodflow.verification.verify import verify

pytestmark = pytest.mark.integration

PICTURES = {f"thumbnails/thumb_0000{n}.jpg" for n in (1, 2)} | {"thumbnails/poster.jpg"}
CMAF = {f"cmaf/{track}/{name}" for track in ("video_360p", "audio") for name in ("init.mp4", "00001.m4s")}
DASH = {"dash/manifest.mpd"} | CMAF
PLAYLISTS = {f"hls/{name}.m3u8" for name in ("master", "video_360p", "iframe_360p", "audio")}
TS = {"hls/video_360p/00001.ts", "hls/audio/00001.aac"}
MP4 = {"mp4/video_360p.mp4"}


def check(bench: Bench, plan: TranscodePlan) -> None:
    verify(plan, bench.media_bucket, plan.prefix, S3Store(bench.settings))


def streams(path: Path) -> dict[str, dict[str, Any]]:
    argv = [ffprobe_path(), "-v", "error", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    return {stream["codec_type"]: stream for stream in found["streams"]}


@pytest.mark.parametrize(
    ("outputs", "hls_segments", "expected"),
    [
        ((Output.HLS, Output.DASH, Output.MP4), "fmp4", PLAYLISTS | DASH | MP4),
        ((Output.HLS,), "fmp4", PLAYLISTS | CMAF),
        ((Output.DASH,), "fmp4", DASH),
        ((Output.MP4,), "fmp4", MP4),
        ((Output.HLS,), "ts", PLAYLISTS | TS),
        ((Output.HLS, Output.DASH), "ts", PLAYLISTS | TS | DASH),
    ],
    ids=["all", "hls", "dash", "mp4", "ts", "ts+dash"],
)
def test_only_what_is_asked_for_is_made(
    bench: Bench, outputs: tuple[Output, ...], hls_segments: Any, expected: set[str]
) -> None:
    plan = bench.plan("small", packaging=Packaging(outputs=outputs, hls_segments=hls_segments))
    result = bench.run(plan)
    assert set(bench.outputs(plan)) == expected | PICTURES
    assert {item.name: item.size for item in result.objects} == bench.outputs(plan)
    check(bench, plan)
    assert list(bench.work_dir.iterdir()) == []


def test_result_and_progress_of_a_ladder(bench: Bench) -> None:
    plan = bench.plan("plain")
    seen: list[Progress] = []
    result = bench.run(plan, seen.append)
    check(bench, plan)
    assert [track.name for track in result.tracks] == ["720p", "480p", "360p", "audio", "audio_96k"]
    for track in result.tracks:
        assert track.duration == pytest.approx(4.0, abs=0.1)
        assert track.bitrate == pytest.approx(track.size * 8 / track.duration, rel=0.01)
    assert result.cpu_seconds > 0
    assert result.wall_seconds >= result.encode_seconds
    assert [progress.percent for progress in seen] == sorted(progress.percent for progress in seen)
    assert seen[-1].percent == 100.0
    assert list(dict.fromkeys(progress.stage for progress in seen)) == list(Stage)


def test_keyframes_are_aligned_over_the_rungs(bench: Bench, tmp_path: Path) -> None:
    plan = bench.plan("plain", packaging=Packaging(outputs=(Output.MP4,)))
    bench.run(plan)
    folder = bench.fetch(plan, tmp_path / "out")
    grids = [_keyframes(path) for path in sorted(folder.glob("mp4/*.mp4"))]
    assert len(grids) == len(plan.renditions) == 3
    assert grids[0] == pytest.approx([0.0, 2.0], abs=0.001)
    assert all(grid == grids[0] for grid in grids)


def _keyframes(path: Path) -> list[float]:
    argv = [ffprobe_path(), "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags"]
    done = subprocess.run([*argv, "-of", "csv=p=0", str(path)], capture_output=True, check=True, text=True, timeout=60)
    rows = (line.split(",") for line in done.stdout.split())
    return [float(time) for time, flags, *_ in rows if flags.startswith("K")]


@pytest.mark.parametrize(
    "name",
    [
        "portrait",
        "upside_down",
        "vfr",
        "interlaced",
        "silent",
        "anamorphic",
        "odd",
        "hdr",
        "two_languages",
        "late_start",
        "flv",
    ],
)
def test_sources_of_every_kind(bench: Bench, name: str, tmp_path: Path) -> None:
    plan = bench.plan(name)
    bench.run(plan)
    check(bench, plan)
    rung = plan.renditions[0]
    made = streams(bench.fetch(plan, tmp_path / "out", f"mp4/video_{rung.name}.mp4") / f"mp4/video_{rung.name}.mp4")
    video = made["video"]
    assert (video["width"], video["height"], video["sample_aspect_ratio"]) == (rung.width, rung.height, "1:1")
    assert video["pix_fmt"] == "yuv420p"
    assert {video[f"color_{kind}"] for kind in ("space", "transfer", "primaries")} == {"bt709"}
    assert video["r_frame_rate"] == video["avg_frame_rate"] == rung.frame_rate
    assert "side_data_list" not in video
    assert float(video["start_time"]) == 0.0
    assert float(video["duration"]) == pytest.approx(span.picture_seconds(plan), abs=0.1 + 2 / float(rung.fps))
    assert ("audio" in made) == bool(plan.audio)
    if plan.audio:
        audio = made["audio"]
        assert (audio["codec_name"], audio["channels"], audio["sample_rate"]) == ("aac", 2, "48000")
        assert float(audio["duration"]) == pytest.approx(plan.media.duration, abs=0.1)


def test_portrait_is_upright(bench: Bench) -> None:
    rung = bench.plan("portrait").renditions[0]
    assert rung.width < rung.height


def test_running_again_makes_the_same_objects(bench: Bench) -> None:
    plan = bench.plan("small")
    names = bench.run(plan).objects
    again = bench.run(plan).objects
    assert [item.name for item in again] == [item.name for item in names]
    check(bench, plan)

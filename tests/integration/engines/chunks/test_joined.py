"""A plan in chunks against the same plan in one process: frames, sound, and what a lost part costs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.clips import clip
from support.engine_jobs import Bench
from support.engine_plans import quick
from vodflow.contract.parts import Part, parts, plan_key, work_folder
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.contract.strategy import SINGLE, Chunk, StrategyKind
from vodflow.engines.chunks import run
from vodflow.engines.chunks.stored import missing_parts
from vodflow.engines.local import transcode
from vodflow.engines.local.worker_process import run_part
from vodflow.errors import ConfigurationError, EngineError
from vodflow.ffmpeg.tools import ffmpeg_path, ffprobe_path
from vodflow.media.picture_index import read_index
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.reuse import reuse
from vodflow.planning.strategy import Division, choose
from vodflow.storage.objects import list_objects
from vodflow.verification.store import S3Store
from vodflow.verification.verify import verify

pytestmark = pytest.mark.integration

FRAMES = 300
#: Decibels below which a picture of the chunks differs from the undivided encode's as people could see.
SAME_PICTURE = 30.0
#: Decibels that a picture may lose beside the undivided encode's. Without a warm-up it is 5 for half a second.
NOT_SEEN = 2.5


@pytest.fixture
def plan(bench: Bench) -> TranscodePlan:
    """Twelve seconds in three chunks."""
    made = divided(bench, 4)
    assert [chunk.first for chunk in made.strategy.chunks] == [0, 100, 200]
    return made


def divided(bench: Bench, seconds: float) -> TranscodePlan:
    undivided = bench.plan("moving")
    division = Division("chunks", chunk_seconds=seconds)
    strategy = choose(undivided, division, lambda: read_index(str(clip("moving")), undivided.media, 60))
    assert strategy.kind == StrategyKind.CHUNKS
    return undivided.model_copy(update={"strategy": strategy})


def with_chunks(plan: TranscodePlan, *chunks: Chunk) -> TranscodePlan:
    return plan.model_copy(update={"strategy": plan.strategy.model_copy(update={"chunks": chunks})})


def packets(path: Path, stream: str = "v", entries: str = "pts,dts,duration,flags") -> list[dict[str, Any]]:
    shown = f"packet={entries}:stream=time_base,extradata_hash"
    argv = [ffprobe_path(), "-v", "error", "-select_streams", stream, "-show_entries", shown]
    argv += ["-show_data_hash", "md5", "-of", "json", str(path)]
    found = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    return [*found["streams"], *found["packets"]]


def psnr(one: Path, other: Path, log: Path) -> list[float]:
    """Of each frame, decibels of the luminance."""
    graph = f"[0:v][1:v]psnr=stats_file={log.name}"
    argv = [
        ffmpeg_path(),
        "-nostdin",
        "-v",
        "error",
        "-i",
        str(one),
        "-i",
        str(other),
        "-lavfi",
        graph,
        "-f",
        "null",
        "-",
    ]
    subprocess.run(argv, check=True, timeout=120, cwd=log.parent)
    values = [dict(item.split(":") for item in line.split()) for line in log.read_text().splitlines()]
    return [float(value["psnr_y"].replace("inf", "100")) for value in values]


def test_chunks_are_joined_as_if_there_had_been_none(bench: Bench, plan: TranscodePlan, tmp_path: Path) -> None:
    said: list[float] = []
    result = run.run_divided(
        plan, bench.media_bucket, plan.prefix, lambda progress: said.append(progress.percent), settings=bench.settings
    )
    verify(plan, bench.media_bucket, plan.prefix, S3Store(bench.settings))
    assert {item.name: item.size for item in result.objects} == bench.outputs(plan)
    assert said[-1] == 100.0
    # Nothing is left of the parts.
    assert list_objects(bench.media_bucket, "work") == {}
    assert list(bench.work_dir.iterdir()) == []

    divided = bench.fetch(plan, tmp_path / "divided")
    whole = plan.model_copy(update={"revision": 1})
    bench.run(whole)
    undivided = bench.fetch(whole, tmp_path / "undivided")
    assert set(bench.outputs(plan)) == set(bench.outputs(whole))
    for rung in plan.renditions:
        name = f"mp4/video_{rung.name}.mp4"
        assert packets(divided / name) == packets(undivided / name)
        seen = psnr(divided / name, undivided / name, tmp_path / "psnr.log")
        assert len(seen) == FRAMES
        for cut in (100, 200):
            assert min(seen[cut - 5 : cut + 5]) > SAME_PICTURE
    assert digests(divided / "cmaf/audio") == digests(undivided / "cmaf/audio")
    assert digests(divided / "thumbnails") == digests(undivided / "thumbnails")


def test_the_last_chunk_holds_its_picture_while_the_sound_goes_on(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "sound_goes_on.mp4"
    longer = ["-i", str(clip("moving")), "-f", "lavfi", "-i", "sine=duration=30", "-map", "0:v", "-map", "1:a"]
    subprocess.run(
        [ffmpeg_path(), "-v", "error", *longer, "-c:v", "copy", "-c:a", "aac", str(source)], check=True, timeout=60
    )
    info = probe(str(source), source.stat().st_size, 60)
    given = bench.source("sound_goes_on", source)
    undivided = quick(make_plan(given, info, load_profile("standard"), tenant="demo", video="sound_goes_on"))
    strategy = choose(undivided, Division("chunks", chunk_seconds=4), lambda: read_index(str(source), info, 60))
    assert [chunk.first for chunk in strategy.chunks] == [0, 100, 200]
    plan = undivided.model_copy(update={"strategy": strategy, "revision": 1})
    for made, carry_out in ((undivided, transcode.run), (plan, run.run_divided)):
        carry_out(made, bench.media_bucket, made.prefix, settings=bench.settings)
    verify(plan, bench.media_bucket, plan.prefix, S3Store(bench.settings))
    name = f"mp4/video_{plan.renditions[0].name}.mp4"
    joined, whole = (
        packets(bench.fetch(made, tmp_path / str(made.revision), name) / name) for made in (plan, undivided)
    )
    assert len(joined) > 30 * 25
    assert joined == whole


def test_nothing_is_seen_of_a_cut_in_the_middle_of_a_movement(bench: Bench, tmp_path: Path) -> None:
    plan = divided(bench, 6)
    cut = plan.strategy.chunks[1].first
    assert cut == 150  # pictures 100 to 199 are one movement
    whole = plan.model_copy(update={"revision": 1, "strategy": SINGLE})
    (rung,) = plan.renditions
    name = f"mp4/video_{rung.name}.mp4"
    run.run_divided(plan, bench.media_bucket, plan.prefix, settings=bench.settings)
    bench.run(whole)
    files = [bench.fetch(made, tmp_path / str(made.revision), name) / name for made in (plan, whole)]
    ours, undivided = (psnr(file, clip("moving"), tmp_path / "psnr.log") for file in files)
    lost = [theirs - mine for mine, theirs in zip(ours, undivided, strict=True)]
    assert max(lost[cut - 25 : cut + 50]) < NOT_SEEN
    assert least_buffered(files[0], rung) > 0


def least_buffered(path: Path, rung: VideoRendition) -> float:
    """How empty a player's buffer becomes that is filled at the plan's peak rate, as a share of it."""
    fullness = lowest = 0.9 * rung.buffer_size  # where x264 begins
    for packet in packets(path, entries="size")[1:]:
        fullness -= int(packet["size"]) * 8
        lowest = min(lowest, fullness)
        fullness = min(float(rung.buffer_size), fullness + float(rung.max_bitrate / rung.fps))
    return lowest / rung.buffer_size


def digests(folder: Path) -> dict[str, str]:
    """Of all files but the header, in which the packager writes the time of day."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "init.mp4"
    }


def key_of(bench: Bench, plan: TranscodePlan, part: Part) -> str:
    """Of the part's only video file."""
    there = [
        f"{work_folder(plan.prefix, part)}/{name}"
        for name in list_objects(bench.media_bucket, work_folder(plan.prefix, part))
    ]
    (key,) = [key for key in there if key.endswith("/video_360p.mp4")]
    return key


def test_only_lost_parts_are_made_again(bench: Bench, plan: TranscodePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    at = bench.media_bucket, plan.prefix
    with pytest.raises(EngineError, match="These parts are not made yet: audio, chunk 001"):
        run.work_join(plan, *at, settings=bench.settings)
    for part in parts(plan):
        run.work_part(plan, part.name, *at, threads=1, settings=bench.settings)
    assert missing_parts(plan, *at, bench.settings) == []

    lost = parts(plan)[2]
    assert lost.title == "chunk 002 (00:00:04–00:00:08)"
    bench.s3.delete_object(Bucket=bench.media_bucket, Key=key_of(bench, plan, lost))
    assert missing_parts(plan, *at, bench.settings) == [lost]

    made: list[str] = []
    encode = run.encode_part
    monkeypatch.setattr(
        run,
        "encode_part",
        lambda plan, part, *rest, **named: made.append(part.name) or encode(plan, part, *rest, **named),
    )
    run.run_divided(plan, *at, settings=bench.settings)
    assert made == ["chunk-002"]
    verify(plan, *at, S3Store(bench.settings))


def test_a_damaged_part_counts_as_missing(bench: Bench, plan: TranscodePlan) -> None:
    at = bench.media_bucket, plan.prefix
    for part in parts(plan):
        run.work_part(plan, part.name, *at, threads=1, settings=bench.settings)
    broken = parts(plan)[1]
    key = key_of(bench, plan, broken)
    size = bench.s3.head_object(Bucket=bench.media_bucket, Key=key)["ContentLength"]
    bench.s3.put_object(Bucket=bench.media_bucket, Key=key, Body=b"x" * size)
    with pytest.raises(EngineError, match=r"video_360p.mp4 of chunk 001 .* is damaged; it is made again") as caught:
        run.work_join(plan, *at, settings=bench.settings)
    assert caught.value.retryable
    assert missing_parts(plan, *at, bench.settings) == [broken]


def test_a_part_that_no_plan_has_is_refused(bench: Bench, plan: TranscodePlan) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no part 'chunk-9'. Its parts: audio, chunk-001, chunk-002, chunk-003\."
    ):
        run.work_part(plan, "chunk-9", bench.media_bucket, plan.prefix, settings=bench.settings)


def test_decoding_that_begins_too_late_is_no_held_picture(bench: Bench, plan: TranscodePlan) -> None:
    first, second, third = plan.strategy.chunks
    late = second.model_copy(update={"seek": second.seek + 2})
    wrong = with_chunks(plan, first, late, third)
    with pytest.raises(EngineError, match="chunk 002"):
        run.work_part(wrong, "chunk-002", bench.media_bucket, plan.prefix, settings=bench.settings)


def test_a_pod_does_the_same_from_the_command_line(bench: Bench, plan: TranscodePlan) -> None:
    bucket = bench.media_bucket
    bench.s3.put_object(Bucket=bucket, Key=plan_key(plan.prefix), Body=plan.to_json().encode())
    script = "from typer.main import get_command; from vodflow.cli.worker import app; get_command(app)()"
    common = ["--plan", f"s3://{bucket}/{plan_key(plan.prefix)}", "--bucket", bucket, "--prefix", plan.prefix]

    def work(*command: str) -> tuple[int, list[dict[str, Any]]]:
        argv = [sys.executable, "-c", script, *command, *common]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    report = f"s3://{bucket}/work/reports/chunk-002.json"
    status, lines = work("part", "chunk-002", "--report", report)
    assert status == 0
    assert {line["event"] for line in lines[:-1]} == {"progress"}
    assert (lines[-1]["event"], lines[-1]["part"], lines[-1]["frames"]) == ("part", "chunk-002", 100)
    kept = bench.s3.get_object(Bucket=bucket, Key="work/reports/chunk-002.json")["Body"].read()
    assert json.loads(kept) == lines[-1]
    # Not made yet is worth another try, and no such part is not.
    status, lines = work("join")
    assert (status, lines[-1]["code"]) == (4, "missing_part")
    assert work("part", "chunk-004")[0] == 2
    for part in parts(plan):
        run_part(plan, part.name, bucket, plan.prefix)
    status, lines = work("join")
    assert (status, lines[-1]["event"]) == (0, "result")
    verify(plan, bucket, plan.prefix, S3Store(bench.settings))


def test_a_rung_more_encodes_one_rung(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smaller = bench.plan("moving")
    (rung,) = smaller.renditions
    low = {"name": "240p", "width": 426, "height": 240, "bitrate": 400_000, "max_bitrate": 600_000}
    added = rung.model_copy(update={**low, "buffer_size": 800_000, "h264_level": "2.1"})
    whole = smaller.model_copy(update={"renditions": (rung, added)})
    bench.run(smaller)
    strategy = reuse(whole, smaller, bench.media_bucket, smaller.prefix)
    assert strategy is not None
    again = whole.model_copy(update={"strategy": strategy})
    made: list[tuple[str, ...]] = []
    encode = run.encode_part
    monkeypatch.setattr(
        run,
        "encode_part",
        lambda plan, part, *rest, **named: made.append(part.rungs) or encode(plan, part, *rest, **named),
    )
    run.run_divided(again, bench.media_bucket, again.prefix, settings=bench.settings)
    assert made == [("240p",)]
    verify(again, bench.media_bucket, again.prefix, S3Store(bench.settings))
    name = f"mp4/video_{smaller.renditions[0].name}.mp4"
    older, newer = bench.fetch(smaller, tmp_path / "older", name), bench.fetch(again, tmp_path / "newer", name)
    assert packets(older / name) == packets(newer / name)

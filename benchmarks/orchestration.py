"""What orchestration costs: one video through a warm stack, and 20 videos beside a plain script."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from vodflow.planning.plan import TranscodePlan

from benchmarks import clips
from benchmarks.context import Context
from benchmarks.loop import BUCKET, shell_loop
from benchmarks.measure import Usage, median, run
from benchmarks.parts import aws_services, s3_client
from benchmarks.results import Row, Section
from benchmarks.stack import BenchStack, Video, bench_stack

BATCH = 20
WARM_UP = 3
SINGLES = 9
IDLE_SECONDS = 20.0

METHOD = """A fresh embedded stack with its default settings (one encode at a time), warmed up by {warm_up} videos.
Clips are cuts of *Big Buck Bunny* of 2 to 5 s in 360p and 720p; they are uploaded to S3 and found by the
event-driven ingest, nothing is triggered by hand.

*Overhead* is the time from the end of the upload to the end of the `publish` task (`manifest.json` included), minus
the worker's own download, encode, package and upload; the start of the worker process counts as overhead. One video
at a time, p50 of {singles}.

*CPU of orchestration* is the CPU time of all processes of the stack (PostgreSQL, S3, Airflow, tasks) while {batch}
videos went through, minus what the same worker processes use when they are started by hand with the same plans,
minus what the idle stack uses in the same time; divided by {batch}.

*Plain loop* is a script that downloads, encodes with one FFmpeg process, packages, remuxes and uploads one video
after the other, with the same plans, while no stack runs. It keeps no records, verifies nothing and cannot go on
after a crash. It runs before and after the stack."""


@dataclass(frozen=True)
class _Batch:
    """Many videos at once.

    :param wall: seconds from the first upload's begin to the last publication
    :param cpu: CPU seconds of the whole stack meanwhile
    """

    wall: float
    cpu: float
    videos: list[Video]


def orchestration(context: Context) -> Section:
    """Measure the section."""
    batch_clips = clips.short_clips(context.clips, 4 if context.quick else BATCH)
    singles = 2 if context.quick else SINGLES
    loops = [_loop(context, batch_clips)]
    with bench_stack(context.home / "stack") as stack:
        _one_by_one(context, stack, batch_clips[:WARM_UP])
        idle = _idle(stack, 5.0 if context.quick else IDLE_SECONDS)
        single = _one_by_one(context, stack, [batch_clips[index % len(batch_clips)] for index in range(singles)])
        batches = [_batch(context, stack, batch_clips) for _ in range(max(1, context.repeats - 1))]
        workers = [_worker(context, stack, video) for video in batches[0].videos]
    loops.append(_loop(context, batch_clips))
    method = METHOD.format(warm_up=WARM_UP, singles=singles, batch=len(batch_clips))
    section = Section("orchestration", "Orchestration", method)
    section.rows = [*_single_rows(single), *_batch_rows(batches, loops, workers, idle)]
    section.raw = {
        "idle_cpu_a_second": idle,
        "single": [_raw(video) for video in single],
        "batches": [{"wall": batch.wall, "cpu": batch.cpu, "videos": [_raw(video) for video in batch.videos]}
                    for batch in batches],
        "loops": [asdict(loop) for loop in loops],
        "workers": [asdict(worker) for worker in workers],
    }  # fmt: skip
    return section


def _loop(context: Context, batch_clips: list[Path]) -> Usage:
    with aws_services(context.home / "parts") as environment:
        context.await_quiet()
        usage = shell_loop(context, s3_client(environment), batch_clips)
    context.say(f"plain loop: {usage.wall:.1f} s, {usage.cpu:.1f} CPU s")
    return usage


def _key(clip: Path) -> str:
    return f"bench/{uuid4().hex[:8]}/{clip.name}"


def _one_by_one(context: Context, stack: BenchStack, chosen: Iterable[Path]) -> list[Video]:
    videos = []
    for clip in chosen:
        context.await_quiet()
        key = _key(clip)
        videos += stack.await_published({key: stack.upload(clip, key)}, with_ingest=True)
        context.say(f"{clip.name}: {videos[-1].overhead:.2f} s beside {videos[-1].worker_seconds:.2f} s of the worker")
        time.sleep(2.0)
    return videos


def _idle(stack: BenchStack, seconds: float) -> float:
    """CPU seconds a second of the stack with nothing to do."""
    before, begin = stack.cpu(), time.monotonic()
    time.sleep(seconds)
    return (stack.cpu() - before) / (time.monotonic() - begin)


def _batch(context: Context, stack: BenchStack, batch_clips: list[Path]) -> _Batch:
    context.await_quiet()
    before, begin = stack.cpu(), time.time()
    keys = {_key(clip): clip for clip in batch_clips}
    uploads = {key: stack.upload(clip, key) for key, clip in keys.items()}
    videos = stack.await_published(uploads)
    cpu = stack.cpu() - before
    batch = _Batch(max(video.published for video in videos) - begin, cpu, videos)
    context.say(f"{len(videos)} videos through the stack: {batch.wall:.1f} s, {cpu:.1f} CPU s")
    time.sleep(2.0)
    return batch


def _worker(context: Context, stack: BenchStack, video: Video) -> Usage:
    """The same work by a worker that is started by hand."""
    plan = TranscodePlan.model_validate(video.plan)
    argv = [sys.executable, "-m", "vodflow.engines", "--plan", "-", "--bucket", BUCKET, "--prefix", f"hand/{plan.hash}"]
    with context.folder() as folder:
        environment = {**stack.environment, "VODFLOW_WORK_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
        return run(argv, cwd=folder, env=environment, stdin=plan.to_json())[0]


def _single_rows(videos: list[Video]) -> list[Row]:
    def p50(value: str, values: Iterable[float], target: float | None = None, note: str = "") -> Row:
        return Row(value, median(values), "s", target=target, note=note)

    worst = max(video.overhead for video in videos)
    found = [video for video in videos if video.ingest is not None]
    return [
        p50("Overhead of one video, p50", (video.overhead for video in videos), 3.0, f"worst {worst:.2f} s"),
        p50("Upload → run of ingest_videos, p50", (float(video.ingest or 0) - video.uploaded for video in found), 3.0),
        p50("Upload → run of transcode_video, p50", (video.run - video.uploaded for video in videos)),
        p50("Upload → engine at work, p50", (video.engine_started - video.uploaded for video in videos)),
        p50("Time to publish, p50", (video.published - video.uploaded for video in videos)),
        p50("Worker's own time, p50", (video.worker_seconds for video in videos)),
    ]


def _batch_rows(batches: list[_Batch], loops: list[Usage], workers: list[Usage], idle: float) -> list[Row]:
    count = len(workers)
    by_hand = sum(worker.cpu for worker in workers)
    gross = median((batch.cpu - by_hand) / count for batch in batches)
    net = median((batch.cpu - by_hand - idle * batch.wall) / count for batch in batches)
    wall, loop = median(batch.wall for batch in batches), median(usage.wall for usage in loops)
    return [
        Row("CPU of orchestration, a video", net, "s", target=1.5, note=f"with the idle stack's share {gross:.2f} s"),
        Row("CPU of the idle stack, a second", idle, "s"),
        Row(f"{count} short videos, wall", wall, "s", loop, "plain loop", 1.15),
        Row(f"{count} short videos, CPU", median(batch.cpu for batch in batches), "s",
            median(usage.cpu for usage in loops), "plain loop"),
        Row("CPU of the workers by hand, a video", by_hand / count, "s"),
    ]  # fmt: skip


def _raw(video: Video) -> dict[str, object]:
    return {**asdict(replace(video, plan={})), "overhead": video.overhead}

"""What orchestration costs: one video through a warm stack, and 20 videos beside a plain script."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from vodflow.contract.plan import TranscodePlan

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
All clips are cuts of *Big Buck Bunny*, all different: *short videos* are 6 to 10 s in 480p, *snippets* 2 to 5 s in
360p and 720p. They are uploaded to S3 and found by the event-driven ingest, nothing is triggered by hand.

*Overhead* is the time to publish minus the worker's own download, encode, package and upload. It is given twice: from
the end of the upload to the end of the `publish` task (`manifest.json` included), and from the registration in the
catalog, as the report's time to publish counts. One snippet at a time, p50 of {singles}.

*CPU of orchestration* is the CPU time of all processes of the stack (PostgreSQL, S3, Airflow, tasks) while the
{singles} snippets went through, minus what the same workers use when they are started by hand from a warm Python
process with the same plans (S3's share of it included), minus what the idle stack uses in the same time; divided by
{singles}.

*Plain loop* is a script that downloads, encodes with one FFmpeg process, packages, remuxes and uploads one video
after the other, with the same plans, while no stack runs. It keeps no records, verifies nothing and cannot go on
after a crash. It runs before the stack, and with more than one repeat after it too."""


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
    count = 4 if context.quick else BATCH
    shorts, snippets = clips.short_clips(context.clips, count), clips.snippets(context.clips, count)
    singles = 2 if context.quick else SINGLES
    loops, snippet_loops = [_loop(context, shorts)], [_loop(context, snippets)]
    with bench_stack(context.home / "stack") as stack:
        _one_by_one(context, stack, snippets[:WARM_UP])
        idle = _idle(stack, 5.0 if context.quick else IDLE_SECONDS)
        before, begin = stack.cpu(), time.monotonic()
        single = _one_by_one(context, stack, [snippets[index % len(snippets)] for index in range(singles)])
        alone = Usage(time.monotonic() - begin, stack.cpu() - before)
        batches = [_batch(context, stack, shorts) for _ in range(max(1, context.repeats - 1))]
        snippet_batch = _batch(context, stack, snippets)
        workers = [_worker(context, stack, video, idle) for video in single]
    if context.repeats > 1:
        loops.append(_loop(context, shorts))
        snippet_loops.append(_loop(context, snippets))
    method = METHOD.format(warm_up=WARM_UP, singles=singles)
    section = Section("orchestration", "Orchestration", method)
    section.rows = [
        *_single_rows(single),
        *_cpu_rows(alone, workers, idle),
        *_batch_rows(f"{count} short videos", batches, loops, 1.35),
        *_batch_rows(f"{count} snippets", [snippet_batch], snippet_loops),
    ]
    section.raw = {
        "idle_cpu_a_second": idle,
        "alone": asdict(alone),
        "single": [_raw(video) for video in single],
        "batches": [{"wall": batch.wall, "cpu": batch.cpu, "videos": [_raw(video) for video in batch.videos]}
                    for batch in (*batches, snippet_batch)],
        "loops": [asdict(loop) for loop in (*loops, *snippet_loops)],
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


def _worker(context: Context, stack: BenchStack, video: Video, idle: float) -> Usage:
    """The same work by a worker that is started by hand, with what the stack's S3 does for it."""
    plan = TranscodePlan.model_validate(video.plan)
    argv = [sys.executable, "-m", "benchmarks.warm_worker", BUCKET, f"hand/{plan.hash}"]
    before, begin = stack.cpu(), time.monotonic()
    with context.folder() as folder:
        environment = {**stack.environment, "VODFLOW_WORK_DIR": str(folder), "PYTHONPATH": str(Path.cwd())}
        said = run(argv, cwd=folder, env=environment, stdin=plan.to_json())[1]
    served = stack.cpu() - before - idle * (time.monotonic() - begin)
    used = json.loads(said)
    return Usage(used["wall"], used["cpu"] + max(0.0, served))


def _single_rows(videos: list[Video]) -> list[Row]:
    def p50(value: str, values: Iterable[float], target: float | None = None, note: str = "") -> Row:
        return Row(value, median(values), "s", target=target, note=note)

    worst = max(video.overhead for video in videos)
    registered = [video.published - video.registered - video.worker_seconds for video in videos]
    found = [video for video in videos if video.ingest is not None]
    return [
        p50("Overhead from the upload, p50", (video.overhead for video in videos), 3.0, f"worst {worst:.2f} s"),
        p50("Overhead from the registration, p50", registered, 1.3, f"worst {max(registered):.2f} s"),
        p50("Upload → run of ingest_videos, p50", (float(video.ingest or 0) - video.uploaded for video in found), 3.0),
        p50("Upload → run of transcode_video, p50", (video.run - video.uploaded for video in videos)),
        p50("Upload → engine at work, p50", (video.engine_started - video.uploaded for video in videos)),
        p50("Time to publish, p50", (video.published - video.uploaded for video in videos)),
        p50("Worker's own time, p50", (video.worker_seconds for video in videos)),
    ]


def _cpu_rows(alone: Usage, workers: list[Usage], idle: float) -> list[Row]:
    """What the videos that went through one by one used, beside their workers."""
    count = len(workers)
    by_hand = sum(worker.cpu for worker in workers)
    gross = (alone.cpu - by_hand) / count
    net = gross - idle * alone.wall / count
    return [
        Row("CPU of orchestration, a video", net, "s", target=1.7, note=f"with the idle stack's share {gross:.2f} s"),
        Row("CPU of the idle stack, a second", idle, "s"),
        Row("CPU of a worker by hand, a video", by_hand / count, "s"),
    ]


def _batch_rows(name: str, batches: list[_Batch], loops: list[Usage], target: float | None = None) -> list[Row]:
    wall, loop = median(batch.wall for batch in batches), median(usage.wall for usage in loops)
    cpu, loop_cpu = median(batch.cpu for batch in batches), median(usage.cpu for usage in loops)
    return [
        Row(f"{name}, wall", wall, "s", loop, "plain loop", target),
        Row(f"{name}, CPU", cpu, "s", loop_cpu, "plain loop"),
    ]


def _raw(video: Video) -> dict[str, object]:
    return {**asdict(replace(video, plan={})), "overhead": video.overhead}

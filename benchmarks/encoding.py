"""The local engine beside a hand-written FFmpeg command, one FFmpeg run a rendition, and shaka-streamer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vodflow.contract import layout
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.contract.result import EngineResult
from vodflow.media.probe import probe
from vodflow.planning.cpu import estimated_cpu_seconds
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

from benchmarks import baselines, clips, quality, streamer
from benchmarks.context import Context
from benchmarks.measure import Usage, alternate, median, run
from benchmarks.parts import aws_services, s3_client
from benchmarks.quality import Quality
from benchmarks.results import Row, Section

BUCKET = "vodflow-media"
SOURCE_BUCKET = "vodflow-source"
KEY = "bench/big-buck-bunny-1080p.mp4"
#: Rungs whose pictures are compared: where most bits are, and where scaling matters most.
COMPARED = ("1080p", "480p")
#: Least difference that people notice is about 6 VMAF points; a twentieth of it keeps the comparison honest.
VMAF_TOLERANCE = 0.3
BITRATE_TOLERANCE = 1.02

METHOD = """The clip is {seconds:.0f} s of *Big Buck Bunny* (1920x1080, 24 frames/s, AAC 5.1). All sides take turns,
every second round in the opposite order; numbers are medians of {repeats} rounds. CPU is user and system time of a
process with all its children, as the kernel reports it when they end.

*Worker* is the whole worker process: start of Python, download from S3, FFmpeg, Shaka Packager, MP4 remux, upload to
S3. *Engine* is what of it FFmpeg and the packager used. The baselines read and write local files only, and need no
transfer. **One process** is the best FFmpeg command known to us: one decode, `split`, all rungs, sound and pictures
in one process, then one packager run, then one remux of all MP4s. **One run each** calls FFmpeg once for each
rendition. Both use the plan's rates, VBV, GOP, preset and levels. **shaka-streamer** runs its own ladder and
settings (1080p 4 Mb/s, 720p 2, 480p 1, 360p 0.4, preset slow, 4 s GOPs, HLS and DASH, no MP4, no pictures) with its
own FFmpeg build; Vodflow runs a plan with the same ones.

Equal work is checked: VMAF (every {subsample}th frame, shown at 1080p) and the measured bit rate of both sides."""


@dataclass
class _Side:
    """One competitor: how to run it, and what its pictures were worth."""

    usages: list[Usage] = field(default_factory=list)
    qualities: dict[str, Quality] = field(default_factory=dict)
    results: list[EngineResult] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return median(usage.cpu for usage in self.usages)

    @property
    def wall(self) -> float:
        return median(usage.wall for usage in self.usages)

    @property
    def others(self) -> float:
        """Share of the machine that other programs used meanwhile, 0 to 1."""
        return median(usage.others / (usage.wall * (os.cpu_count() or 1)) for usage in self.usages)

    @property
    def engine_cpu(self) -> float:
        return median(result.cpu_seconds for result in self.results)


def encoding(context: Context) -> Section:
    """Measure the section."""
    clip = clips.quick_clip(context.clips) if context.quick else clips.big_buck_bunny(context.clips)
    with aws_services(context.home / "parts") as environment:
        bench = _Bench(context, clip, environment)
        bench.upload()
        standard = bench.standard_plan()
        sides = bench.run_all(standard, streamer.same_plan(standard))
    method = METHOD.format(seconds=standard.media.duration, repeats=context.repeats, subsample=quality.SUBSAMPLE)
    section = Section("encoding", "Encoding", method)
    section.rows = [
        *_compare(sides["vodflow"], sides["one process"], "one process", cpu=1.05),
        *_compare(sides["vodflow"], sides["one run each"], "one run each", cpu=0.92),
        *_compare(sides["vodflow, shaka ladder"], sides["shaka-streamer"], "shaka-streamer", cpu=1.0, wall=1.0),
        *_transfer(sides["vodflow"]),
        Row(
            "CPU, worker, against its estimate", sides["vodflow"].cpu, "s", estimated_cpu_seconds(standard), "estimate"
        ),
    ]
    section.raw = {name: _raw(side) for name, side in sides.items()}
    return section


class _Bench:
    """The competitors, on one clip."""

    def __init__(self, context: Context, clip: Path, environment: Mapping[str, str]) -> None:
        self._context = context
        self._clip = clip
        self._environment = environment
        self._s3 = s3_client(environment)
        self._sides: dict[str, _Side] = {}

    def upload(self) -> None:
        self._s3.upload_file(str(self._clip), SOURCE_BUCKET, KEY)

    def standard_plan(self) -> TranscodePlan:
        head = self._s3.head_object(Bucket=SOURCE_BUCKET, Key=KEY)
        source = SourceRef(bucket=SOURCE_BUCKET, key=KEY, version=head["ETag"].strip('"'), size=head["ContentLength"])
        media = probe(str(self._clip), source.size, 60.0)
        return make_plan(source, media, load_profile("standard"), tenant="bench", video="big-buck-bunny")

    def run_all(self, standard: TranscodePlan, shaka: TranscodePlan) -> dict[str, _Side]:
        first = {
            "vodflow": lambda: self._vodflow("vodflow", standard),
            "one process": lambda: self._baseline("one process", baselines.one_process, standard),
            "one run each": lambda: self._baseline("one run each", baselines.one_run_each, standard),
        }
        second = {
            "vodflow, shaka ladder": lambda: self._vodflow("vodflow, shaka ladder", shaka),
            "shaka-streamer": lambda: self._streamer(shaka),
        }
        for sides in (first, second):
            for name, usages in alternate(sides, self._context.repeats).items():
                self._sides[name].usages = usages
        return self._sides

    def _side(self, name: str) -> tuple[_Side, bool]:
        new = name not in self._sides
        return self._sides.setdefault(name, _Side()), new

    def _vodflow(self, name: str, plan: TranscodePlan) -> Usage:
        self._context.await_quiet()
        side, new = self._side(name)
        prefix = f"bench/{plan.hash}"
        argv = [sys.executable, "-m", "vodflow.engines.local", "--plan", "-", "--bucket", BUCKET, "--prefix", prefix]
        with self._context.folder() as folder:
            environment = {**self._environment, "VODFLOW_WORK_DIR": str(folder)}
            usage, said = run(argv, cwd=folder, env=environment, stdin=plan.to_json())
            result = EngineResult.model_validate_json(said.strip().splitlines()[-1])
            side.results.append(result)
            if new:
                self._judge(side, lambda rung: self._fetch(result, plan, rung, folder))
        self._told(name, usage)
        return usage

    def _baseline(self, name: str, make: Callable[[TranscodePlan, Path, Path], Usage], plan: TranscodePlan) -> Usage:
        self._context.await_quiet()
        side, new = self._side(name)
        with self._context.folder() as folder:
            usage = make(plan, self._clip, folder)
            if new:
                self._judge(side, lambda rung: folder / f"{rung}.mp4")
        self._told(name, usage)
        return usage

    def _streamer(self, plan: TranscodePlan) -> Usage:
        self._context.await_quiet()
        side, new = self._side("shaka-streamer")
        heights = {rung.name: rung.height for rung in plan.renditions}
        with self._context.folder() as folder:
            usage = streamer.run_streamer(self._clip, folder)
            if new:
                self._judge(
                    side,
                    lambda rung: quality.join(streamer.segments(folder, heights[rung]), folder / f"joined-{rung}.mp4"),
                )
        self._told("shaka-streamer", usage)
        return usage

    def _judge(self, side: _Side, find: Callable[[str], Path]) -> None:
        for rung in COMPARED:
            side.qualities[rung] = quality.measure(find(rung), self._clip, width=1920, height=1080)

    def _fetch(self, result: EngineResult, plan: TranscodePlan, rung: str, folder: Path) -> Path:
        rendition = next(item for item in plan.renditions if item.name == rung)
        init = layout.cmaf_init(rendition)
        folder_name = init.removesuffix("init.mp4")
        media = sorted(item.name for item in result.objects if item.name.startswith(folder_name) and item.name != init)
        parts = []
        for number, name in enumerate([init, *media]):
            part = folder / f"{rung}-{number:04}.part"
            self._s3.download_file(result.bucket, f"{result.prefix}/{name}", str(part))
            parts.append(part)
        return quality.join(parts, folder / f"joined-{rung}.mp4")

    def _told(self, name: str, usage: Usage) -> None:
        share = _Side([usage]).others
        self._context.say(f"{name}: {usage.cpu:.1f} CPU s, {usage.wall:.1f} s; others used {share:.0%} of the machine")


def _compare(ours: _Side, other: _Side, name: str, *, cpu: float, wall: float | None = None) -> list[Row]:
    busy = f"other programs used {ours.others:.0%} and {other.others:.0%} of the machine meanwhile"
    rows = [
        Row(f"CPU, worker, against {name}", ours.cpu, "s", other.cpu, name, cpu, busy),
        Row(f"CPU, engine, against {name}", ours.engine_cpu, "s", other.cpu, name),
        Row(f"Wall, worker, against {name}", ours.wall, "s", other.wall, name, wall, busy),
    ]
    for rung in COMPARED:
        mine, theirs = ours.qualities[rung], other.qualities[rung]
        rows += [
            Row(f"Bit rate of {rung}", mine.bitrate / 1e6, "Mb/s", theirs.bitrate / 1e6, name, BITRATE_TOLERANCE),
            Row(f"VMAF of {rung}, lost against {name}", theirs.vmaf - mine.vmaf, "", target=VMAF_TOLERANCE,
                note=f"Vodflow {mine.vmaf:.2f}, {name} {theirs.vmaf:.2f}"),
        ]  # fmt: skip
    return rows


def _transfer(side: _Side) -> list[Row]:
    return [
        Row("CPU of the worker besides FFmpeg and packager", side.cpu - side.engine_cpu, "s",
            note="start of Python, S3 transfer, checksums, playlists"),
        Row("Wall, download from S3", median(result.download_seconds for result in side.results), "s"),
        Row("Wall, encode", median(result.encode_seconds for result in side.results), "s"),
        Row("Wall, package and remux", median(result.package_seconds for result in side.results), "s"),
        Row("Wall, upload to S3", median(result.upload_seconds for result in side.results), "s"),
    ]  # fmt: skip


def _raw(side: _Side) -> dict[str, object]:
    return {
        "usages": [asdict(usage) for usage in side.usages],
        "qualities": {name: asdict(value) for name, value in side.qualities.items()},
        "results": [json.loads(result.model_dump_json(exclude={"objects", "tracks"})) for result in side.results],
    }

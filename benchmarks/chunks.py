"""An encode in chunks beside the undivided one: CPU, bits, quality; and what chunks gain on many machines."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from vodflow.contract.parts import Part, PartRecord, parts
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.contract.strategy import Chunk
from vodflow.engines.chunks.encode import encode_part, part_seconds
from vodflow.engines.chunks.join import join
from vodflow.engines.local.command import EncodePaths, available_cpus, encode_command
from vodflow.engines.local.transcode import Job
from vodflow.ffmpeg.process import check_exit, run_process
from vodflow.ffmpeg.progress import Reporter
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.picture_index import read_index
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose
from vodflow.settings import Settings

from benchmarks import clips, quality
from benchmarks.chunk_simulation import LENGTHS, WORKERS, World, best_length, curve, simulate, without
from benchmarks.context import Context
from benchmarks.quality import Quality
from benchmarks.results import Row, Section

#: Chunks of the default length, and how many are compared with an undivided encode, at what profile.
LENGTH = float(Settings.model_fields["chunk_seconds"].default)
COUNT, SMALL = 2, "sd"
#: Seconds of the clip whose chunks the simulation knows, of these chunks, and of the film that is simulated.
SECONDS, CHUNK, FILM = 20.0, 10.0, 7200.0
#: CPUs of a simulated machine.
CPUS = 2
TRIES = 20
#: How many times over the measured chunks are joined to see what a second costs, apart from what every join costs.
TIMES = 6
FILMS = {"half an hour": 1800.0, "two hours": FILM}

METHOD = """The clip is *Big Buck Bunny* in 720p, {seconds:.0f} s with a keyframe every two seconds, profile `{small}`,
in {count} chunks of the default length. **Undivided** is one FFmpeg process with all rungs; **chunks** are as many
processes side by side as there are CPUs, one thread each, the sound apart, and the join. CPU is user and system time of
all processes. Quality is VMAF of every {subsample}th frame at the source's size; the worst second is the one with the
lowest mean.

The simulation replays what was measured here with {world:.0f} s of it in 1080p, standard profile: the seconds that
chunks and the sound took, on machines of {cpus} CPUs, and what joining and packaging them took, once and {times} times
over (so that what every join costs is known apart); and a pod's {start} s, as in the section *Pods*.

The rest is **assumed**: the logarithm of starts spreads by {spread}, on every second machine the first part waits
{pull:.0f} s for the image, S3 takes and gives {network:.0f} MB a second, a machine fails once in {failure:.0f}
hours of work, and one part in twenty meets a machine that is half as fast. What is encoded a second time because it
is late counts as cost. Lengths of chunks are the planner's. A film lasts {film:.0f} minutes; averages of {tries}
simulated runs. It is compared with one machine that is never slow and never fails; *in the same world* with one
that starts, fails and is slow like the others."""


_CURVES = """How much faster, and for what multiple of the machines' time, by the length of a chunk. A video has at most
100 of them, so those of two hours last 72 s on average or longer.
"""


@dataclass
class _Side:
    cpu: float
    qualities: dict[str, Quality] = field(default_factory=dict)


def chunks(context: Context) -> Section:
    """Measure the section."""
    seconds = LENGTH * COUNT
    small = clips.cuttable(context.clips, seconds, 720)
    large = clips.cuttable(context.clips, SECONDS, 1080)
    plan, replayed = _plan(small, SMALL, LENGTH), _plan(large, "standard", CHUNK)
    context.await_quiet()
    with context.folder() as folder:
        whole = _undivided(plan, small, folder)
        context.say(f"undivided: {whole.cpu:.1f} CPU s")
        divided = _divided(plan, small, folder)
        context.say(f"chunks: {divided.cpu:.1f} CPU s")
    with context.folder() as folder:
        world = _world(replayed, _made(replayed, large, folder), folder)
    method = METHOD.format(
        seconds=plan.media.duration, small=SMALL, count=len(plan.strategy.chunks), subsample=quality.SUBSAMPLE,
        world=SECONDS, cpus=CPUS, film=FILM / 60, tries=TRIES, times=TIMES, start=f"{world.start:g}",
        spread=world.start_spread, pull=world.image_pull, network=world.network / 1e6, failure=1 / world.failure,
    )  # fmt: skip
    curves = {film: {machines: curve(world, seconds, machines, TRIES) for machines in WORKERS}
              for film, seconds in FILMS.items()}  # fmt: skip
    section = Section("chunks", "Chunks", method)
    section.rows = [*_compared(whole, divided), *_simulated(world, curves["two hours"])]
    section.more = f"{_table(curves)}\n\n{_costs(world)}"
    section.raw = {"world": asdict(world), "curves": curves}
    return section


def _plan(clip: Path, profile: str, length: float) -> TranscodePlan:
    size = clip.stat().st_size
    source = SourceRef(bucket="bench", key=clip.name, version="1", size=size)
    media = probe(str(clip), size, 60.0)
    plan = make_plan(source, media, load_profile(profile), tenant="bench", video="big-buck-bunny")
    strategy = choose(plan, Division("chunks", chunk_seconds=length), lambda: read_index(str(clip), media, 60.0))
    if not strategy.chunks:
        raise RuntimeError(strategy.reason)
    return plan.model_copy(update={"strategy": strategy})


def _undivided(plan: TranscodePlan, clip: Path, folder: Path) -> _Side:
    paths = EncodePaths(clip, folder / "whole", folder / "whole")
    (paths.outputs / "thumbnails").mkdir(parents=True)
    finished = run_process(encode_command(plan, paths, ffmpeg_path()))
    check_exit("ffmpeg", finished)
    return _Side(finished.cpu_seconds, _judged(plan, clip, paths.tracks))


def _divided(plan: TranscodePlan, clip: Path, folder: Path) -> _Side:
    records = _made(plan, clip, folder)
    tracks, outputs = folder / "tracks", folder / "outputs"
    tracks.mkdir()
    outputs.mkdir()
    cpu = join(plan, {name: folder / name for name in records}, records, tracks, outputs)
    cpu += sum(record.cpu_seconds for record in records.values())
    return _Side(cpu, _judged(plan, clip, tracks))


def _made(plan: TranscodePlan, clip: Path, folder: Path) -> dict[str, PartRecord]:
    """Make all parts, as many at a time as there are CPUs; what each has made."""

    def make(part: Part) -> PartRecord:
        return encode_part(plan, part, clip, folder / part.name, threads=1)

    found = parts(plan)
    with ThreadPoolExecutor(available_cpus()) as pool:
        return dict(zip((part.name for part in found), pool.map(make, found), strict=True))


def _judged(plan: TranscodePlan, clip: Path, tracks: Path) -> dict[str, Quality]:
    video = plan.media.video
    return {
        rung.name: quality.measure(tracks / f"video_{rung.name}.mp4", clip, width=video.width, height=video.height)
        for rung in plan.renditions
    }


def _world(plan: TranscodePlan, records: dict[str, PartRecord], folder: Path) -> World:
    """What the simulation must know of this footage and this machine."""
    found = {part.name: part for part in parts(plan)}
    # Of all that is encoded, the warm-up included.
    warm_up = max(part.chunk.warm_up for part in found.values() if part.chunk) / float(plan.renditions[0].fps)
    paces = [
        records[name].cpu_seconds / CPUS / (part_seconds(plan, part) + (warm_up if part.chunk.first else 0.0))
        for name, part in found.items()
        if part.chunk
    ]
    sound = sum(records[name].cpu_seconds for name, part in found.items() if not part.rungs)
    once, often = _finished(plan, records, folder, 1), _finished(plan, records, folder, TIMES)
    more = (TIMES - 1) * once.seconds
    join, package = (often.join - once.join) / more, (often.package - once.package) / more
    return World(
        paces=paces,
        warm_up=warm_up,
        audio=sound / CPUS / plan.media.duration,
        join=max(0.0, join),
        package=max(0.0, package),
        fixed=max(0.0, once.join + once.package - (join + package) * once.seconds),
        tracks=once.tracks / once.seconds,
        outputs=once.outputs / once.seconds,
    )


@dataclass(frozen=True)
class _Finish:
    """Seconds of video; seconds that its join and its packaging took; bytes of its tracks and its outputs."""

    seconds: float
    join: float
    package: float
    tracks: float
    outputs: float


def _finished(plan: TranscodePlan, records: dict[str, PartRecord], folder: Path, times: int) -> _Finish:
    """Join and package a plan of the first chunk, so many times as there are chunks, and times over."""
    first = next(part for part in parts(plan) if part.chunk is not None)
    frames, count = records[first.name].frames or 0, times * len(plan.strategy.chunks)
    ends = [(place + 1) * frames for place in range(count - 1)]
    repeated = tuple(Chunk(first=begin, end=end) for begin, end in zip([0, *ends], [*ends, None], strict=True))
    longer = plan.model_copy(update={"strategy": plan.strategy.model_copy(update={"chunks": repeated})})
    with TemporaryDirectory(dir=folder) as name:
        own = Path(name)
        copied, known = {}, {}
        for part in parts(longer):
            source = first.name if part.chunk else part.name
            copied[part.name] = own / "parts" / part.name
            shutil.copytree(folder / source, copied[part.name])
            known[part.name] = records[source]
        job = Job(longer, own, Settings(), Reporter(None), threading.Event())
        job.paths.tracks.mkdir()
        job.paths.outputs.mkdir()
        begin = time.monotonic()
        join(longer, copied, known, job.paths.tracks, job.paths.outputs)
        middle = time.monotonic()
        job.package()
        end = time.monotonic()
        return _Finish(
            float(count * frames / plan.renditions[0].fps), middle - begin, end - middle,
            _bytes(job.paths.tracks), _bytes(job.paths.outputs),
        )  # fmt: skip


def _bytes(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def _compared(whole: _Side, divided: _Side) -> list[Row]:
    rows = [
        Row(
            "CPU, chunks against undivided",
            divided.cpu,
            "s",
            whole.cpu,
            "undivided",
            1.05,
            note="each but the first begins with a GOP that is thrown away",
        )
    ]
    for name, ours in divided.qualities.items():
        other = whole.qualities[name]
        rows += [
            Row(f"Bit rate of {name}, difference", abs(ours.bitrate / other.bitrate - 1) * 100, "%", target=3.0,
                note=f"chunks {ours.bitrate / 1e6:.3f} Mb/s, undivided {other.bitrate / 1e6:.3f}"),
            Row(f"VMAF of {name}, difference", abs(ours.vmaf - other.vmaf), "", target=0.5,
                note=f"chunks {ours.vmaf:.2f}, undivided {other.vmaf:.2f}"),
            Row(f"VMAF of {name} in the worst second, difference", abs(ours.worst - other.worst), "", target=2.0,
                note=f"chunks {ours.worst:.2f}, undivided {other.worst:.2f}"),
        ]  # fmt: skip
    return rows


def _simulated(world: World, curves: dict[int, dict[float, tuple[float, float]]]) -> list[Row]:
    rows = []
    for machines, found in curves.items():
        speed_up, cost = found[LENGTH]
        note = f"{speed_up:.1f} times faster, for {cost:.2f} times the machines' time"
        what = f"Wall of a film on {machines:,} machines, as a share of one"
        rows.append(Row(what, 1 / speed_up, "", target=1 / 9 if machines == 12 else None, note=note))
    outcomes = [simulate(world, FILM, LENGTH, 12, seed) for seed in range(TRIES)]
    wall, alike = (sum(getattr(outcome, name) for outcome in outcomes) / TRIES for name in ("wall", "alike"))
    second = sum(outcome.second for outcome in outcomes) / TRIES
    return [
        *rows,
        Row("The same on 12 machines, in the same world", wall / alike, "", note=f"{alike / wall:.1f} times faster"),
        Row("Chunks started a second time, of a film on 12 machines", second, ""),
    ]


def _table(curves: dict[str, dict[int, dict[float, tuple[float, float]]]]) -> str:
    """Speed-up and cost by chunk length."""
    columns = [(film, machines, found) for film, by in curves.items() for machines, found in by.items()]
    lines = [
        _CURVES,
        "| chunk | " + " | ".join(f"{film}, {machines:,} machines" for film, machines, _ in columns) + " |",
        "|--:|" + "--:|" * len(columns),
    ]
    for length in LENGTHS:
        cells = (f"{found[length][0]:.1f} × for {found[length][1]:.2f}" for _, _, found in columns)
        lines.append(f"| {length:.0f} s | {' | '.join(cells)} |")
    best = best_length([by[12] for by in curves.values()])
    chosen = (
        f"On 12 machines, as many as work at a video by default (`VODFLOW_MAX_PARALLEL_CHUNKS`), {best:.0f} s is the "
        f"longest within 2 % of the best for both films together; the default is {LENGTH:.0f} s. Many more machines "
        "gain from shorter ones, at a higher price."
    )
    return "\n".join([*lines, "", chosen])


def _costs(world: World) -> str:
    """What keeps a film on 12 machines from being 12 times as fast."""
    lines = ["A film on 12 machines, without", "", "| | times faster |", "|---|--:|"]
    for what, other in without(world).items():
        gain = sum(simulate(other, FILM, LENGTH, 12, seed).speed_up for seed in range(TRIES)) / TRIES
        lines.append(f"| {what} | {gain:.1f} |")
    return "\n".join(lines)

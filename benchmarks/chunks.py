"""An encode in chunks beside the undivided one: CPU, bits, quality; and what chunks gain on many machines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from vodflow.contract.parts import Part, PartRecord, parts
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.engines.chunks.encode import encode_part, part_seconds
from vodflow.engines.chunks.join import join
from vodflow.engines.local.command import EncodePaths, available_cpus, encode_command
from vodflow.ffmpeg.process import check_exit, run_process
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.picture_index import read_index
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose
from vodflow.settings import Settings

from benchmarks import clips, quality
from benchmarks.chunk_simulation import LENGTHS, World, best_length, curve, simulate
from benchmarks.context import Context
from benchmarks.quality import Quality
from benchmarks.results import Row, Section

#: Seconds of a chunk of the measured clip, and of the film that is simulated.
CHUNK, FILM = 10.0, 7200.0
#: CPUs of a simulated machine.
CPUS = 2
COMPARED = ("1080p", "360p")
TRIES = 20

METHOD = """The clip is {seconds:.0f} s of *Big Buck Bunny* in {count} chunks, standard profile. **Undivided** is one
FFmpeg process with all rungs; **chunks** are as many processes side by side as there are CPUs, one thread each, the
sound apart, and the join. CPU is user and system time of all processes. Quality is VMAF of every {subsample}th frame
at the source's size; the worst second is the one with the lowest mean.

The simulation replays the seconds that these chunks took on machines of {cpus} CPUs. Machines start in 5 s (the
median; on every second one the first part waits 25 s for the image), fail once in 20 hours of work, and one part in
twenty meets a machine that is half as fast. A film of {film:.0f} minutes; averages of {tries} simulated runs. What is
encoded a second time because it is late counts as cost."""


@dataclass
class _Side:
    cpu: float
    qualities: dict[str, Quality] = field(default_factory=dict)
    records: dict[str, PartRecord] = field(default_factory=dict)


def chunks(context: Context) -> Section:
    """Measure the section."""
    clip = clips.big_buck_bunny(context.clips)  # a shorter one has a single keyframe
    plan = _plan(clip)
    context.await_quiet()
    with context.folder() as folder:
        whole = _undivided(plan, clip, folder)
        context.say(f"undivided: {whole.cpu:.1f} CPU s")
        divided = _divided(plan, clip, folder)
        context.say(f"chunks: {divided.cpu:.1f} CPU s")
    world = World(paces=_paces(plan, divided.records))
    found = parts(plan)
    method = METHOD.format(
        seconds=plan.media.duration, count=sum(part.chunk is not None for part in found), subsample=quality.SUBSAMPLE,
        cpus=CPUS, film=FILM / 60, tries=TRIES,
    )  # fmt: skip
    section = Section("chunks", "Chunks", method)
    section.rows = [*_compared(whole, divided), *_simulated(world)]
    section.raw = {
        "paces": list(world.paces),
        "curves": {workers: curve(world, FILM, workers, TRIES) for workers in (12, 100, 1000)},
    }
    return section


def _plan(clip: Path) -> TranscodePlan:
    size = clip.stat().st_size
    source = SourceRef(bucket="bench", key=clip.name, version="1", size=size)
    media = probe(str(clip), size, 60.0)
    plan = make_plan(source, media, load_profile("standard"), tenant="bench", video="big-buck-bunny")
    length = min(CHUNK, media.duration / 2)
    strategy = choose(plan, Division("chunks", chunk_seconds=length), lambda: read_index(str(clip), media, 60.0))
    return plan.model_copy(update={"strategy": strategy})


def _undivided(plan: TranscodePlan, clip: Path, folder: Path) -> _Side:
    paths = EncodePaths(clip, folder / "whole", folder / "whole")
    (paths.outputs / "thumbnails").mkdir(parents=True)
    finished = run_process(encode_command(plan, paths, ffmpeg_path()))
    check_exit("ffmpeg", finished)
    return _Side(finished.cpu_seconds, _judged(plan, clip, paths.tracks))


def _divided(plan: TranscodePlan, clip: Path, folder: Path) -> _Side:
    def make(part: Part) -> PartRecord:
        return encode_part(plan, part, clip, folder / part.name, threads=1)

    found = parts(plan)
    with ThreadPoolExecutor(available_cpus()) as pool:
        records = dict(zip((part.name for part in found), pool.map(make, found), strict=True))
    tracks, outputs = folder / "tracks", folder / "outputs"
    tracks.mkdir()
    outputs.mkdir()
    cpu = join(plan, {part.name: folder / part.name for part in found}, records, tracks, outputs)
    cpu += sum(record.cpu_seconds for record in records.values())
    return _Side(cpu, _judged(plan, clip, tracks), records)


def _judged(plan: TranscodePlan, clip: Path, tracks: Path) -> dict[str, Quality]:
    video = plan.media.video
    names = {rung.name for rung in plan.renditions} & set(COMPARED)
    return {
        name: quality.measure(tracks / f"video_{name}.mp4", clip, width=video.width, height=video.height)
        for name in sorted(names)
    }


def _paces(plan: TranscodePlan, records: dict[str, PartRecord]) -> list[float]:
    found = {part.name: part for part in parts(plan) if part.chunk is not None}
    return [records[name].cpu_seconds / CPUS / part_seconds(plan, part) for name, part in found.items()]


def _compared(whole: _Side, divided: _Side) -> list[Row]:
    rows = [Row("CPU, chunks against undivided", divided.cpu, "s", whole.cpu, "undivided", 1.05)]
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


def _simulated(world: World) -> list[Row]:
    length = float(Settings.model_fields["chunk_seconds"].default)
    rows = []
    for workers in (12, 100, 1000):
        found = curve(world, FILM, workers, TRIES)
        speed_up, cost = found[min(LENGTHS, key=lambda item: abs(item - length))]
        lengths = ", ".join(f"{size:.0f} s {gain:.1f}×" for size, (gain, _) in found.items())
        note = f"{speed_up:.1f} times faster, for {cost:.2f} times the machines' time; by chunk length: {lengths}"
        what = f"Wall of a film on {workers} machines, as a share of one"
        rows.append(Row(what, 1 / speed_up, "", target=1 / 9 if workers == 12 else None, note=note))
    second = sum(simulate(world, FILM, length, 12, seed).second for seed in range(TRIES)) / TRIES
    best = f"best chunk length on 12 machines: {best_length(world, FILM, 12, TRIES):.0f} s"
    return [*rows, Row("Chunks started a second time, of a film on 12 machines", second, "", note=best)]

"""``python -m benchmarks.parity``: one source through every engine and strategy; writes ``docs/engines.md``.

Each run goes the whole way of a task without Airflow around it: probed, planned, carried out, verified by the same
verifier, published. Without a cluster the other engines run, the table is printed, and the page stays as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.catalog.jobs import get_job, open_job
from vodflow.catalog.rows import JobRow
from vodflow.catalog.sources import get_source
from vodflow.contract import layout
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import SINGLE, Strategy, StrategyKind
from vodflow.engines.chunks.steps import parts_to_make
from vodflow.engines.kubernetes import steps as kubernetes
from vodflow.engines.kubernetes.parts import collect_part, submit_part
from vodflow.engines.kubernetes.wait import wait_for_pod
from vodflow.engines.kubernetes.wait_part import wait_for_part
from vodflow.engines.local.command import available_cpus
from vodflow.engines.local.run_job import transcode_local
from vodflow.engines.mediaconvert import steps as mediaconvert
from vodflow.errors import ConfigurationError
from vodflow.media.picture_index import read_index
from vodflow.pipeline.planning import plan_source
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.pipeline.request import TranscodeRequest
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose
from vodflow.settings import get_settings
from vodflow.stack.demo.pods import IMAGE, NAMESPACE, check_cluster, template
from vodflow.storage.clients import forget_clients, mediaconvert_client
from vodflow.storage.objects import list_objects

from benchmarks import clips, machine, quality
from benchmarks.measure import tree_cpu
from benchmarks.parts import all_parts, s3_client
from benchmarks.quality import Quality

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "engines.md"
BUCKET, PROFILE, RUN = "vodflow-source", "standard", "parity"
#: Seconds of the source (no multiple of a segment, of whose sound a sliver may be a segment or none), and its chunks.
SECONDS, CHUNKS = 23.0, 3
TIMEOUT = 600.0

INTRODUCTION = """# Engines and strategies compared

The same {seconds:.0f} s of *Big Buck Bunny* ({width}x{height}, a keyframe every two seconds), profile `{profile}`,
through every engine and every [strategy](parallel-encoding.md). `make parity` makes the runs and writes this page, in
about five minutes; it needs a cluster (see [Kubernetes](kubernetes-engine.md#see-it-work)).

Every run was checked by the same [verifier](verification.md) and published. {layout}

| engine | strategy | VMAF of {rung} | worst second | bit rate | CPU | wall |
|---|---|--:|--:|--:|--:|--:|
"""
NOTES = """
* VMAF is of every {subsample}th frame at the source's size; the worst second is the one with the lowest mean. The bit
  rate is that of the published {rung} MP4's video.
* CPU is what FFmpeg and the packager took; of MediaConvert what all processes of the [local one](local-mediaconvert.md)
  took, so its downloads, uploads and Python count as well.
* Wall is from the submission to the collected result, on {cores} cores in all: strategies divide the same cores here,
  and gain only where there are more machines ([benchmarks](benchmarks.md)). Pods start in that time.
* `renditions` has a process for each rung here; otherwise only rungs above 1080 lines get one of their own. `chunks`
  are {chunks} of {chunk:.0f} s. In the cluster each part has a pod of its own, and so has the join.
* MediaConvert divides its work itself: there is nothing to choose.

Measured {when} on {cpu}, FFmpeg {ffmpeg}.
"""


@dataclass(frozen=True)
class Outcome:
    """What one run made."""

    names: frozenset[str]
    judged: Quality
    cpu: float
    wall: float


def main() -> int:
    """Make all runs, print the table, and write the page when none is missing."""
    parser = argparse.ArgumentParser(prog="benchmarks.parity", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of the source (default {SECONDS:g}; at most 30)"
    )
    parser.add_argument("--partial", action="store_true", help="write the page without a cluster, too")
    options = parser.parse_args()
    home = REPOSITORY / ".vodflow" / f"parity-{os.getpid()}"
    with _site(home) as (environment, service):
        source = clips.cuttable(REPOSITORY / ".vodflow" / "bench" / "clips", options.seconds, 720)
        _say("the source is made")
        reason = _obstacle(environment, home)
        outcomes: dict[tuple[EngineName, StrategyKind], Outcome] = {}
        job: JobRow | None = None
        for engine, strategy in _pairs():
            if reason and engine == EngineName.KUBERNETES:
                continue
            job = _opened(environment, source, engine, strategy)
            outcomes[engine, strategy] = _run(environment, source, job, service)
            _say(f"{engine} {strategy}: {outcomes[engine, strategy].wall:.1f} s")
    assert job is not None  # noqa: S101 - the local engine is always there
    page = _page(job.plan, outcomes)
    sys.stdout.write(page)
    if len({outcome.names for outcome in outcomes.values()}) > 1:
        _say("the layouts differ; docs/engines.md is left as it is")
        return 1
    if reason and not options.partial:
        _say(f"docs/engines.md is left as it is: {reason}")
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"parity: {text}\n")


def _pairs() -> Iterator[tuple[EngineName, StrategyKind]]:
    for engine in EngineName:
        for strategy in StrategyKind:
            if engine != EngineName.MEDIACONVERT or strategy == StrategyKind.SINGLE:
                yield engine, strategy


@contextmanager
def _site(home: Path) -> Iterator[tuple[dict[str, str], int]]:
    """The parts, with this process's settings pointing at them."""
    before = dict(os.environ)
    try:
        with all_parts(home) as (environment, service):
            wanted = ("VODFLOW_", "AWS_", "MEDIACONVERT_")
            os.environ.update({name: value for name, value in environment.items() if name.startswith(wanted)})
            _forget()
            yield environment, service
    finally:
        dispose_engines()
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    get_settings.cache_clear()
    forget_clients()


def _obstacle(environment: dict[str, str], home: Path) -> str | None:
    """Set the Kubernetes engine up; why it cannot run, if so."""
    keys = {name: environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    path = home / "pod.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(template(keys)), encoding="utf-8")
    os.environ.setdefault("VODFLOW_KUBERNETES_NAMESPACE", NAMESPACE)
    os.environ.setdefault("VODFLOW_KUBERNETES_IMAGE", IMAGE)
    os.environ["VODFLOW_KUBERNETES_TEMPLATE"] = str(path)
    _forget()
    try:
        check_cluster(get_settings(), {})
    except ConfigurationError as error:
        return str(error)
    return None


def _opened(environment: dict[str, str], clip: Path, engine: EngineName, strategy: StrategyKind) -> JobRow:
    """A job for the source under a key of its own, divided as asked."""
    key, settings = f"parity/{engine}-{strategy}.mp4", get_settings()
    s3_client(environment).upload_file(str(clip), BUCKET, key)
    asked = {"source_uri": f"s3://{BUCKET}/{key}", "profile": PROFILE, "engine": engine.value}
    request = TranscodeRequest.from_params(asked)
    source_id = probe_source(request, RUN)
    with transaction("parity") as connection:
        source = get_source(connection, source_id)
        assert source.media_info is not None  # noqa: S101 - it was probed
        plan = plan_source(source, source.media_info, request, load_profile(PROFILE), revision=0, settings=settings)
        plan = plan.model_copy(update={"strategy": _divided(plan, clip, strategy)})
        return open_job(
            connection, source_id, plan, engine=engine, priority=50, run_id=RUN,
            bucket=settings.media_bucket, prefix=plan.prefix,
        )  # fmt: skip


def _divided(plan: TranscodePlan, clip: Path, kind: StrategyKind) -> Strategy:
    match kind:
        case StrategyKind.SINGLE:
            return SINGLE
        case StrategyKind.RENDITIONS:
            groups = tuple((rung.name,) for rung in plan.renditions)
            return Strategy(kind=kind, reason="A process for each rung is measured.", groups=groups)
        case StrategyKind.CHUNKS:
            division = Division("chunks", chunk_seconds=plan.media.duration / CHUNKS)
            strategy = choose(plan, division, lambda: read_index(str(clip), plan.media, TIMEOUT))
            if strategy.kind != kind:
                raise RuntimeError(strategy.reason)
            return strategy


def _run(environment: dict[str, str], clip: Path, job: JobRow, service: int) -> Outcome:
    engines: dict[str, Callable[[JobRow], object]] = {
        EngineName.LOCAL: lambda job: transcode_local(job.id),
        EngineName.MEDIACONVERT: _through_mediaconvert,
        EngineName.KUBERNETES: through_pods,
    }
    begin, before = time.monotonic(), tree_cpu([service])
    engines[job.engine](job)
    wall, serviced = time.monotonic() - begin, tree_cpu([service]) - before
    verify_job(job.id)
    publish_job(job.id)
    with transaction("parity") as connection:
        row = get_job(connection, job.id)
    assert row.result is not None  # noqa: S101 - it was collected
    rung, video = job.plan.renditions[0], job.plan.media.video
    with TemporaryDirectory(dir=clip.parent) as folder:
        made = Path(folder) / "made.mp4"
        s3_client(environment).download_file(job.bucket, f"{job.prefix}/{layout.mp4_file(rung)}", str(made))
        judged = quality.measure(made, clip, width=video.width, height=video.height)
    cpu = serviced if job.engine == EngineName.MEDIACONVERT else row.result.cpu_seconds
    return Outcome(frozenset(list_objects(job.bucket, job.prefix)), judged, cpu, wall)


def _through_mediaconvert(job: JobRow) -> None:
    external_id = mediaconvert.submit_job(job.id).external_id
    deadline = time.monotonic() + TIMEOUT
    while (said := mediaconvert_client().get_job(Id=external_id)["Job"])["Status"] not in {"COMPLETE", "ERROR"}:
        if time.monotonic() > deadline:
            raise RuntimeError(f"MediaConvert's job is {said['Status']} after {TIMEOUT:.0f} s")
        time.sleep(0.5)
    mediaconvert.collect_job(job.id)


def through_pods(job: JobRow) -> None:
    """Carry a job out as its tasks do: one pod, or a pod for each part and one that joins them."""
    if job.plan.strategy.kind != StrategyKind.SINGLE:
        asyncio.run(_parts(job.id))
    submission = kubernetes.submit_job(job.id, run_id=RUN, join=job.plan.strategy.kind != StrategyKind.SINGLE)
    if submission.external_id is not None and not submission.ended:
        asyncio.run(wait_for_pod(job.id, submission.external_id))
    kubernetes.collect_job(job.id, run_id=RUN)


async def _parts(job_id: int) -> None:
    room = asyncio.Semaphore(available_cpus())

    async def make(name: str) -> None:
        async with room:
            if await asyncio.to_thread(submit_part, job_id, name, run_id=RUN):
                await wait_for_part(job_id, name)
                await asyncio.to_thread(collect_part, job_id, name, run_id=RUN)

    await asyncio.gather(*(make(part["name"]) for part in await asyncio.to_thread(parts_to_make, job_id)))


def _page(plan: TranscodePlan, outcomes: dict[tuple[EngineName, StrategyKind], Outcome]) -> str:
    facts, video, layouts = machine.facts(), plan.media.video, {outcome.names for outcome in outcomes.values()}
    same = f"All published the same {len(next(iter(layouts)))} files." if len(layouts) == 1 else _differences(outcomes)
    text = INTRODUCTION.format(
        seconds=plan.media.duration, width=video.width, height=video.height, profile=PROFILE,
        rung=plan.renditions[0].name, layout=same,
    )  # fmt: skip
    for engine in EngineName:
        for strategy in StrategyKind:
            text += f"| {engine} | {strategy} | {_cells(engine, outcomes.get((engine, strategy)))} |\n"
    return text + NOTES.format(
        subsample=quality.SUBSAMPLE, rung=plan.renditions[0].name, cores=facts["Cores"],
        chunks=CHUNKS, chunk=plan.media.duration / CHUNKS, cpu=facts["CPU"], ffmpeg=facts["FFmpeg"],
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def _cells(engine: EngineName, found: Outcome | None) -> str:
    if found is None:
        return " | ".join(["n/a" if engine == EngineName.MEDIACONVERT else "not run"] * 5)
    return (
        f"{found.judged.vmaf:.2f} | {found.judged.worst:.2f} | {found.judged.bitrate / 1e6:.3f} Mb/s | "
        f"{found.cpu:.1f} s | {found.wall:.1f} s"
    )


def _differences(outcomes: dict[tuple[EngineName, StrategyKind], Outcome]) -> str:
    first = next(iter(outcomes.values())).names
    told = [
        f"{engine} {strategy}: {', '.join(sorted(outcome.names ^ first))}"
        for (engine, strategy), outcome in outcomes.items()
        if outcome.names != first
    ]
    return f"**The layouts differ**: {'; '.join(told)}."


if __name__ == "__main__":
    sys.exit(main())

"""The MediaConvert engine: settings a second, calls while many jobs run, and what the local service adds to FFmpeg."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from local_mediaconvert.transcode.command import encode_command
from local_mediaconvert.transcode.planner import plan_job
from local_mediaconvert.transcode.sources import examine
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.engines.mediaconvert.request.job import create_job_request
from vodflow.engines.mediaconvert.request.validation import validate
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.settings.encode_options import JobOptions
from vodflow.stack.environment import MEDIACONVERT_ROLE

from benchmarks import clips
from benchmarks.context import Context
from benchmarks.measure import Usage, median, run
from benchmarks.parts import mediaconvert_service, s3_client
from benchmarks.results import Row, Section

BUCKET, SOURCE_BUCKET = "vodflow-media", "vodflow-source"

#: Jobs in flight, and seconds for which they are watched.
JOBS, WATCHED = 1_000, 120.0
QUICK_JOBS, QUICK_WATCHED = 100, 15.0
#: Jobs that end meanwhile.
ENDING = 20
#: Default of VODFLOW_MEDIACONVERT_POLL_INTERVAL, seconds.
INTERVAL = 30.0
#: Seconds for which settings are built.
BUILDING = 5.0
JOB_TIMEOUT = 600.0
ENDED = ("COMPLETE", "ERROR", "CANCELED")

METHOD = """**Settings**: the whole CreateJob request of a plan of profile `standard` (four rungs, HLS, DASH, MP4,
pictures) is built and validated against the service's model, again and again for {building:.0f} s in one process.

**Calls**: {jobs:,} jobs wait in a paused queue of the local service. One process watches each of them, every
{interval:.0f} s, with the triggers' own watcher and reader; every request it sends is counted for {watched:.0f} s.
Meanwhile {ending} jobs are cancelled, evenly; the delay is from the answer to CancelJob until the watcher tells. One
GetJob for each job and interval, a row of its own, is arithmetic.

**Overhead**: jobs of the same profile for 4 s and for {seconds:.0f} s of *Big Buck Bunny* in 1080p, from the call of
CreateJob until GetJob says COMPLETE, asked every 0.1 s towards the end. The baseline is the very FFmpeg command that
the service runs for it, run by hand on a local file. Both take turns; medians of at least three rounds of the short
one, of {repeats} of the long one, after a first job that is not counted. The service downloads, probes, packages with
Shaka Packager and uploads besides."""

_WATCH = """
import asyncio, json, sys, time
from contextlib import aclosing, asynccontextmanager
from aiobotocore.session import get_session
from vodflow.engines.mediaconvert.watcher import JobWatcher
from vodflow_airflow.hooks.mediaconvert_watchers import ClientJobReader

given = json.load(sys.stdin)
calls, canceled, delays = {"ListJobs": 0, "GetJob": 0}, {}, []

class Counted(ClientJobReader):
    async def page(self, status, token):
        calls["ListJobs"] += 1
        return await super().page(status, token)

    async def job(self, job_id):
        calls["GetJob"] += 1
        return await super().job(job_id)

@asynccontextmanager
async def client():
    async with get_session().create_client("mediaconvert", endpoint_url=given["endpoint"]) as made:
        yield made

@asynccontextmanager
async def connect():
    async with client() as made:
        yield Counted(made)

async def follow(watcher, job_id):
    async with aclosing(watcher.watch(job_id, interval=given["interval"])) as updates:
        async for update in updates:
            if update.ended:
                delays.append(time.monotonic() - canceled[job_id])

async def main():
    watcher = JobWatcher(connect)
    tasks = [asyncio.create_task(follow(watcher, job_id)) for job_id in given["jobs"]]
    begin = time.monotonic()
    async with client() as own:
        for job_id in given["ending"]:
            await asyncio.sleep(given["seconds"] / len(given["ending"]))
            await own.cancel_job(Id=job_id)
            canceled[job_id] = time.monotonic()
    seconds, counted = time.monotonic() - begin, dict(calls)
    deadline = time.monotonic() + 4 * given["interval"]
    while len(delays) < len(canceled) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps({"seconds": seconds, "calls": counted, "delays": delays}))

asyncio.run(main())
"""


def mediaconvert(context: Context) -> Section:
    """Measure the section."""
    short = clips.quick_clip(context.clips)
    long = short if context.quick else clips.big_buck_bunny(context.clips)
    with mediaconvert_service(context.home / "parts") as environment:
        plan = _plan(environment, long)
        section = Section("mediaconvert", "MediaConvert engine", _method(context, plan))
        service = _client(environment)
        section.rows += [*_settings(context, section, plan)]
        _job(service, _request(_plan(environment, short), 1))  # what the first job after a start pays
        for clip, rounds in {short: max(3, context.repeats), long: context.repeats}.items():
            section.rows += [*_overhead(context, section, service, _plan(environment, clip), clip, rounds)]
        section.rows += [*_calls(context, section, plan, service, environment)]
    return section


def _method(context: Context, plan: TranscodePlan) -> str:
    return METHOD.format(
        building=_building(context),
        jobs=_jobs(context),
        interval=INTERVAL,
        watched=_watched(context),
        ending=ENDING,
        seconds=plan.media.duration,
        repeats=context.repeats,
    )


def _building(context: Context) -> float:
    return 1.0 if context.quick else BUILDING


def _jobs(context: Context) -> int:
    return QUICK_JOBS if context.quick else JOBS


def _watched(context: Context) -> float:
    return QUICK_WATCHED if context.quick else WATCHED


def _plan(environment: Mapping[str, str], clip: Path) -> TranscodePlan:
    key, s3 = f"bench/{clip.name}", s3_client(environment)
    s3.upload_file(str(clip), SOURCE_BUCKET, key)
    head = s3.head_object(Bucket=SOURCE_BUCKET, Key=key)
    source = SourceRef(bucket=SOURCE_BUCKET, key=key, version=head["ETag"].strip('"'), size=head["ContentLength"])
    media = probe(str(clip), source.size, 60.0)
    return make_plan(source, media, load_profile("standard"), tenant="bench", video="big-buck-bunny")


def _client(environment: Mapping[str, str]) -> Any:
    return boto3.client(
        "mediaconvert",
        endpoint_url=environment["AWS_MEDIACONVERT_ENDPOINT"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def _request(plan: TranscodePlan, number: int) -> dict[str, Any]:
    """A request that the service takes for a new one."""
    options = JobOptions(role=MEDIACONVERT_ROLE, job_id=number)
    return create_job_request(plan, bucket=BUCKET, prefix=f"bench/{number}", job=options)


def _settings(context: Context, section: Section, plan: TranscodePlan) -> Iterator[Row]:
    context.await_quiet()
    request = _request(plan, 1)
    built = _rate(lambda: _request(plan, 1), _building(context))
    checked = _rate(lambda: validate(request), _building(context))
    section.raw["settings"] = {"built and validated a second": built, "validated a second": checked}
    context.say(f"{built:.0f} settings a second, {checked:.0f} validations a second")
    outputs = sum(len(group["Outputs"]) for group in request["Settings"]["OutputGroups"])
    note = f"{outputs} outputs, {len(json.dumps(request)) / 1000:.0f} kB of JSON"
    yield Row("Settings built and validated", built, "/s", note=note)
    yield Row("Settings validated alone", checked, "/s")


def _rate(work: Any, seconds: float) -> float:
    begin, count = time.monotonic(), 0
    while (elapsed := time.monotonic() - begin) < seconds:
        work()
        count += 1
    return count / elapsed


def _overhead(
    context: Context, section: Section, service: Any, plan: TranscodePlan, clip: Path, rounds: int
) -> Iterator[Row]:
    jobs: list[float] = []
    commands: list[Usage] = []
    first = 10_000 + 100 * round(plan.media.duration)  # numbers that no other jobs have
    for number in range(rounds):
        context.await_quiet()
        commands.append(_command(context, plan, clip))
        context.await_quiet()
        jobs.append(_job(service, _request(plan, first + number), 0.8 * commands[-1].wall))
        context.say(f"job {jobs[-1]:.1f} s, its FFmpeg command {commands[-1].wall:.1f} s")
    wall = median(usage.wall for usage in commands)
    over = median(job - command.wall for job, command in zip(jobs, commands, strict=True))
    what = f"{plan.media.duration:.0f} s in 1080p"
    section.raw[f"overhead, {what}"] = {"jobs": jobs, "commands": [asdict(usage) for usage in commands]}
    yield Row(f"Job in the local service, {what}", median(jobs), "s", wall, "its FFmpeg command")
    note = "queue, process start, download, probe, packaging, upload, events"
    yield Row(f"Overhead over its FFmpeg command, {what}", over, "s", target=2.0, note=note)


def _command(context: Context, plan: TranscodePlan, clip: Path) -> Usage:
    """The FFmpeg command that the service makes of this request, run on a local file."""
    request = _request(plan, 1)
    source = examine(1, plan.source.uri, clip, threading.Event(), 60.0)
    with context.folder() as folder:
        work = plan_job(request["Settings"], [source], datetime.now(UTC))
        for encode, name in work.encodes.items():
            if encode.kind == "pictures":
                (folder / name).mkdir()
        argv = encode_command(work, folder, ffmpeg_path(), len(os.sched_getaffinity(0)))
        usage, _ = run(argv, cwd=folder)
    return usage


def _job(service: Any, request: dict[str, Any], least: float = 0.0) -> float:
    begin = time.monotonic()
    job = service.create_job(**request)["Job"]
    # Ten questions a second would take a tenth of the processors from the encoder.
    time.sleep(least)
    while job["Status"] not in ENDED:
        if time.monotonic() - begin > JOB_TIMEOUT:
            raise RuntimeError(f"job {job['Id']} is {job['Status']} after {JOB_TIMEOUT:.0f} s")
        time.sleep(0.1)
        job = service.get_job(Id=job["Id"])["Job"]
    if job["Status"] != "COMPLETE":
        raise RuntimeError(f"job {job['Id']} is {job['Status']}: {job.get('ErrorMessage')}")
    return time.monotonic() - begin


def _calls(
    context: Context, section: Section, plan: TranscodePlan, service: Any, environment: Mapping[str, str]
) -> Iterator[Row]:
    count = _jobs(context)
    service.update_queue(Name="Default", Status="PAUSED")
    context.say(f"submitting {count:,} jobs")
    begin = time.monotonic()
    ids = [service.create_job(**_request(plan, number))["Job"]["Id"] for number in range(1, count + 1)]
    created = count / (time.monotonic() - begin)
    given: dict[str, Any] = {
        "endpoint": environment["AWS_MEDIACONVERT_ENDPOINT"],
        "interval": INTERVAL,
        "seconds": _watched(context),
        "jobs": ids,
        "ending": ids[:: max(1, count // ENDING)][:ENDING],
    }
    with context.folder() as folder:
        plugins = Path(__file__).resolve().parent.parent / "plugins"
        own = {**environment, "AIRFLOW_HOME": str(folder / "airflow"), "PYTHONPATH": str(plugins)}
        _, said = run([sys.executable, "-c", _WATCH], cwd=folder, env=own, stdin=json.dumps(given))
    found = json.loads(said.strip().splitlines()[-1])
    section.raw["calls"] = found
    rate = sum(found["calls"].values()) / found["seconds"]
    context.say(f"{rate:.2f} calls a second, {len(found['delays'])} of {len(given['ending'])} ends seen")
    if len(found["delays"]) < len(given["ending"]):
        raise AssertionError(f"{len(found['delays'])} of {len(given['ending'])} ends were seen")
    note = ", ".join(f"{number} {name}" for name, number in found["calls"].items()) + f" in {found['seconds']:.0f} s"
    yield Row(f"Calls with {count:,} jobs in flight", rate, "/s", target=2.0, note=note)
    yield Row("GetJob for each job", count / INTERVAL, "/s", note="by arithmetic, for comparison")
    delays = sorted(found["delays"])
    yield Row("Delay of an end, median", median(delays), "s", note="by polling alone, without events")
    yield Row("Delay of an end, longest", delays[-1], "s")
    yield Row("Jobs accepted by the local service", created, "/s", note="one client, one after the other")

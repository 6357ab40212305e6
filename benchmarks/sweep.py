"""The sweep over a bucket of 100,000 keys: time and memory, beside the plainest possible listing."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from mypy_boto3_s3 import S3Client

from benchmarks.context import Context
from benchmarks.measure import Usage, run
from benchmarks.parts import aws_and_catalog, s3_client
from benchmarks.results import Row, Section

KEYS = 100_000
QUICK_KEYS = 3_000
#: The smaller bucket that tells how memory grows.
FEW = 1_000
WRITERS = 16
BODY = b"not a video, but an object with a key"

METHOD = """A bucket of {keys:,} objects in the embedded stack's S3, and an empty catalog in its PostgreSQL. Each
sweep is one fresh Python process that calls `vodflow.sensing.sweep.sweep()`; memory is its peak resident size. The
first sweep registers every object, the second finds nothing new. *Plain listing* is a process that pages through the
same bucket with boto3 and throws the answer away: what nobody can go below. The growth of memory compares with the
same sweep over {few:,} objects."""

#: Not ru_maxrss: the kernel counts the memory of the process that forked in it.
_PEAK = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""

_SWEEP = (
    """
from vodflow.sensing.sweep import sweep
result = sweep()
print(result.objects, result.registered)
"""
    + _PEAK
)

_LISTING = (
    """
import sys
from vodflow.storage.clients import s3_client
pages = s3_client().get_paginator("list_objects_v2").paginate(Bucket=sys.argv[1])
print(sum(len(page.get("Contents", ())) for page in pages), 0)
"""
    + _PEAK
)


@dataclass(frozen=True)
class _Run:
    """One process: what it took, and its peak resident memory in MiB."""

    usage: Usage
    memory: float

    @property
    def wall(self) -> float:
        return self.usage.wall

    @property
    def cpu(self) -> float:
        return self.usage.cpu


def sweep(context: Context) -> Section:
    """Measure the section."""
    keys = QUICK_KEYS if context.quick else KEYS
    with aws_and_catalog(context.home / "parts") as environment:
        s3 = s3_client(environment)
        context.say(f"making {keys:,} objects")
        _fill(s3, "bench-few", FEW)
        _fill(s3, "bench-keys", keys)
        few = _run(context, environment, "bench-few", _SWEEP, expected=(FEW, FEW))
        listing = _run(context, environment, "bench-keys", _LISTING, expected=(keys, 0))
        first = _run(context, environment, "bench-keys", _SWEEP, expected=(keys, keys))
        again = _run(context, environment, "bench-keys", _SWEEP, expected=(keys, 0))
    section = Section("sweep", f"Sweep of {keys:,} keys", METHOD.format(keys=keys, few=FEW))
    section.rows = [
        Row("First sweep, every key new", first.wall, "s", listing.wall, "plain listing"),
        Row("Second sweep, nothing new", again.wall, "s", listing.wall, "plain listing"),
        Row("CPU of the first sweep's process", first.cpu, "s", listing.cpu, "plain listing"),
        Row("CPU of the second sweep's process", again.cpu, "s", listing.cpu, "plain listing"),
        Row("Peak memory of the first sweep", first.memory, "MiB", few.memory, f"sweep of {FEW:,} keys"),
        Row("Peak memory of the second sweep", again.memory, "MiB", few.memory, f"sweep of {FEW:,} keys"),
        Row("Keys a second, second sweep", keys / again.wall, "keys/s"),
    ]
    section.raw = {
        name: asdict(usage) for name, usage in {"few": few, "listing": listing, "first": first, "again": again}.items()
    }
    return section


def _fill(s3: S3Client, bucket: str, count: int) -> None:
    s3.create_bucket(Bucket=bucket)

    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"tenant-{number % 7}/{number // 1000:03}/clip {number:06}.mp4", Body=BODY)

    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(put, range(count), chunksize=100):
            pass


def _run(
    context: Context, environment: Mapping[str, str], bucket: str, program: str, *, expected: tuple[int, int]
) -> _Run:
    own = {**environment, "VODFLOW_WATCH": json.dumps([{"bucket": bucket}])}
    context.await_quiet()
    with context.folder() as folder:
        usage, said = run([sys.executable, "-c", program, bucket], cwd=folder, env=own)
    listed, registered, kibibytes = (int(word) for word in said.split())
    if (listed, registered) != expected:
        raise AssertionError(f"expected {expected} objects listed and registered, found {(listed, registered)}")
    found = _Run(usage, kibibytes / 1024)
    context.say(f"{bucket}: {usage.wall:.1f} s, {usage.cpu:.1f} CPU s, {found.memory:.0f} MiB")
    return found

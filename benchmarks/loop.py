"""The plain script: for each video download, encode, package, upload; one after the other, no records, no checks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mypy_boto3_s3 import S3Client
from vodflow.contract import layout
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

from benchmarks import baselines
from benchmarks.context import Context
from benchmarks.measure import Usage

BUCKET = "vodflow-media"
UPLOADS = 8


def plan_of(clip: Path) -> TranscodePlan:
    """The plan that Vodflow makes of a clip, with the profile ``standard``."""
    size = clip.stat().st_size
    source = SourceRef(bucket="vodflow-source", key=clip.name, version="loop", size=size)
    return make_plan(source, probe(str(clip), size, 60.0), load_profile("standard"), tenant="bench", video=clip.stem)


def shell_loop(context: Context, s3: S3Client, clips: list[Path]) -> Usage:
    """Run the script over all clips; the plans are made beforehand, and the transfers start no process."""
    plans = [plan_of(clip) for clip in clips]
    for clip in clips:
        s3.upload_file(str(clip), "vodflow-source", f"loop/{clip.name}")
    usage = Usage(0, 0)
    begin, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(UPLOADS) as pool:
        for clip, plan in zip(clips, plans, strict=True):
            with context.folder() as folder:
                source = folder / "source.mp4"
                s3.download_file("vodflow-source", f"loop/{clip.name}", str(source))
                usage += baselines.one_process(plan, source, folder)
                list(pool.map(lambda path, name=clip.stem, root=folder: _put(s3, root, path, name), _outputs(folder)))
    return Usage(time.monotonic() - begin, usage.cpu + time.process_time() - cpu, usage.others)


def _outputs(folder: Path) -> list[Path]:
    found = [path for path in (folder / "out").rglob("*") if path.is_file()]
    return [*found, *folder.glob("progressive_*.mp4"), *folder.glob("*.jpg")]


def _put(s3: S3Client, root: Path, path: Path, name: str) -> None:
    try:
        kind = layout.content_type(path.name)
    except KeyError:
        kind = "application/octet-stream"
    key = f"loop/{name}/{path.relative_to(root)}"
    s3.upload_file(str(path), BUCKET, key, ExtraArgs={"ContentType": kind})

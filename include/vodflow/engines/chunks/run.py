"""Carrying out a divided plan: one part, the join of all, or everything on this machine.

A part reads the source from S3 and writes to S3, so a local process and a pod do the same, and whoever comes after a
lost one makes only what is missing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.parts import Part, PartRecord, find_part, parts
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.contract.result import EngineResult, Progress, Stage
from vodflow.engines.chunks.encode import encode_part, part_seconds
from vodflow.engines.chunks.join import join
from vodflow.engines.chunks.stored import clear_parts, fetch_parts, fetch_reused, store_part, stored_record
from vodflow.engines.local.command import available_cpus
from vodflow.engines.local.transcode import Job
from vodflow.engines.local.workspace import check_space, workspace
from vodflow.errors import ConfigurationError, EngineCanceled, SourceUnavailable, VodflowError
from vodflow.ffmpeg.progress import Reporter
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: How long a chunk may take whose connection to the source breaks: a day; the URL is known to its FFmpeg alone.
_URL_SECONDS = 24 * 3600


def work_part(
    plan: TranscodePlan,
    name: str,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    threads: int | None = None,
    settings: Settings | None = None,
) -> PartRecord:
    """Make one part of a plan and keep it in S3, unless it is there.

    :param name: of the part, as :func:`vodflow.contract.parts.parts` names it
    :param threads: CPUs to use; none means the setting
    :raises ConfigurationError: the plan has no such part
    :raises InputRejected: the source is damaged or cut off
    :raises SourceUnreadable: the source is gone, was overwritten, or is refused
    :raises SourceUnavailable: the source cannot be read now
    :raises EngineError: anything else; ``retryable`` says whether another try can help
    """
    used, started = settings or get_settings(), time.monotonic()
    try:
        part = find_part(plan, name)
    except KeyError as error:
        known = ", ".join(part.name for part in parts(plan)) or "none"
        raise ConfigurationError(f"The plan has no part {name!r}. Its parts: {known}.") from error
    if (found := stored_record(plan, part, bucket, prefix, used)) is not None:
        log.info("%s is made already", part.title)
        return found
    with workspace(used) as folder:
        check_space(plan, folder, used.disk_reserve, part)
        made = folder / "made"
        made.mkdir()
        try:
            record = encode_part(
                plan,
                part,
                _source(plan, part, folder, cancel, used),
                made,
                threads=used.encoder_threads if threads is None else threads,
                stall_timeout=used.stall_timeout,
                on_progress=on_progress,
                cancel=cancel,
            )
        except SourceUnavailable:
            _check_readable(plan, used)  # what is gone or refused is not worth another try
            raise
        if part.chunk is not None and plan.source.version_id is None:
            # A URL reads whatever is current where a bucket keeps no versions.
            _check_readable(plan, used)
        wall = round(time.monotonic() - started, 3)
        return store_part(record.model_copy(update={"wall_seconds": wall}), part, made, bucket, prefix, used)


def _source(
    plan: TranscodePlan, part: Part, folder: Path, cancel: threading.Event | None, settings: Settings
) -> Path | str:
    """A chunk reads what it needs; whoever needs everything downloads it first, safely and in parallel."""
    from vodflow.storage.download import download  # noqa: PLC0415 - boto3 is slow to import
    from vodflow.storage.objects import presigned_get  # noqa: PLC0415

    if part.chunk is not None:
        return presigned_get(plan.source, _URL_SECONDS)
    path = folder / "source"
    download(plan.source, path, cancel=cancel, settings=settings)
    return path


def _check_readable(plan: TranscodePlan, settings: Settings) -> None:
    """Nothing when the planned bytes are there.

    :raises SourceUnreadable: the source is gone, was overwritten, or is refused
    """
    from vodflow.storage.readability import check_readable  # noqa: PLC0415 - boto3 is slow to import

    check_readable(plan.source, settings=settings)


def work_join(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    settings: Settings | None = None,
    keys: ContentKeys | None = None,
) -> EngineResult:
    """Join the parts of a plan, package the tracks, and upload everything it asks for.

    :raises EngineError: parts are missing, and are to be made first; or anything else
    """
    used = settings or get_settings()
    with workspace(used) as folder:
        check_space(plan, folder, used.disk_reserve)
        job = _Join(plan, folder, used, Reporter(on_progress), cancel or threading.Event(), keys)
        job.fetch(bucket, prefix)
        job.join()
        job.package()
        result = job.upload(bucket, prefix)
    try:
        clear_parts(bucket, prefix, used)
    except VodflowError as error:
        log.warning("What the parts left is not removed: %s", error)
    return result


class _Join(Job):
    def fetch(self, bucket: str, prefix: str) -> None:
        with self.stage(Stage.DOWNLOAD):
            self.records = fetch_parts(
                self.plan,
                bucket,
                prefix,
                self.folder / "parts",
                lambda share: self.reporter.report(Stage.DOWNLOAD, share),
                self.settings,
            )
            self.reused = fetch_reused(self.plan, self.folder / "reused", self.settings)

    def join(self) -> None:
        paths = self.paths
        paths.tracks.mkdir()
        paths.outputs.mkdir()
        patience = self.settings.stall_timeout + self.plan.media.duration
        folders = {name: self.folder / "parts" / name for name in self.records}
        with self.stage(Stage.ENCODE):
            cpu = join(
                self.plan,
                folders,
                self.records,
                paths.tracks,
                paths.outputs,
                reused=self.reused,
                patience=patience,
                cancel=self.cancel,
            )
        self.cpu_seconds += cpu + sum(record.cpu_seconds for record in self.records.values())
        self.seconds[Stage.ENCODE] += max((record.encode_seconds for record in self.records.values()), default=0.0)
        self.warnings = tuple(dict.fromkeys(warning for record in self.records.values() for warning in record.warnings))

    def speed_of(self, track: VideoRendition | AudioRendition) -> float | None:
        makers = [part for part in parts(self.plan) if track.name in part.rungs]
        if len(makers) != 1 or not (seconds := self.records[makers[0].name].encode_seconds):
            return None
        return round(part_seconds(self.plan, makers[0]) / seconds, 3)


def run_divided(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    on_part: Callable[[PartRecord], None] = lambda _: None,
    settings: Settings | None = None,
    keys: ContentKeys | None = None,
) -> EngineResult:
    """Make all parts that are missing, several at a time on this machine, and join them.

    :param on_part: called with each part that is there, in the thread that has made it
    :raises VodflowError: the first error of a part, when all others have stopped; or of the join
    """
    used, stop = settings or get_settings(), threading.Event()
    todo = parts(plan)
    cpus = used.encoder_threads or available_cpus()
    workers = max(1, min(cpus, used.max_parallel_chunks))
    threads = max(1, cpus // workers)
    reporter = _Shares(plan, Reporter(on_progress))

    def make(part: Part) -> None:
        if stop.is_set():
            raise EngineCanceled(f"Cancelled before {part.title}.", code="canceled")
        on_part(work_part(plan, part.name, bucket, prefix, reporter.of(part), stop, threads=threads, settings=used))

    with ThreadPoolExecutor(workers, thread_name_prefix="vodflow-part") as pool:
        futures = [pool.submit(make, part) for part in todo]
        try:
            while not all(future.done() for future in futures):
                if (cancel is not None and cancel.is_set()) or any(f.done() and f.exception() for f in futures):
                    stop.set()
                time.sleep(_POLL)
        except BaseException:
            stop.set()
            raise
    failed = [error for future in futures if (error := future.exception()) is not None]
    if failed:
        # Who was stopped because another had failed says nothing of its own.
        raise next((error for error in failed if not isinstance(error, EngineCanceled)), failed[0])
    return work_join(plan, bucket, prefix, on_progress, cancel, settings=used, keys=keys)


#: Seconds between two looks at the parts.
_POLL = 0.1


class _Shares:
    """One progress of all parts, by the seconds that each has to encode."""

    def __init__(self, plan: TranscodePlan, reporter: Reporter) -> None:
        self._plan = plan
        self._reporter = reporter
        self._lock = threading.Lock()
        self._seconds = {part.name: part_seconds(plan, part) * bool(part.rungs) for part in parts(plan)}
        self._done = dict.fromkeys(self._seconds, 0.0)

    def of(self, part: Part) -> Callable[[Progress], None]:
        def note(progress: Progress) -> None:
            if progress.stage != Stage.ENCODE:
                return
            with self._lock:
                self._done[part.name] = self._seconds[part.name] * progress.percent / 100
                self._reporter.report(Stage.ENCODE, sum(self._done.values()) / max(sum(self._seconds.values()), 1e-9))

        return note

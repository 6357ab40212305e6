"""The local engine: download, encode, package, upload, on this machine.

One FFmpeg process encodes every rung, one packager run makes HLS and DASH of them, one copying FFmpeg run the MP4s.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.contract.result import EncodedTrack, EngineResult, Progress, Stage
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.engines.local.failures import raise_for_encode, raise_if_cut_off, warnings
from vodflow.engines.local.workspace import check_space, workspace
from vodflow.errors import ConfigurationError, EngineCanceled
from vodflow.ffmpeg.process import Finished, Limits, check_exit, run_process
from vodflow.ffmpeg.progress import EncodeProgress, Reporter
from vodflow.ffmpeg.tools import ffmpeg_path, packager_path
from vodflow.packaging.encryption import packager_keys
from vodflow.packaging.finish import finish_playlists, segment_folder
from vodflow.packaging.key_server import KeyServer
from vodflow.packaging.movie import movie_seconds
from vodflow.packaging.mp4 import remux_command
from vodflow.packaging.protect import encrypt_segments, name_keys
from vodflow.packaging.shaka import needs_packager, package_command
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)


def run(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    settings: Settings | None = None,
    keys: ContentKeys | None = None,
) -> EngineResult:
    """Carry a plan out and upload everything it makes below ``prefix``.

    Running it again writes the same names again. No temporary file outlives the call.

    :param on_progress: at most about twice a second
    :param cancel: set it to stop; everything is gone within two seconds
    :param keys: of a plan that asks for encryption
    :raises ConfigurationError: there are none
    :raises InputRejected: the source is damaged or cut off
    :raises SourceNotFound: the source is gone or was overwritten
    :raises DiskSpaceError: too little room for the temporary files
    :raises EngineError: anything else; ``retryable`` says whether another try can help
    """
    used = settings or get_settings()
    with workspace(used) as folder:
        check_space(plan, folder, used.disk_reserve)
        job = Job(plan, folder, used, Reporter(on_progress), cancel or threading.Event(), keys)
        job.download()
        job.encode()
        job.package()
        return job.upload(bucket, prefix)


@dataclass
class Job:
    """One plan on its way through the stages, in one folder."""

    plan: TranscodePlan
    folder: Path
    settings: Settings
    reporter: Reporter
    cancel: threading.Event
    keys: ContentKeys | None = None
    cpu_seconds: float = 0.0
    seconds: dict[Stage, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Refuse what cannot be packaged before anything is encoded.

        :raises ConfigurationError: the plan asks for encryption, and there are no keys
        """
        if self.plan.packaging.encryption is not None and self.keys is None:
            raise ConfigurationError("This plan asks for encryption, and whoever started the worker gave it no keys.")

    @property
    def paths(self) -> EncodePaths:
        """Where it reads and writes."""
        return EncodePaths(self.folder / "source", self.folder / "tracks", self.folder / "outputs")

    def download(self) -> None:
        """Get the source."""
        from vodflow.storage.download import download  # noqa: PLC0415 - boto3 is slow to import

        size = max(1, self.plan.source.size)
        with self.stage(Stage.DOWNLOAD):
            download(
                self.plan.source,
                Path(self.paths.source),
                lambda received: self.reporter.report(Stage.DOWNLOAD, received / size),
                cancel=self.cancel,
                settings=self.settings,
            )

    def encode(self) -> None:
        """Make all tracks and pictures of it."""
        paths, plan = self.paths, self.plan
        (paths.outputs / layout.POSTER).parent.mkdir(parents=True)
        paths.tracks.mkdir()
        argv = encode_command(plan, paths, ffmpeg_path(), self.settings.encoder_threads)
        with self.stage(Stage.ENCODE):
            finished = run_process(
                argv,
                EncodeProgress(plan.media.duration, self.reporter),
                limits=Limits(self.cancel, self.settings.stall_timeout),
            )
        self.cpu_seconds += finished.cpu_seconds
        raise_for_encode(plan, finished)
        raise_if_cut_off(plan, min(movie_seconds(paths.track(rung)) for rung in plan.renditions))
        self.warnings = warnings(finished)
        Path(paths.source).unlink()
        if plan.thumbnails is None:
            (paths.outputs / layout.POSTER).parent.rmdir()

    def package(self) -> None:
        """Make what players get of the tracks: segments and MP4s side by side, for each reads the tracks alone."""
        plan, paths = self.plan, self.paths
        tools: list[Callable[[], float]] = []
        if needs_packager(plan):
            tools.append(self._package)
        if Output.MP4 in plan.packaging.outputs:
            (paths.outputs / "mp4").mkdir()
            remux = remux_command(plan, paths.tracks, paths.outputs, ffmpeg_path())
            tools.append(lambda: self._tool("ffmpeg", remux))
        with self.stage(Stage.PACKAGE):
            with ThreadPoolExecutor(max(1, len(tools)), thread_name_prefix="vodflow-package") as pool:
                self.cpu_seconds += sum(pool.map(lambda tool: tool(), tools))
            if needs_packager(plan):
                if self.keys is not None:
                    encrypt_segments(plan, paths.outputs, self.keys)
                finish_playlists(plan, paths.outputs)
                if self.keys is not None:
                    name_keys(plan, paths.outputs, self.keys)

    def _package(self) -> float:
        argv = package_command(self.plan, packager_path(), f"../{self.paths.tracks.name}")
        if self.keys is None:
            return self._tool("packager", argv)
        used = self.plan.packaging.encryption
        rotates = used is not None and used.rotation is not None and not used.by_segment
        with KeyServer(self.keys) if rotates else nullcontext() as server:
            given = packager_keys(self.plan, self.keys, server.url if server else "")
            return self._tool("packager", [*argv, *given.arguments], {**os.environ, **given.environment})

    def _tool(self, name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> float:
        # Copying takes a small part of the playing time; one that takes all of it hangs.
        patience = self.settings.stall_timeout + self.plan.media.duration
        finished = run_process(argv, limits=Limits(self.cancel, patience), cwd=self.paths.outputs, env=environment)
        check_exit(name, finished if self.keys is None else _without_keys(finished, self.keys))
        return finished.cpu_seconds

    def upload(self, bucket: str, prefix: str) -> EngineResult:
        """Upload it all, and say what was made."""
        from vodflow.storage.upload import upload_tree  # noqa: PLC0415 - boto3 is slow to import

        tracks = tuple(self._measure(track) for track in layout.tracks(self.plan))
        outputs = self.paths.outputs
        total = max(1, sum(path.stat().st_size for path in outputs.rglob("*") if path.is_file()))
        with self.stage(Stage.UPLOAD):
            objects = upload_tree(
                outputs,
                bucket,
                prefix,
                lambda sent: self.reporter.report(Stage.UPLOAD, sent / total),
                cancel=self.cancel,
                settings=self.settings,
            )
        encode = self.seconds[Stage.ENCODE]
        return EngineResult(
            bucket=bucket,
            prefix=prefix,
            objects=tuple(objects),
            tracks=tracks,
            download_seconds=self.seconds[Stage.DOWNLOAD],
            encode_seconds=encode,
            package_seconds=self.seconds[Stage.PACKAGE],
            upload_seconds=self.seconds[Stage.UPLOAD],
            wall_seconds=round(time.monotonic() - self.started, 3),
            cpu_seconds=round(self.cpu_seconds, 3),
            speed=round(self.plan.media.duration / encode, 3) if encode else 0.0,
            warnings=self.warnings,
        )

    def speed_of(self, track: VideoRendition | AudioRendition) -> float | None:  # noqa: ARG002 - one process made all
        """Media seconds a wall second of the process that made a track, where it is not that of all."""
        return None

    def _measure(self, track: VideoRendition | AudioRendition) -> EncodedTrack:
        folder, file = segment_folder(self.plan, track), self.paths.track(track)
        files = list((self.paths.outputs / folder).iterdir()) if folder else [file]
        size = sum(path.stat().st_size for path in files)
        return EncodedTrack.of(track, size, movie_seconds(file), self.speed_of(track))

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Measure a stage and report its beginning and end."""
        if self.cancel.is_set():
            raise EngineCanceled(f"Cancelled before {stage.value}.", code="canceled")
        self.reporter.report(stage, 0.0)
        started = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - started, 3)
        self.reporter.report(stage, 1.0)


def _without_keys(finished: Finished, keys: ContentKeys) -> Finished:
    """What a tool said, which may repeat what it was given and goes into messages and logs."""
    values = re.compile("|".join(item.key for item in keys.keys), re.IGNORECASE)
    return replace(finished, errors=tuple(values.sub("…", line) for line in finished.errors))

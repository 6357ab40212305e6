"""Running a job: download, examine, encode, package, upload."""

from __future__ import annotations

import logging
import math
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from vodflow.contract.result import Stage
from vodflow.ffmpeg.process import Limits, check_exit, raise_for_shortage, run_process
from vodflow.ffmpeg.progress import EncodeProgress, Reporter
from vodflow.ffmpeg.tools import ffmpeg_path

from local_mediaconvert.settings import Settings, get_settings
from local_mediaconvert.transcode import output_details
from local_mediaconvert.transcode.captions import convert
from local_mediaconvert.transcode.command import encode_command, measure_command, track_path
from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed, JobOutputs, JobWarning, Phase
from local_mediaconvert.transcode.failures import bare, check_encode, failures, write_failure
from local_mediaconvert.transcode.fetch import fetch
from local_mediaconvert.transcode.images import image_uris
from local_mediaconvert.transcode.input_details import input_details
from local_mediaconvert.transcode.packaging import Made, Packager
from local_mediaconvert.transcode.plan import Encode, GroupPlan, JobPlan
from local_mediaconvert.transcode.planner import plan_job
from local_mediaconvert.transcode.selectors import external_uris
from local_mediaconvert.transcode.sources import Source, examine, program_number
from local_mediaconvert.transcode.support import plan_warnings, refusals

log = logging.getLogger(__name__)

#: Share of the transcoding phase after which only packaging is left.
_ENCODED: Final = 0.95
_INTEGRATED: Final = re.compile(r"^\s*I:\s*(-?(?:[\d.]+|inf)) LUFS")

OnProgress = Callable[[Phase, int], None]


def run_job(
    job: Document,
    *,
    work_dir: Path,
    on_progress: OnProgress,
    on_information: Callable[[list[dict[str, Any]]], None],
    cancel: threading.Event,
    settings: Settings | None = None,
) -> JobOutputs:
    """Carry a job out, from S3 to S3.

    Running it again writes the same names again (unless they hold the time). No temporary file outlives the call.

    :param job: the stored job in botocore's shape; ``Settings`` with presets and templates merged in
    :param work_dir: where its temporary folder is made
    :param on_progress: called with the phase and 0 to 100 percent of it, never going back, at most about twice a second
    :param on_information: called once with ``inputDetails`` when all inputs are known
    :param cancel: set it to stop; nothing is left two seconds later
    :raises JobFailed: with MediaConvert's error code
    :raises EngineCanceled: when it was cancelled
    """
    used = settings or get_settings()
    document: Document = job.get("Settings", {})
    refused = refusals(document)
    if refused:
        raise JobFailed(ErrorCode.JOB_SETTINGS, refused[0].message, path=refused[0].path)
    with failures(), tempfile.TemporaryDirectory(dir=work_dir) as folder:
        running = _Job(document, Path(folder), used, _Phases(on_progress), cancel)
        sources = running.probe()
        details = [input_details(source) for source in sources]
        on_information(details)
        plan = plan_job(document, sources, datetime.now(UTC), running.images(), running.externals())
        tracks = running.encode(plan)
        made = running.package(plan, tracks)
        running.upload(plan, made)
        return JobOutputs(
            output_groups=output_details.output_groups(plan),
            event_groups=output_details.event_groups(plan, made, tracks),
            warnings=[*plan_warnings(document), *plan.warnings, *running.warnings],
            input_details=details,
        )


class _Phases(Reporter):
    """The phases of a job, each from 0 to 100 percent; also takes what stages of the local engine report."""

    def __init__(self, on_progress: OnProgress) -> None:
        super().__init__(None)
        self._tell = on_progress
        self._told: tuple[Phase, int] | None = None

    def tell(self, phase: Phase, share: float) -> None:
        """Say that a share (0 to 1) of a phase is done."""
        now = phase, min(100, max(0, int(share * 100)))
        if self._told is None or now[0] != self._told[0] or now[1] > self._told[1]:
            self._told = now
            self._tell(*now)

    def report(self, stage: Stage, share: float, *, speed: float | None = None, eta: float | None = None) -> None:  # noqa: ARG002
        """The encoder's progress is the transcoding phase's but for packaging."""
        self.tell(Phase.TRANSCODING, share * _ENCODED)


@dataclass
class _Job:
    settings: Document
    folder: Path
    used: Settings
    phases: _Phases
    cancel: threading.Event
    warnings: list[JobWarning] = field(default_factory=list)

    def probe(self) -> list[Source]:
        """Download and examine every input; one that is used twice is downloaded once."""
        inputs: Sequence[Document] = self.settings.get("Inputs", ())
        if not inputs:
            raise JobFailed(ErrorCode.JOB_SETTINGS, "The job has no inputs.")
        self.phases.tell(Phase.PROBING, 0)
        paths: dict[str, Path] = {}
        sources = []
        for number, item in enumerate(inputs, 1):
            uri = str(item.get("FileInput", ""))
            if uri not in paths:
                paths[uri] = self.folder / f"input{number}"
                self._download(uri, paths[uri], number - 1, len(inputs))
            limit, program = self.used.probe_timeout, program_number(item)
            sources.append(examine(number, uri, paths[uri], self.cancel, limit, program=program))
        self.phases.tell(Phase.PROBING, 1)
        return sources

    def images(self) -> dict[str, Path]:
        """Every image that is laid over pictures, by its URI."""
        found = {}
        for number, uri in enumerate(image_uris(self.settings)):
            path = self.folder / f"image{number}{PurePosixPath(uri.partition('?')[0]).suffix}"
            fetch(uri, path, self.used, cancel=self.cancel)
            found[uri] = path
        return found

    def externals(self) -> dict[str, Source]:
        """Every file besides the inputs that holds sound, by its URI."""
        found = {}
        for number, uri in enumerate(external_uris(self.settings.get("Inputs", ()))):
            path = self.folder / f"external{number}"
            fetch(uri, path, self.used, cancel=self.cancel)
            found[uri] = examine(number + 1, uri, path, self.cancel, self.used.probe_timeout)
        return found

    def _download(self, uri: str, path: Path, done: int, count: int) -> None:
        def progress(share: float) -> None:
            self.phases.tell(Phase.PROBING, (done + share * 0.9) / count)

        fetch(uri, path, self.used, cancel=self.cancel, progress=progress)

    def encode(self, plan: JobPlan) -> dict[Encode, Path]:
        """Encode every track once; where each is."""
        self.phases.tell(Phase.TRANSCODING, 0)
        folder = self.folder / "tracks"
        folder.mkdir()
        paths: dict[Encode, Path] = {}
        for item, name in plan.encodes.items():
            path = track_path(folder, item, name)
            if item.kind == "pictures":
                path.parent.mkdir()
                path = path.parent
            paths[item] = path
        if plan.encodes:
            measured = self._measure(plan)
            threads = self.used.encoder_threads or len(os.sched_getaffinity(0))
            argv = encode_command(plan, folder, ffmpeg_path(), threads, measured)
            log.info("encoding %s tracks of %s clips", len(plan.encodes), len(plan.clips))
            progress = EncodeProgress(float(plan.duration) or 1.0, self.phases)
            finished = run_process(argv, progress, limits=Limits(self.cancel, self.used.stall_timeout))
            self.warnings += check_encode(plan, finished, paths)
        return paths

    def _measure(self, plan: JobPlan) -> dict[Encode, float]:
        found: dict[Encode, float] = {}
        for item in plan.encodes:
            if item.loudness is None:
                continue
            finished = run_process(
                measure_command(plan, item, ffmpeg_path()), limits=Limits(self.cancel, self._patience(plan))
            )
            check_exit("ffmpeg", finished)
            values = [match[1] for line in finished.errors if (match := _INTEGRATED.search(bare(line)))]
            if values:
                found[item] = float(values[-1]) if values[-1] != "-inf" else -math.inf
        return found

    def package(self, plan: JobPlan, tracks: Mapping[Encode, Path]) -> dict[int, Made]:
        """The files of every group, in a folder each."""
        captions = self._captions(plan)
        packager = Packager(tracks, lambda name, argv, at: self._tool(plan, name, argv, at), captions)
        made = {}
        for place, group in enumerate(plan.groups):
            made[group.number] = packager.make(group, self._group_folder(group))
            self.phases.tell(Phase.TRANSCODING, _ENCODED + (1 - _ENCODED) * (place + 1) / len(plan.groups))
        self.phases.tell(Phase.TRANSCODING, 1)
        return made

    def _captions(self, plan: JobPlan) -> dict[tuple[str, str, str], Path]:
        folder = self.folder / "captions"
        folder.mkdir()

        def read(argv: list[str]) -> str:
            lines: list[str] = []

            def collect(line: str) -> bool:
                lines.append(line)
                return True

            finished = run_process(argv, collect, limits=Limits(self.cancel, self._patience(plan)))
            raise_for_shortage("ffmpeg", finished)
            if finished.code != 0:
                said = finished.errors[-1] if finished.errors else "no reason given"
                raise JobFailed(ErrorCode.FILE_ACCESS, f"Captions cannot be read: {bare(said)}")
            return "\n".join(lines)

        def bring(uri: str, path: Path) -> None:
            fetch(uri, path, self.used, cancel=self.cancel)

        return convert(plan, folder, bring, read, ffmpeg_path())

    def _group_folder(self, group: GroupPlan) -> Path:
        return self.folder / "groups" / str(group.number)

    def _tool(self, plan: JobPlan, name: str, argv: list[str], folder: Path) -> None:
        finished = run_process(argv, limits=Limits(self.cancel, self._patience(plan)), cwd=folder)
        check_exit(name, finished)

    def _patience(self, plan: JobPlan) -> float:
        """Copying and measuring take a small part of the playing time; what takes all of it hangs."""
        return self.used.stall_timeout + float(plan.duration)

    def upload(self, plan: JobPlan, made: Mapping[int, Made]) -> None:
        """Every group to its destination; top-level playlists and manifests last."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

        from local_mediaconvert.transcode.upload import store_group  # noqa: PLC0415

        self.phases.tell(Phase.UPLOADING, 0)
        sizes = {
            group.number: sum(path.stat().st_size for path in self._group_folder(group).rglob("*") if path.is_file())
            for group in plan.groups
        }
        total, done = max(1, sum(sizes.values())), 0
        for group in plan.groups:

            def progress(sent: int, before: int = done) -> None:
                self.phases.tell(Phase.UPLOADING, (before + sent) / total)

            try:
                folder = self._group_folder(group)
                store_group(group, made[group.number], folder, self.used, progress=progress, cancel=self.cancel)
            except (BotoCoreError, ClientError) as error:
                raise write_failure(group, error) from error
            done += sizes[group.number]
        self.phases.tell(Phase.UPLOADING, 1)

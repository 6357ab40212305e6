"""Measure one published job, rendition after rendition; what is done stays done when it is stopped.

Sound comes first and then the rungs from the smallest up, the cheapest before the costly. Each is one transaction.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from vodflow.catalog import engine_events, jobs, measurements
from vodflow.catalog.database import transaction
from vodflow.catalog.locks import try_lock
from vodflow.catalog.recording import record
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import MeasurementState
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.engines.local.command import by_size
from vodflow.engines.local.workspace import workspace
from vodflow.engines.mediaconvert.events import EventKind
from vodflow.errors import CatalogError, EngineError, SourceUnreadable, UnreadableReason, VodflowError
from vodflow.ffmpeg.process import Finished, Limits, check_exit, run_process
from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.keys import stored_keys
from vodflow.planning import span
from vodflow.quality import commands, figures, qvbr
from vodflow.quality.figures import Stretch
from vodflow.quality.published import fetch
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import readable_url
from vodflow.storage.readability import cause_of, check_readable
from vodflow.verification.clear_store import ClearStore
from vodflow.verification.store import ObjectStore, S3Store

log = logging.getLogger(__name__)

_ACTOR: Final = "measure"
#: Everything else on the machine goes first.
NICENESS: Final = 19
#: What FFmpeg says of itself.
_VERSION_TIMEOUT: Final = 30.0


def measure_job(
    job_id: int,
    *,
    run_id: str | None = None,
    anew: bool = False,
    every: int | None = None,
    step_aside: Callable[[], bool] = lambda: False,
    store: ObjectStore | None = None,
    settings: Settings | None = None,
) -> MeasurementState | None:
    """Measure what is missing of a published job.

    :param run_id: who measures, for the records
    :param anew: measure again what is measured already
    :param every: one of so many frames is compared, instead of what the settings say
    :param step_aside: asked before each rendition; when it says yes the rest is left to another time
    :return: what it is now: measured, partial, or failed with the reason in the catalog; none while another process
        measures it
    :raises CatalogError: there is no such job, or it is not published
    :raises VodflowError: what stops every video alike: S3 or the catalog is away, this machine is short of something
    """
    used = settings or get_settings()
    with try_lock(f"measure-{job_id}", used) as mine:
        if not mine:
            log.info("Job %d is being measured by another process", job_id)
            return None
        with transaction(_ACTOR) as connection:
            job = jobs.get_job(connection, job_id)
            if not job.published:
                raise CatalogError(f"Job {job_id} is {job.status}; only what is published can be measured.")
            extent = _Extent.of(job.plan, used, every)
            done = measurements.begin(
                connection, job_id, run_id=run_id, every=extent.every, seconds=extent.seconds, anew=anew
            )
        try:
            with workspace(used) as folder:
                shown = store or _shown_of(job, used)
                return _Measuring(job, extent, folder, shown, used).run(done, step_aside)
        except VodflowError as error:
            if error.shared_cause is not None:
                _let_go(job_id)
                raise
            failure = cause_of(error, job.plan.source, settings=used)
            log.warning("Job %d could not be measured: %s", job_id, failure)
            record(_ACTOR, lambda connection: measurements.fail(connection, job_id, failure))
            return MeasurementState.FAILED
        except Exception:
            raise
        except BaseException:  # somebody stops this process, which is nobody's fault
            _let_go(job_id)
            raise


def _shown_of(job: JobRow, settings: Settings) -> ObjectStore:
    """The job's outputs as players see them, with their keys."""
    keys = stored_keys(job.plan, job.prefix, settings)
    stored = S3Store(settings)
    return stored if keys is None else ClearStore(stored, job.plan, keys, job.bucket, job.prefix)


def _let_go(job_id: int) -> None:
    record(_ACTOR, lambda connection: measurements.step_aside(connection, job_id))


@dataclass(frozen=True)
class _Extent:
    """How much of a video is looked at.

    :param limit: seconds from its beginning; none means all
    """

    seconds: float
    limit: float | None
    every: int

    @classmethod
    def of(cls, plan: TranscodePlan, settings: Settings, every: int | None) -> _Extent:
        whole = span.picture_seconds(plan)
        limit = settings.quality_seconds if is_long(whole, settings) else None
        seconds = round(min(whole, limit or whole), 3)
        return cls(seconds, limit, commands.one_of(by_size(plan)[0], seconds, every or settings.quality_every))

    def frames(self, rung: VideoRendition) -> int:
        # Of a whole video all frames, however its duration was rounded.
        return commands.frames_within(rung, self.limit or self.seconds + 1)


def is_long(seconds: float, settings: Settings) -> bool:
    """Whether a video is one of which a part is measured; one hardly longer than the part never is."""
    return seconds >= max(settings.quality_long_from, settings.quality_seconds)


@dataclass
class _Measuring:
    """One job whose renditions are measured in one folder."""

    job: JobRow
    extent: _Extent
    folder: Path
    store: ObjectStore
    settings: Settings
    url: str | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def run(self, done: set[str], step_aside: Callable[[], bool]) -> MeasurementState:
        plan, job_id = self.job.plan, self.job.id
        rungs = by_size(plan)[::-1]
        tracks: list[AudioRendition | VideoRendition] = [*plan.audio, *rungs]
        for rendition in tracks:
            if rendition.name in done:
                continue
            if step_aside():
                _let_go(job_id)
                log.info(
                    "Job %d: encodes go first; %s and what follows is left to another time", job_id, rendition.name
                )
                return MeasurementState.PARTIAL
            if isinstance(rendition, AudioRendition):
                self._sound(rendition)
            else:
                self._pictures(rendition, smallest=rendition is rungs[0])
        record(_ACTOR, lambda connection: measurements.finish(connection, job_id))
        return MeasurementState.MEASURED

    def _sound(self, rendition: AudioRendition) -> None:
        made = self._fetch(rendition)
        seconds = self.extent.limit or span.duration(self.job.plan) + 1
        argv = commands.sound_command(
            str(made), ffmpeg_path=ffmpeg_path(), channels=rendition.channels, seconds=seconds
        )
        finished = self._run(argv)
        end = min(seconds, span.duration(self.job.plan))
        silent = figures.stretches(self._written(commands.SILENCE), end)
        with _reading(rendition.name):
            found = figures.heard(finished.errors, figures.total(silent, "silent"))
        self._keep(rendition.name, asdict(found), [_row(item, rendition.name) for item in silent])
        made.unlink()

    def _pictures(self, rung: VideoRendition, *, smallest: bool) -> None:
        made = self._fetch(rung)
        shown, seen = self._shown(rung, made) if smallest else ({}, [])
        argv = commands.compare_command(
            self.job.plan, rung, source=self._source(), made=str(made), ffmpeg_path=ffmpeg_path(),
            every=self.extent.every, frames=self.extent.frames(rung),
        )  # fmt: skip
        self._run(argv)
        text = self._written(commands.FRAMES)
        with _reading(rung.name):
            found = asdict(figures.compared(text, rung.fps, commands.model_of(rung)))
        tool = f"{_ffmpeg_version()}, libvmaf {figures.vmaf_version(text)}"
        self._keep(rung.name, found | self._scores(rung), seen, tool=tool, **shown)
        made.unlink()
        log.info("Job %d: %s has VMAF %.2f, PSNR %.2f dB", self.job.id, rung.name, found["vmaf"], found["psnr"])

    def _shown(self, rung: VideoRendition, made: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What the pictures of the job show by themselves: of the smallest rung, for the least."""
        self._run(commands.pictures_command(
            str(made), ffmpeg_path=ffmpeg_path(), every=self.extent.every, frames=self.extent.frames(rung)
        ))  # fmt: skip
        found = figures.stretches(self._written(commands.CHANGES), self.extent.seconds)
        facts = {
            "black_seconds": figures.total(found, "black"),
            "frozen_seconds": figures.total(found, "frozen"),
            "luma_clipped": figures.luma_clipped(self._written(commands.LUMA)),
        }
        return facts, [_row(item, rung.name) for item in found]

    def _scores(self, rung: VideoRendition) -> dict[str, float]:
        if self.job.engine is not EngineName.MEDIACONVERT or self.job.external_id is None:
            return {}
        with transaction(_ACTOR) as connection:
            told = engine_events.details_of(
                connection, EngineName.MEDIACONVERT, self.job.external_id, EventKind.COMPLETE
            )
        return qvbr.scores(told, rung)

    def _source(self) -> str:
        if self.url is None:
            check_readable(self.job.plan.source, settings=self.settings)
            self.url = readable_url(self.job.plan.source)
        if self.url is None:
            raise SourceUnreadable(
                UnreadableReason.GONE,
                f"{self.job.plan.source.uri} has other bytes by now; nothing is left to compare with.",
            )
        return self.url

    def _fetch(self, rendition: VideoRendition | AudioRendition) -> Path:
        return fetch(
            self.job.plan, rendition, self.store, self.job.bucket, self.job.prefix, self.folder,
            seconds=self.extent.limit, reserve=self.settings.disk_reserve,
        )  # fmt: skip

    def _run(self, argv: list[str]) -> Finished:
        limits = Limits(stall_seconds=self.settings.stall_timeout, niceness=NICENESS)
        finished = run_process(argv, _Moving(), limits=limits, cwd=self.folder)
        self.cpu_seconds += finished.cpu_seconds
        self.wall_seconds += finished.wall_seconds
        check_exit("ffmpeg", finished)
        return finished

    def _written(self, name: str) -> str:
        """What a command has written to a file, which is none where it found nothing; gone afterwards."""
        path = self.folder / name
        if not path.exists():
            return ""
        text = path.read_text("utf-8")
        path.unlink()
        return text

    def _keep(self, name: str, found: dict[str, Any], stretches: list[dict[str, Any]], **of_job: Any) -> None:
        cpu, wall = round(self.cpu_seconds, 3), round(self.wall_seconds, 3)
        self.cpu_seconds = self.wall_seconds = 0.0
        record(_ACTOR, lambda connection: measurements.add(
            connection, self.job.id, name, found, cpu_seconds=cpu, wall_seconds=wall, stretches=stretches, **of_job
        ))  # fmt: skip


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say of which rendition a reader of figures could make nothing."""
    try:
        yield
    except (ValueError, KeyError) as error:
        raise EngineError(f"{name} could not be measured: {error}.", code="no-figures", retryable=False) from error


class _Moving:
    """Whether a line of FFmpeg's ``-progress`` says that something went on."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def __call__(self, line: str) -> bool:
        name, _, value = line.partition("=")
        moved = name in {"frame", "out_time_us"} and value != self._last.get(name)
        self._last[name] = value
        return moved


def _row(stretch: Stretch, track: str) -> dict[str, Any]:
    return {"kind": stretch.kind, "track": track, "start": round(stretch.start, 3), "end": round(stretch.end, 3)}


@lru_cache(maxsize=1)
def _ffmpeg_version() -> str:
    said = capture([ffmpeg_path(), "-version"], _VERSION_TIMEOUT).stdout.split()
    return f"FFmpeg {said[2]}" if len(said) > 2 else os.fspath(ffmpeg_path())

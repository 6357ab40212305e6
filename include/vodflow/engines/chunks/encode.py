"""One part of a plan: its FFmpeg process, and whether what came of it is exactly what was asked for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from vodflow.contract import layout
from vodflow.contract.parts import Part, PartFile, PartRecord, part_digest, rungs_of
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import Progress
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.engines.local.failures import raise_for_encode, raise_if_cut_off, warnings
from vodflow.errors import EngineCanceled, EngineError, InputRejected, SourceUnavailable
from vodflow.ffmpeg.process import Limits, run_process
from vodflow.ffmpeg.progress import EncodeProgress, Reporter
from vodflow.ffmpeg.tools import ffmpeg_path, is_url
from vodflow.media.isobmff import boxes, need
from vodflow.media.picture_index import movie_box
from vodflow.media.ranges import open_ranges
from vodflow.planning import span

#: FFmpeg's options for a source that is read over HTTP: a broken connection goes on where it broke, and a busy server
#: is asked again.
_OVER_HTTP = {
    "reconnect": 1,
    "reconnect_on_network_error": 1,
    "reconnect_on_http_error": "429,5xx",
    "reconnect_streamed": 1,
    "reconnect_delay_max": 20,
}
#: What FFmpeg says of a connection, and the last words of one that goes on.
_CONNECTION = re.compile(r"\[(?:https?|tcp|tls) @ [^]]*\] (.*)")
_GOES_ON = "Will reconnect"
_READ_TIMEOUT = 30.0


def encode_part(
    plan: TranscodePlan,
    part: Part,
    source: Path | str,
    folder: Path,
    *,
    threads: int = 0,
    stall_timeout: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> PartRecord:
    """Encode what a part makes into ``folder``: its tracks as MP4s, and its pictures below ``thumbnails``.

    :param source: the downloaded source, or a URL from which FFmpeg reads what it needs of it
    :param folder: empty, or left by an attempt that did not come to its end
    :param threads: CPUs to use; 0 means all
    :raises InputRejected: the source is damaged or cut off
    :raises SourceUnavailable: it could not be read to the part's end
    :raises EngineError: anything else; ``retryable`` says whether another try can help
    """
    paths = EncodePaths(source, folder, folder)
    (folder / layout.POSTER).parent.mkdir(parents=True, exist_ok=True)
    argv = encode_command(plan, paths, ffmpeg_path(), threads, part)
    if is_url(str(source)):
        place = argv.index("-i")
        argv[place:place] = [word for name, value in _OVER_HTTP.items() for word in (f"-{name}", str(value))]
    progress = EncodeProgress(part_seconds(plan, part), Reporter(on_progress))
    finished = run_process(argv, progress, limits=Limits(cancel, stall_timeout))
    broken = _broken(finished.errors)
    try:
        raise_for_encode(plan, finished)
        frames = _counted(plan, part, paths, to_the_end=broken is not None)
    except (InputRejected, EngineError) as error:
        if broken is None or isinstance(error, EngineCanceled):
            raise
        # To FFmpeg a connection that stays broken is the end of the file, or a file that is none.
        raise SourceUnavailable(f"{plan.source.uri} could not be read to the end of {part.title}: {broken}") from error
    made = sorted(path for path in folder.rglob("*") if path.is_file())
    return PartRecord(
        part=part.name,
        digest=part_digest(plan, part),
        files=tuple(PartFile(name=path.relative_to(folder).as_posix(), size=path.stat().st_size) for path in made),
        frames=frames,
        encode_seconds=round(finished.wall_seconds, 3),
        cpu_seconds=round(finished.cpu_seconds, 3),
        warnings=warnings(finished),
    )


def part_seconds(plan: TranscodePlan, part: Part) -> float:
    """How long a part's tracks are."""
    if part.chunk is None:
        return span.duration(plan)
    rate = plan.renditions[0].fps
    end = span.picture_seconds(plan) if part.chunk.end is None else float(part.chunk.end / rate)
    return max(float(1 / rate), end - float(part.chunk.first / rate))


def _broken(errors: Sequence[str]) -> str | None:
    """What FFmpeg said last of its connection to the source, unless it went on."""
    said = [found[1] for line in errors if (found := _CONNECTION.match(line))]
    return said[-1] if said and _GOES_ON not in said[-1] else None


def _counted(plan: TranscodePlan, part: Part, paths: EncodePaths, *, to_the_end: bool) -> int | None:
    """The frames of each rung.

    :param to_the_end: the last chunk, too, must be as long as the plan says; the plan of a sound source may say more
    :raises InputRejected: the source ends early
    :raises EngineError: others than were asked for
    """
    counts = {rung.name: frame_count(paths.track(rung)) for rung in rungs_of(plan, part)}
    if not counts:
        return None
    frames = min(counts.values())
    chunk = part.chunk
    first = chunk.first if chunk else 0
    if chunk is None or chunk.end is None:
        rate = plan.renditions[0].fps
        raise_if_cut_off(plan, float((first + frames) / rate))
        wanted = max(frames, round(part_seconds(plan, part) * rate)) if to_the_end else frames
    else:
        wanted = chunk.end - first
    if set(counts.values()) != {wanted} or not wanted:
        raise EngineError(
            f"{part.title} has {', '.join(f'{count} frames of {name}' for name, count in counts.items())} and not "
            f"{wanted}: the source could not be read to its end, or was not cut where its keyframes are.",
            code="wrong_frames",
            retryable=True,
        )
    return frames


def frame_count(track: Path) -> int:
    """How many frames an MP4 of one track has; 0 where FFmpeg found none to write.

    :raises EngineError: its index cannot be read
    """
    size = track.stat().st_size
    try:
        moov = movie_box(open_ranges(str(track), size, _READ_TIMEOUT), size)
        trak = next((moov[box.start : box.end] for box in boxes(moov) if box.kind == "trak"), None)
        return int.from_bytes(need(trak, "mdia", "minf", "stbl", "stsz")[8:12], "big") if trak else 0
    except ValueError as error:
        raise EngineError(f"{track.name} has no index: {error}.", code="no_index", retryable=True) from error

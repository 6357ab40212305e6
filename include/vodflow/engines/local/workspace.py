"""Temporary files of one job: enough room for them first, and nothing left of them afterwards."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vodflow.contract.parts import Part, rungs_of
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.errors import ConfigurationError, DiskSpaceError
from vodflow.ffmpeg.resources import shortage
from vodflow.settings import Settings

log = logging.getLogger(__name__)

#: How the folder of a job begins; the sweep touches nothing else.
PREFIX = "vodflow-job-"
#: A folder as young as this may not have its lock yet.
_LOCK_DELAY = 10.0
#: Encoders overshoot their average a little, containers and pictures come on top.
_OVERHEAD = 1.15
#: Bytes of pictures, playlists and headers, whatever the duration.
_FIXED = 16 * 1024**2
#: The folders that this process is using.
_open_folders: set[Path] = set()


def needed_bytes(plan: TranscodePlan) -> int:
    """Peak size of a job's temporary files.

    ``source + overhead * copies * duration * sum(bit rates) / 8``, where ``copies`` counts the encoded tracks and
    every kind of output made of them: CMAF segments, MPEG-TS segments, MP4s. The audio of the MP4s, once a rung,
    counts as if each had all audio renditions.
    """
    video = sum(rung.bitrate for rung in plan.renditions)
    audio = sum(audio.bitrate for audio in plan.audio)
    outputs = plan.packaging.outputs
    segmented = Output.HLS in outputs or Output.DASH in outputs
    both = Output.HLS in outputs and Output.DASH in outputs and plan.packaging.hls_segments == "ts"
    rate = (1 + segmented + both) * (video + audio)
    if Output.MP4 in outputs:
        rate += video + audio * len(plan.renditions)
    return plan.source.size + int(_OVERHEAD * rate * plan.media.duration / 8) + _FIXED


def part_bytes(plan: TranscodePlan, part: Part) -> int:
    """Peak size of the temporary files of one part: its tracks, and the source where it needs all of it.

    As :func:`needed_bytes`; a chunk reads what it needs of the source without storing it.
    """
    tracks = rungs_of(plan, part) or plan.audio
    rate = sum(track.bitrate for track in tracks)
    seconds = plan.media.duration
    if (chunk := part.chunk) is None:
        return plan.source.size + int(_OVERHEAD * rate * seconds / 8) + _FIXED
    rate_of_frames = plan.renditions[0].fps
    end = seconds if chunk.end is None else float(chunk.end / rate_of_frames)
    length = end - float(chunk.first / rate_of_frames)
    return int(_OVERHEAD * chunk.weight * rate * length / 8) + _FIXED


def check_space(plan: TranscodePlan, folder: Path, reserve: int, part: Part | None = None) -> None:
    """Nothing when the job's files fit and ``reserve`` bytes stay free.

    :param part: what is made of the plan in this folder; none means everything
    :raises DiskSpaceError: saying how much is needed and how much there is
    :raises ConfigurationError: the disk can never hold them
    """
    needed = (needed_bytes(plan) if part is None else part_bytes(plan, part)) + reserve
    usage = shutil.disk_usage(folder)
    if usage.total < needed:
        raise ConfigurationError(
            f"{folder} has {usage.total / 1e9:.2f} GB in all; this job needs {needed / 1e9:.2f} GB"
            f" ({reserve / 1e9:.2f} GB of them stay free). Set VODFLOW_WORK_DIR to a larger disk.",
            code="ENOSPC",
        )
    if usage.free < needed:
        raise DiskSpaceError(
            f"{folder} has {usage.free / 1e9:.2f} GB free; this job needs {needed / 1e9:.2f} GB"
            f" ({reserve / 1e9:.2f} GB of them stay free). Free space there or set VODFLOW_WORK_DIR.",
            code="ENOSPC",
        )


def work_folder(settings: Settings) -> Path:
    """Where the folders of jobs are, made if it is missing, without those that dead processes left.

    :raises DiskSpaceError: when there is no room for it now
    :raises ConfigurationError: when it cannot be made
    """
    parent = settings.work_dir or Path(tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
    except OSError as error:
        raise shortage(error, f"use the work folder {parent}") or ConfigurationError(
            f"The work folder cannot be used: {error}. Set VODFLOW_WORK_DIR."
        ) from error
    return parent


@contextmanager
def workspace(settings: Settings) -> Iterator[Path]:
    """A folder for one job, removed at the end of the block, whatever happens.

    A process that is killed cannot remove its folder: the next job does. Each folder is locked by its process, and
    the kernel frees the lock of a dead one.

    :raises DiskSpaceError: when there is no room for it now
    :raises ConfigurationError: when the folder cannot be made
    """
    parent = work_folder(settings)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        handle = os.open(name, os.O_RDONLY)
        _open_folders.add(Path(name))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)
            _open_folders.discard(Path(name))


def discard_all() -> None:
    """Remove the folders of this process now, before it ends without unwinding."""
    for folder in tuple(_open_folders):
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> list[Path]:
    """Remove the folders of processes that died; the removed ones."""
    removed: list[Path] = []
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _LOCK_DELAY and _is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
                log.warning("Removed the files that a dead process left in %s", folder)
    return removed


def _is_free(folder: Path) -> bool:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True

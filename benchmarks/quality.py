"""Whether two encodes are worth the same: measured bit rate and VMAF against the source."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path, ffprobe_path

#: Every seventh frame: no divisor of the 48 or 96 frames between IDR pictures, so that all frame types count.
SUBSAMPLE = 7
TIMEOUT = 300.0
#: Marks both sides alike: FFmpeg would convert unmarked pictures to compare them with marked ones, and VMAF would fall.
_MARKED = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"


@dataclass(frozen=True)
class Quality:
    """What an encoded rendition is worth.

    :param bitrate: average of the video packets, bits a second
    :param vmaf: pooled mean, shown at the source's size; 0 to 100
    :param worst: mean of the second with the lowest one
    """

    bitrate: float
    vmaf: float
    worst: float = 0.0


def measure(encoded: Path, source: Path, *, width: int, height: int) -> Quality:
    """Compare an encoded rendition with its source.

    :param width: pixels of the source, to which the rendition is scaled as a player would
    :param height: likewise
    """
    return Quality(_bitrate(encoded), *_vmaf(encoded, source, width, height))


def _bitrate(encoded: Path) -> float:
    said = subprocess.run(
        [ffprobe_path(), "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=size,duration_time",
         "-of", "csv=p=0", encoded],
        capture_output=True, text=True, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    packets = [line.split(",") for line in said.stdout.splitlines() if line]
    seconds = sum(float(duration) for duration, *_ in packets)
    return sum(int(size) for _, size, *_ in packets) * 8 / seconds


def _vmaf(encoded: Path, source: Path, width: int, height: int) -> tuple[float, float]:
    log = encoded.with_suffix(".vmaf.json")
    graph = (
        f"[0:v]setpts=PTS-STARTPTS,{_MARKED},scale={width}:{height}:flags=bicubic[d];"
        f"[1:v]setpts=PTS-STARTPTS,{_MARKED}[r];"
        f"[d][r]libvmaf=n_subsample={SUBSAMPLE}:n_threads=2:log_fmt=json:log_path={log.name}"
    )
    subprocess.run(
        [ffmpeg_path(), "-nostdin", "-v", "error", "-i", encoded, "-i", source, "-lavfi", graph, "-f", "null", "-"],
        cwd=log.parent, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    document = json.loads(log.read_text(encoding="utf-8"))
    log.unlink()
    rate = _frame_rate(source)
    seconds = defaultdict[int, list[float]](list)
    for frame in document["frames"]:
        seconds[int(frame["frameNum"] / rate)].append(frame["metrics"]["vmaf"])
    # A last second of a frame or two says nothing.
    worst = min(statistics.fmean(values) for values in seconds.values() if len(values) > 1)
    return float(document["pooled_metrics"]["vmaf"]["mean"]), worst


def _frame_rate(source: Path) -> float:
    said = subprocess.run(
        [ffprobe_path(), "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=r_frame_rate",
         "-of", "csv=p=0", source],
        capture_output=True, text=True, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    return float(Fraction(said.stdout.strip().rstrip(",")))


def join(parts: Iterable[Path], target: Path) -> Path:
    """One playable file from an init segment and the media segments that follow it."""
    with target.open("wb") as joined:
        for part in parts:
            joined.write(part.read_bytes())
    return target

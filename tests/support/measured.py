"""Measurements of files of this machine, without catalog and S3."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from vodflow.contract.plan import TranscodePlan
from vodflow.ffmpeg.process import Finished, run_process
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.quality import commands, figures

#: More frames than any clip has.
ALL = 1_000_000


def run(argv: list[str], folder: Path) -> Finished:
    finished = run_process(argv, cwd=folder)
    assert finished.code == 0, finished.errors
    return finished


def compare(
    plan: TranscodePlan, source: Path, made: Path, folder: Path, *, every: int = 1, frames: int = ALL
) -> figures.PictureFigures:
    """How the only rung of a plan compares with its source."""
    rung = plan.renditions[0]
    run(
        commands.compare_command(
            plan, rung, source=str(source), made=str(made), ffmpeg_path=ffmpeg_path(), every=every, frames=frames
        ),
        folder,
    )
    return figures.compared((folder / commands.FRAMES).read_text("utf-8"), rung.fps, commands.model_of(rung))


def ffmpeg(*arguments: str | Path, folder: Path | None = None) -> str:
    """What FFmpeg says, run by hand."""
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-y", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def by_hand(made: Path, original: Path, folder: Path, *, every: int = 1) -> dict[str, Any]:
    """What libvmaf says of two files whose frames belong together one by one."""
    vmaf = f"libvmaf=log_path=hand.json:log_fmt=json:n_subsample={every}:feature='name=psnr|name=float_ssim':shortest=1"
    graph = f"[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]{vmaf}"
    ffmpeg("-i", made, "-i", original, "-lavfi", graph, "-f", "null", "-", folder=folder)
    found: dict[str, Any] = json.loads((folder / "hand.json").read_text("utf-8"))
    return found

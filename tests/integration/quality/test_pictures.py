"""What figures say of renditions that are good, damaged, late, black or still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.clips import clip
from support.encoded import encoded
from support.measured import ALL, compare, ffmpeg, run
from vodflow.contract.plan import Output
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.quality import commands, figures

pytestmark = pytest.mark.integration

LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-fps_mode", "passthrough")


#: Frames of a clip that say whether all of them are paired rightly.
_SOME = 100


def generous(argument: str) -> str:
    """Every bit rate as high as anybody could wish."""
    return "40000000" if argument.isdigit() and int(argument) > 100_000 else argument


def made_of(source: str, folder: Path, change: Callable[[str], str] = str):  # type: ignore[no-untyped-def]
    plan, outputs = encoded(clip(source), folder, Output.MP4, change=change)
    return plan, outputs / f"mp4/video_{plan.renditions[0].name}.mp4"


def test_a_good_copy_and_a_damaged_one(tmp_path: Path) -> None:
    plan, made = made_of("moving", tmp_path, generous)
    good = compare(plan, clip("moving"), made, tmp_path, every=5)
    assert good.vmaf > 95
    assert good.vmaf_worst_second > 90
    assert good.frames == 60
    damaged = tmp_path / "damaged.mp4"
    ffmpeg("-i", made, "-vf", "boxblur=12:enable='between(t,8,8.99)'", "-an", *LOSSLESS, damaged)
    bad = compare(plan, clip("moving"), damaged, tmp_path, every=5)
    assert bad.vmaf_worst_at == 8.0
    assert bad.vmaf_worst_second < 50 < bad.vmaf < good.vmaf
    assert bad.vmaf_p5 < 50
    assert bad.vmaf_harmonic < bad.vmaf
    part = compare(plan, clip("moving"), damaged, tmp_path, every=5, frames=200)
    assert part.frames == 40
    assert part.vmaf_worst_second > 90


@pytest.mark.parametrize("name", ["moving", "vfr", "interlaced", "late_picture"])
def test_one_frame_later_or_earlier_is_worse(name: str, tmp_path: Path) -> None:
    plan, made = made_of(name, tmp_path, generous)
    right = compare(plan, clip(name), made, tmp_path, frames=_SOME)
    for filters in ("trim=start_frame=1,setpts=PTS-STARTPTS", "tpad=start=1:start_mode=clone"):
        moved = tmp_path / "moved.mp4"
        ffmpeg("-i", made, "-vf", filters, "-frames:v", str(_SOME), "-an", *LOSSLESS, moved)
        assert compare(plan, clip(name), moved, tmp_path, frames=_SOME).psnr < right.psnr - 3, filters


def test_black_still_and_silent_stretches(tmp_path: Path) -> None:
    plan, made = made_of("stretches", tmp_path)
    run(commands.pictures_command(str(made), ffmpeg_path=ffmpeg_path(), every=5, frames=ALL), tmp_path)
    found = figures.stretches((tmp_path / commands.CHANGES).read_text("utf-8"), 11.0)
    black, still, held = found
    assert (black.kind, still.kind, held.kind) == ("black", "frozen", "frozen")
    assert black[1:] == still[1:] == (3.0, 5.0)
    # Though the encoder goes on to improve what stands still, and begins anew at each keyframe.
    assert (held.start, held.end) == (pytest.approx(7.0, abs=0.1), 11.0)
    run(commands.sound_command(str(made), ffmpeg_path=ffmpeg_path(), channels=2, seconds=20), tmp_path)
    (silence,) = figures.stretches((tmp_path / commands.SILENCE).read_text("utf-8"), 11.0)
    assert silence.kind == "silent"
    assert (silence.start, silence.end) == (pytest.approx(4, abs=0.1), pytest.approx(8, abs=0.1))
    assert plan.audio


def test_clipped_luma(tmp_path: Path) -> None:
    made = tmp_path / "half.mp4"
    white = "drawbox=w=iw/2:c=white:t=fill,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", f"color=gray:size=320x180:rate=25:duration=2,{white}", "-c:v", "libx264", made)
    run(commands.pictures_command(str(made), ffmpeg_path=ffmpeg_path(), every=1, frames=ALL), tmp_path)
    assert figures.luma_clipped((tmp_path / commands.LUMA).read_text("utf-8")) == pytest.approx(0.5, abs=0.01)

"""The figures are those that FFmpeg's own filters say when a person runs them on the same frames."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from support.clips import clip
from support.encoded import encoded
from support.measured import by_hand, compare, ffmpeg, run
from vodflow.contract.plan import Output
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.quality import commands, figures

pytestmark = pytest.mark.integration

#: What a person would do with a source so that it can be laid beside its smallest rung.
LIGHT = "matrix=bt709:primaries=bt709:transfer=bt709:range=limited:dither=ordered"
BY_HAND = {
    "plain": "fps=25,scale=426:240:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:out_range=tv",
    "portrait": "fps=25,scale=202:360:flags=bicubic:in_color_matrix=bt601:out_color_matrix=bt709:out_range=tv",
    "anamorphic": "fps=25,scale=640:360:flags=bicubic,zscale=matrixin=smpte170m:primariesin=bt470bg:transferin=bt709:"
                  f"rangein=limited:{LIGHT}",
    "fast": "fps=60,scale=426:240:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:out_range=tv",
    "vfr": "fps=30:start_time=0,scale=426:240:flags=bicubic:in_color_matrix=bt601:out_color_matrix=bt709:out_range=tv",
    # Its sound begins a frame before its pictures, of which the first is held.
    "interlaced": "bwdif=mode=send_frame:deint=all,fps=25,tpad=start=1:start_mode=clone,scale=450:360:flags=bicubic,"
                  f"zscale=matrixin=smpte170m:primariesin=bt470bg:transferin=bt709:rangein=limited:{LIGHT}",
    "hdr": "fps=25,scale=426:240:flags=bicubic,zscale=transferin=smpte2084:matrixin=bt2020nc:primariesin=bt2020:"
           "primaries=bt2020:rangein=limited:transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=709,"
           "tonemap=tonemap=hable:desat=0,zscale=transfer=709:matrix=709:range=limited",
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_pictures(name: str, tmp_path: Path) -> None:
    plan, outputs = encoded(clip(name), tmp_path, Output.MP4)
    rung = plan.renditions[0]
    filters = re.sub(r"scale=\d+:\d+", f"scale={rung.width}:{rung.height}", BY_HAND[name])
    original, made = tmp_path / "original.mkv", outputs / f"mp4/video_{rung.name}.mp4"
    ffmpeg("-i", clip(name), "-an", "-vf", f"{filters},format=yuv420p", "-fps_mode", "passthrough", "-c:v", "ffv1",
           original)  # fmt: skip
    found = compare(plan, clip(name), made, tmp_path, every=3)
    said = by_hand(made, original, tmp_path, every=3)
    pooled = said["pooled_metrics"]
    assert (found.vmaf, found.vmaf_harmonic) == (pooled["vmaf"]["mean"], pooled["vmaf"]["harmonic_mean"])
    assert (found.psnr, found.ssim) == (pooled["psnr_y"]["mean"], pooled["float_ssim"]["mean"])
    assert found.frames == len(said["frames"]) == -(-round(plan.media.video.duration * rung.fps) // 3)
    scores = sorted(frame["metrics"]["vmaf"] for frame in said["frames"])
    assert scores[0] <= found.vmaf_p5 <= scores[len(scores) // 10]
    assert found.vmaf > 60


def test_loudness(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.5*sin(2*PI*440*t)*(1+floor(t/3))|0.2*sin(2*PI*660*t):duration=9", sound)
    said = ffmpeg("-i", sound, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    finished = run(commands.sound_command(str(sound), ffmpeg_path=ffmpeg_path(), channels=2, seconds=100), tmp_path)
    found = figures.heard(finished.errors, 0)
    for value, pattern in (
        (found.loudness, r"I: +(\S+) LUFS"), (found.loudness_range, r"LRA: +(\S+) LU\n"),
        (found.true_peak, r"Peak: +(\S+) dBFS"),
    ):  # fmt: skip
        match = re.search(pattern, said)
        assert match is not None
        assert value == float(match[1])
    # For a third of the time one of two channels goes to 1.5 and is cut wherever its sine is above 2/3.
    assert found.clipped == pytest.approx((1 - 2 * math.asin(2 / 3) / math.pi) / 6, abs=0.002)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=duration=3", sound)
    finished = run(commands.sound_command(str(sound), ffmpeg_path=ffmpeg_path(), channels=2, seconds=100), tmp_path)
    found = figures.heard(finished.errors, 3)
    assert (found.loudness, found.loudness_range, found.true_peak, found.clipped) == (None, None, None, 0)
    (silence,) = figures.stretches((tmp_path / commands.SILENCE).read_text("utf-8"), 3.0)
    assert silence == ("silent", 0.0, 3.0)

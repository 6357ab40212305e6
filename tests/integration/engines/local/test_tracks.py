"""Which tracks of a source are heard: real files from probe to encode."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tones import heard
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.ffmpeg.process import run_process
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import parse_profile

pytestmark = pytest.mark.integration

PROFILE = "description: one quick rung\npreset: ultrafast\nrungs: [{name: 72p, height: 96, bitrate: 100k}]\n"
TONES = (400, 700, 1000, 1300, 1600, 1900)

Publish = Callable[..., tuple[TranscodePlan, Path]]


def picture(width: int = 128, seconds: float = 2) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={width}x96:rate=25:duration={seconds}"]


def tone(hertz: int, seconds: float = 2) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000:duration={seconds}"]


def make(path: Path, *arguments: str) -> Path:
    argv = [ffmpeg_path(), "-v", "error", "-y", *arguments, str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """``publish(source)``: its plan, and the file of its main sound."""

    def go(source: Path, audio: str = "{}") -> tuple[TranscodePlan, Path]:
        size = source.stat().st_size
        profile = parse_profile(f"{PROFILE}audio: {audio}\n", Path("quick.yaml"))
        plan = make_plan(
            SourceRef(bucket="b", key=source.name, version="1", size=size),
            probe(str(source), size, 60),
            profile,
            tenant="demo",
            video="clip",
        )
        paths = EncodePaths(source, tmp_path / "tracks", tmp_path / "outputs")
        paths.tracks.mkdir()
        (paths.outputs / "thumbnails").mkdir(parents=True)
        finished = run_process(encode_command(plan, paths, ffmpeg_path()))
        assert finished.code == 0, finished.errors
        return plan, paths.track(plan.audio[0])

    return go


@pytest.fixture
def multiplex(tmp_path: Path) -> Path:
    """Programmes 7 (a small picture, 400 Hz) and 9 (a large picture, 700 Hz)."""
    inputs = [*picture(128), *tone(400), *picture(256), *tone(700)]
    maps = [word for stream in range(4) for word in ("-map", str(stream))]
    programs = ["-program", "program_num=7:title=One:st=0:st=1", "-program", "program_num=9:title=Two:st=2:st=3"]
    return make(tmp_path / "multiplex.ts", *inputs, *maps, "-c:v", "mpeg2video", "-c:a", "mp2", *programs)


def test_picture_and_sound_of_the_richer_programme(publish: Publish, multiplex: Path) -> None:
    plan, sound = publish(multiplex)
    assert (plan.media.video.width, heard(sound, TONES, 0.5)) == (256, [{700}, {700}])
    assert [item.message for item in plan.warnings if item.code == "program_left_out"] == [
        "Programme 7 (One) of the transport stream is not published; programme 9 (Two) is."
    ]

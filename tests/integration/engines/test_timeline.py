"""Pictures and sound stay together as in the source, whatever happens to its time stamps: measured at every second."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.clips import clip
from support.encoded import encoded
from support.flash_and_beep import offsets
from vodflow.contract.plan import Output
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.verification import DirectoryStore, verify

pytestmark = pytest.mark.integration

#: Milliseconds by which the published offset may differ from the source's: a frame of sound, less than one of pictures.
FRAME = 1024 / 48


def published(source: Path, folder: Path) -> Path:
    """The MP4 that the local engine makes of a file; the verifier finds it in sync."""
    plan, outputs = encoded(source, folder, Output.MP4)
    assert "sync" in verify(plan, "", "", DirectoryStore(outputs), str(source)).rules
    return next((outputs / "mp4").iterdir())


def assert_kept(source: Path, folder: Path, heard: int = 6) -> None:
    before, after = offsets(source), offsets(published(source, folder))
    assert len(before) == heard, before
    assert after == pytest.approx(before, abs=FRAME), (before, after)


@pytest.mark.parametrize(
    "name",
    [
        "synced",
        "lost_mkv",
        "lost_ts",
        "lost_often_mkv",
        "lost_often_ts",
        "fragmented",
        "text_first",
        "text_before",
        "text_long_before",
        "text_after",
        "timed_text_first",
        "timecode_first",
        "unused_sound_first_mkv",
        "unused_sound_first_ts",
        "stale_flv",
        "stale_mkv",
        "stale_long_mkv",
        "stale_mp4",
        "stale_avi",
    ],
)
def test_offsets_are_those_of_the_source(name: str, tmp_path: Path) -> None:
    assert_kept(clip(name), tmp_path)


def retimed(path: Path, expression: str, sound: str = "pcm_s16le") -> Path:
    """The synced clip with other time stamps of its sound.

    :param expression: seconds that are added, of ``T``, the seconds of a packet
    """
    argv = [ffmpeg_path(), "-v", "error", "-y", "-i", str(clip("synced")), "-c:v", "copy", "-c:a", sound]
    moved = f"setts=ts='TS+({expression.replace('T', '(TS*TB)')})/TB'"
    subprocess.run([*argv, "-bsf:a", moved, str(path)], check=True, timeout=60)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
@pytest.mark.parametrize("milliseconds", [10, 25, 50, 150, 2000])
def test_gaps_of_any_length(milliseconds: int, suffix: str, tmp_path: Path) -> None:
    sound = "pcm_s16le" if suffix == ".mkv" else "aac"
    # A gap of whole seconds, so that beeps and flashes meet again.
    source = retimed(tmp_path / f"gap{suffix}", f"gt(T,1.9)*{milliseconds / 1000}", sound)
    assert_kept(source, tmp_path, heard=4 if milliseconds == 2000 else 6)


@pytest.mark.parametrize("milliseconds", [30, 150])
def test_overlaps(milliseconds: int, tmp_path: Path) -> None:
    assert_kept(retimed(tmp_path / "overlap.mkv", f"-gt(T,1.9)*{milliseconds / 1000}"), tmp_path)


@pytest.mark.parametrize("share", [0.01, -0.01, 0.002])
@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_time_stamps_that_drift(share: float, suffix: str, tmp_path: Path) -> None:
    assert_kept(retimed(tmp_path / f"drift{suffix}", f"T*{share}"), tmp_path)


@pytest.mark.parametrize("seconds", [0.04, 0.37, 1.7])
def test_late_sound(seconds: float, tmp_path: Path) -> None:
    assert_kept(retimed(tmp_path / "late.mkv", str(seconds)), tmp_path, heard=4 if seconds > 1 else 6)


@pytest.mark.parametrize("name", ["paused_sound", "paused_pictures"])
def test_a_long_pause_of_one_track_is_no_jump_of_the_clock(name: str, tmp_path: Path) -> None:
    assert_kept(clip(name), tmp_path, heard=4)


def test_sound_that_begins_after_the_usual_look_at_a_file_is_found(tmp_path: Path) -> None:
    assert_kept(clip("very_late_sound"), tmp_path, heard=3)

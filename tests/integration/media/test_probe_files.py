"""The real ffprobe and FFmpeg on real files, good and bad."""

from __future__ import annotations

import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from support.clips import clip
from support.dolby_vision import mark
from vodflow.contract.media_info import MediaInfo
from vodflow.errors import (
    ErrorClass,
    InputRejected,
    RejectionReason,
    ResourceError,
    SourceNotFound,
    SourceUnavailable,
    VodflowError,
)
from vodflow.ffmpeg.tools import ffmpeg_path, was_stopped
from vodflow.media import frame_rate
from vodflow.media import probe as probe_module
from vodflow.media.probe import probe
from vodflow.planning.timing import output_rate

pytestmark = pytest.mark.integration
TIMEOUT = 60.0


def facts(path: Path) -> MediaInfo:
    return probe(str(path), path.stat().st_size, TIMEOUT)


@pytest.mark.parametrize(
    ("name", "shown", "rate", "duration", "sound"),
    [
        ("plain", (1280, 720), Fraction(25), 4.0, ["stereo"]),
        ("index_last", (1280, 720), Fraction(25), 4.0, ["stereo"]),
        ("stream", (1280, 720), Fraction(25), 4.0, ["stereo"]),
        ("flv", (1280, 720), Fraction(25), 4.0, ["stereo"]),
        ("surround", (1920, 1080), Fraction(24), 3.0, ["5.1"]),
        ("portrait", (360, 640), Fraction(25), 2.0, ["mono"]),
        ("upside_down", (640, 360), Fraction(25), 2.0, ["mono"]),
        ("interlaced", (720, 576), Fraction(25), 2.0, ["mono"]),
        ("silent", (640, 360), Fraction(30000, 1001), 2.0, []),
        ("anamorphic", (1024, 576), Fraction(25), 2.0, ["mono"]),
        ("odd", (853, 479), Fraction(25), 2.0, ["mono"]),
        ("fast", (1280, 720), Fraction(60), 2.0, ["mono"]),
        ("hdr", (640, 360), Fraction(25), 2.0, ["mono"]),
        ("two_languages", (640, 360), Fraction(25), 2.0, ["mono", "mono"]),
        ("timecode", (640, 360), Fraction(25), 2.0, ["mono"]),
        ("late_start", (640, 360), Fraction(25), 2.0, ["mono"]),
        ("no_duration", (640, 360), Fraction(25), 2.0, ["mono"]),
    ],
)
def test_whole_files(name: str, shown: tuple[int, int], rate: Fraction, duration: float, sound: list[str]) -> None:
    info = facts(clip(name))
    assert (info.video.display_width, info.video.display_height) == shown
    assert info.video.fps == rate
    assert not info.video.variable_frame_rate
    assert info.duration == pytest.approx(duration, abs=0.1)
    assert [track.layout for track in info.audio] == sound
    assert info.size == clip(name).stat().st_size


def test_details_that_change_the_plan() -> None:
    assert facts(clip("portrait")).video.rotation == 90
    assert facts(clip("upside_down")).video.rotation == 180
    assert facts(clip("interlaced")).video.interlaced
    assert facts(clip("hdr")).video.hdr
    assert facts(clip("captioned")).video.closed_captions
    assert not facts(clip("plain")).video.closed_captions
    assert facts(clip("vfr")).video.variable_frame_rate
    assert facts(clip("late_start")).video.start == pytest.approx(3600, abs=5)
    languages = facts(clip("two_languages"))
    assert [track.language for track in languages.audio] == ["eng", "fra"]
    assert [(track.codec, track.language) for track in languages.captions] == [("subrip", "fra")]


@pytest.mark.parametrize(
    ("name", "suffix", "rate"),
    [
        ("lively", ".mp4", "30"),
        ("lively", ".mkv", "30"),
        ("lively", ".ts", "30"),
        ("lively", ".flv", "30"),
        ("slides", ".mp4", "30"),
        ("jittered", ".mkv", "30000/1001"),
        ("vfr", ".mp4", "30"),
    ],
)
def test_the_rate_carries_the_densest_second(name: str, suffix: str, rate: str, tmp_path: Path) -> None:
    path = tmp_path / f"copy{suffix}"
    argv = [ffmpeg_path(), "-v", "error", "-i", clip(name), "-map", "0:v", "-c", "copy", path]
    subprocess.run(argv, check=True, timeout=60)
    video = facts(path).video
    assert str(output_rate(video.fps, variable=video.variable_frame_rate)) == rate


@pytest.mark.parametrize(("promised", "suffix"), [("120", ".mkv"), ("60", ".mkv"), ("30", ".mkv"), ("120", ".mov")])
def test_a_header_that_promises_more_frames_than_there_are(promised: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"copy{suffix}"
    argv = [ffmpeg_path(), "-v", "error", "-i", clip("plain"), "-c", "copy", "-r", promised, path]
    subprocess.run(argv, check=True, timeout=60)
    video = facts(path).video
    assert str(output_rate(video.fps, variable=video.variable_frame_rate)) == "25"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("profile", "below", "taken"), [(5, 0, None), (10, 0, None), (8, 1, "8.1"), (8, 4, "8.4"), (7, 6, "7.6")]
)
def test_dolby_vision(profile: int, below: int, taken: str | None, suffix: str, tmp_path: Path) -> None:
    marked, path = tmp_path / "marked.mp4", tmp_path / f"copy{suffix}"
    mark(clip("hdr"), marked, profile, below)
    argv = [ffmpeg_path(), "-v", "error", "-i", marked, "-c", "copy", "-strict", "unofficial", path]
    subprocess.run(argv, check=True, timeout=60)
    if taken:
        assert facts(path).video.dolby_vision == taken
    else:
        with pytest.raises(InputRejected, match=rf"Dolby Vision profile {profile}:") as caught:
            facts(path)
        assert caught.value.reason is RejectionReason.UNDECODABLE


def test_of_a_large_file_parts_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "lively.mkv"
    subprocess.run([ffmpeg_path(), "-v", "error", "-i", clip("lively"), "-c", "copy", path], check=True, timeout=60)
    monkeypatch.setattr(frame_rate, "_AFFORDED", 0)
    assert facts(path).video.fps == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize("name", ["stale_flv", "stale_mkv", "stale_long_mkv", "stale_mp4", "stale_avi"])
def test_the_measured_length_decides(name: str) -> None:
    info = facts(clip(name))
    assert (info.duration, info.video.duration) == pytest.approx((6.0, 6.0), abs=0.15)
    assert info.audio[0].duration == pytest.approx(6.0, abs=0.15)


@pytest.mark.parametrize("share", [0.1, 0.6])
@pytest.mark.parametrize("name", ["stale_long_mkv", "stale_mkv", "stale_avi"])
def test_a_stale_duration_hides_no_cut(name: str, share: float, tmp_path: Path) -> None:
    cut = tmp_path / clip(name).name
    data = clip(name).read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputRejected) as caught:
        facts(cut)
    assert caught.value.reason == RejectionReason.TRUNCATED


def test_a_part_of_a_transport_stream_is_a_shorter_video() -> None:
    assert facts(clip("truncated_ts")).duration == pytest.approx(2.5, abs=0.3)


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("empty", RejectionReason.EMPTY, "no bytes"),
        ("text", RejectionReason.NOT_A_VIDEO, "not in any known video format"),
        ("picture", RejectionReason.NOT_A_VIDEO, "not in any known video format"),
        ("archive", RejectionReason.NOT_A_VIDEO, "not in any known video format"),
        ("playlist", RejectionReason.NOT_A_VIDEO, "not in any known video format"),
        ("audio_only", RejectionReason.NO_VIDEO_TRACK, "sound only"),
        ("cover_art", RejectionReason.NO_VIDEO_TRACK, "cover art"),
        ("truncated", RejectionReason.TRUNCATED, "mdat box ends at byte"),
        ("truncated_no_index", RejectionReason.TRUNCATED, "mdat box ends at byte"),
        ("truncated_mkv", RejectionReason.TRUNCATED, "Matroska segment ends at byte"),
        ("truncated_flv", RejectionReason.TRUNCATED, "its end is missing"),
        ("open_ended", RejectionReason.TRUNCATED, "its end is missing"),
        ("undecodable", RejectionReason.UNDECODABLE, "No frame of the video track \\(h264\\)"),
        ("unknown_codec", RejectionReason.UNDECODABLE, "zzzz"),
    ],
)
def test_bad_files_are_refused_by_name(name: str, reason: RejectionReason, words: str) -> None:
    with pytest.raises(InputRejected, match=words) as caught:
        facts(clip(name))
    assert caught.value.reason == reason
    assert not caught.value.retryable
    assert "0x" not in caught.value.detail


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["plain", "index_last", "two_languages"])
def test_wherever_a_file_is_cut(name: str, share: float, tmp_path: Path) -> None:
    data = clip(name).read_bytes()
    cut = tmp_path / clip(name).name
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputRejected) as caught:
        facts(cut)
    assert caught.value.reason == RejectionReason.TRUNCATED


@pytest.mark.parametrize("name", ["a:b %41.mp4", "-version.mp4", "http:video.mp4", "Ünï+cödé 日本.mp4", "a|b'c\"d.mp4"])
def test_any_file_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(clip("small").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(name, clip("small").stat().st_size, TIMEOUT).duration == pytest.approx(2.0, abs=0.1)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="does not exist"):
        probe(str(tmp_path / "gone.mp4"), 1000, TIMEOUT)


def test_a_file_shorter_than_registered_was_overwritten() -> None:
    with pytest.raises(SourceNotFound, match="overwritten"):
        probe(str(clip("small")), clip("small").stat().st_size + 100_000, TIMEOUT)


def test_a_folder_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        probe(str(tmp_path), 1000, TIMEOUT)


def test_too_slow_is_worth_another_try() -> None:
    with pytest.raises(SourceUnavailable, match="could not be examined within") as caught:
        probe(str(clip("plain")), clip("plain").stat().st_size, 0.001)
    assert caught.value.retryable
    assert caught.value.error_class == ErrorClass.TRANSIENT


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("kill -9 $$", ResourceError),
        ("kill -15 $$", SourceUnavailable),
        ("echo '[mov] [error] Cannot allocate memory' >&2; exit 1", ResourceError),
    ],
)
def test_a_stopped_ffprobe_is_worth_another_try(
    script: str, kind: type[VodflowError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (program := tmp_path / "ffprobe").write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(probe_module, "ffprobe_path", lambda: str(program))
    with pytest.raises(kind, match=r"killed|ran short") as caught:
        facts(clip("plain"))
    assert caught.value.retryable


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_ffmpeg_is_told_from_one_that_refuses_its_input(number: signal.Signals) -> None:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "-"]
    argv += ["-progress", "pipe:1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert was_stopped(process.returncode, errors.decode())
    refused = subprocess.run([ffmpeg_path(), "-v", "error", "-i", __file__], capture_output=True, check=False)
    assert not was_stopped(refused.returncode, refused.stderr.decode())

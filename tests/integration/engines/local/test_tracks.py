"""Which tracks of a source are heard: real files from probe to encode."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from support.tones import heard, level, samples
from vodflow.contract.media_info import OtherTrack
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.errors import InputRejected, RejectionReason
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
        folder = tmp_path / uuid4().hex
        paths = EncodePaths(source, folder / "tracks", folder / "outputs")
        paths.tracks.mkdir(parents=True)
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


def renamed(path: Path, tag: bytes, *codecs: str) -> Path:
    """An MP4 with 400, 700, … Hz; its AC-3 tracks bear another name, which no decoder answers to."""
    inputs = [*picture(), *(word for place in range(len(codecs)) for word in tone(400 + 300 * place))]
    maps = [word for stream in range(len(codecs) + 1) for word in ("-map", str(stream))]
    coded = [word for place, codec in enumerate(codecs) for word in (f"-c:a:{place}", codec)]
    make(path, *inputs, *maps, "-c:v", "mpeg4", *coded)
    path.write_bytes(path.read_bytes().replace(b"ac-3", tag))
    return path


@pytest.mark.parametrize("tag", [b"ac-4", b"xyz1"])
def test_another_track_is_taken_where_one_has_no_decoder(publish: Publish, tmp_path: Path, tag: bytes) -> None:
    plan, sound = publish(renamed(tmp_path / "source.mp4", tag, "ac3", "aac"))
    assert heard(sound, TONES, 0.5) == [{700}, {700}]
    (other,) = plan.media.others
    assert (other.index, other.kind) == (1, "audio")
    assert [(item.code, item.track) for item in plan.warnings] == [("audio_left_out", 1)]


@pytest.mark.parametrize(
    ("tag", "codecs", "words"),
    [(b"ac-4", ["ac3"], r"track 1 \(ac4\): no decoder"), (b"xyz1", ["ac3", "ac3"], r"track 1 .*track 2 ")],
)
def test_sound_without_any_decoder_is_refused_by_name(
    tmp_path: Path, tag: bytes, codecs: list[str], words: str
) -> None:
    path = renamed(tmp_path / "source.mp4", tag, *codecs)
    with pytest.raises(InputRejected, match=words) as raised:
        probe(str(path), path.stat().st_size, 60)
    assert raised.value.reason is RejectionReason.UNDECODABLE_AUDIO


def test_sound_of_noise_is_left_out_or_refused(publish: Publish, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", *picture(), *tone(400), "-c:v", "mpeg4", "-c:a", "aac")
    maps = ["-map", "0:v", "-map", "0:a", "-c", "copy", "-bsf:a:0", "noise=amount=1"]
    noise = make(tmp_path / "noise.mp4", "-i", str(whole), *maps)
    with pytest.raises(InputRejected, match="No sound of the file can be decoded") as raised:
        probe(str(noise), noise.stat().st_size, 60)
    assert raised.value.reason is RejectionReason.UNDECODABLE_AUDIO
    beside = make(tmp_path / "beside.mp4", "-i", str(whole), *maps, "-map", "0:a")
    plan, sound = publish(beside)
    assert plan.media.others == (OtherTrack(index=1, kind="audio", codec="aac"),)
    assert heard(sound, TONES, 0.5) == [{400}, {400}]


def test_sound_that_begins_late_or_never_is_no_damage(tmp_path: Path) -> None:
    late = ["-itsoffset", "8", *tone(400)]
    path = make(
        tmp_path / "late.mkv", *picture(seconds=10), *late, "-map", "0", "-map", "1", "-c:v", "mpeg4", "-c:a", "aac"
    )
    info = probe(str(path), path.stat().st_size, 60)
    assert ([track.index for track in info.audio], info.others) == ([1], ())


@pytest.mark.parametrize("keep", [0, 20])
def test_a_track_that_holds_nothing_or_little_is_silence(publish: Publish, tmp_path: Path, keep: int) -> None:
    coded = ["-c:v", "mpeg4", "-c:a", "aac", "-bsf:a", f"noise=drop='gte(n,{keep})'"]
    _, sound = publish(make(tmp_path / "empty.mkv", *picture(), *tone(400), *coded))
    left, _ = samples(sound)
    assert level(left, 400, 0.1, 0.2) == pytest.approx(0.125 if keep else 0, abs=0.02)
    assert level(left, 400, 1.5) < 0.001
    assert len(left) / 16_000 == pytest.approx(2, abs=0.1)


def mono_tracks(path: Path, count: int, *options: str, lengths: tuple[float, ...] = ()) -> Path:
    """Mono tracks of 400, 700, … Hz, PCM unless the options say otherwise."""
    video = "mpeg2video" if path.suffix == ".mxf" else "mpeg4"
    inputs = picture()
    for place in range(count):
        inputs += tone(400 + 300 * place, lengths[place] if lengths else 2)
    maps = [word for stream in range(count + 1) for word in ("-map", str(stream))]
    return make(path, *inputs, *maps, "-c:v", video, "-c:a", "pcm_s16le", *options)


@pytest.mark.parametrize(("name", "count"), [("two.mov", 2), ("two.mkv", 2), ("four.mxf", 4)])
def test_left_and_right_as_two_mono_tracks(publish: Publish, tmp_path: Path, name: str, count: int) -> None:
    plan, sound = publish(mono_tracks(tmp_path / name, count))
    assert heard(sound, TONES, 0.5) == [{400}, {700}]
    said = next(item for item in plan.warnings if item.code == "mono_tracks_joined")
    assert said.message.startswith("Audio tracks 1, 2 (mono) are heard as stereo;")
    left_out = [item.track for item in plan.warnings if item.code == "audio_left_out"]
    assert left_out == list(range(3, count + 1))


def test_labels_say_which_side_is_which(publish: Publish, tmp_path: Path) -> None:
    sides = ["-filter:a:0", "aformat=channel_layouts=FR", "-filter:a:1", "aformat=channel_layouts=FL"]
    plan, sound = publish(mono_tracks(tmp_path / "labelled.mov", 2, *sides))
    assert plan.audio[0].mono_sources == (2, 1)
    assert heard(sound, TONES, 0.5) == [{700}, {400}]
    assert level(samples(sound)[0], 700, 0.5) == pytest.approx(0.125, rel=0.05)


@pytest.mark.parametrize(
    "options",
    [
        ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"],
        ["-disposition:a:1", "comment"],
        ["-metadata:s:a:1", "title=Director's commentary"],
    ],
)
def test_two_mono_tracks_of_their_own_are_no_pair(publish: Publish, tmp_path: Path, options: list[str]) -> None:
    _, sound = publish(mono_tracks(tmp_path / "own.mkv", 2, *options))
    assert heard(sound, TONES, 0.5) == [{400}, {400}]


def test_tracks_of_different_lengths_are_no_pair(publish: Publish, tmp_path: Path) -> None:
    _, sound = publish(mono_tracks(tmp_path / "lengths.mov", 2, lengths=(2, 1.5)))
    assert heard(sound, TONES, 0.5) == [{400}, {400}]


def test_dual_mono_stays_on_both_sides(publish: Publish, tmp_path: Path) -> None:
    tones = [*picture(), *tone(400), *tone(400), "-map", "0", "-map", "1", "-map", "2"]
    _, sound = publish(make(tmp_path / "dual.mov", *tones, "-c:v", "mpeg4", "-c:a", "pcm_s16le"))
    left, right = (level(side, 400, 0.5) for side in samples(sound))
    assert left == pytest.approx(right, rel=0.05) == pytest.approx(0.125, rel=0.05)


def test_the_profile_says_what_mono_tracks_are(publish: Publish, tmp_path: Path) -> None:
    source = mono_tracks(tmp_path / "six.mov", 6)
    _, sound = publish(source, "{mono_tracks: surround}")
    # L C Ls and R C Rs; the LFE is left out.
    assert heard(sound, TONES, 0.5) == [{400, 1000, 1600}, {700, 1000, 1900}]
    _, sound = publish(source, "{mono_tracks: separate}")
    assert heard(sound, TONES, 0.5) == [{400}, {400}]

"""The sound that comes out, measured: downmix levels and time."""

from __future__ import annotations

import re
import subprocess
from math import log10
from pathlib import Path

import pytest
from support.engine_plans import written_plan
from support.tones import heard, level, recording, samples
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.ffmpeg.process import run_process
from vodflow.ffmpeg.progress import EncodeProgress, Reporter
from vodflow.ffmpeg.tools import ffmpeg_path

pytestmark = pytest.mark.integration

SMALL = (("360p", 128, 72, 100_000),)
SIZE = {"width": 128, "height": 72, "display_width": 128, "display_height": 72}
#: Channels of 5.1 in stream order, and the gains into left and right of ITU-R BS.775, normalised.
CHANNELS = ("FL", "FR", "FC", "LFE", "BL", "BR")
GAINS = {
    "FL": (0.4142, 0.0),
    "FR": (0.0, 0.4142),
    "FC": (0.2929, 0.2929),
    "LFE": (0.0, 0.0),
    "BL": (0.2929, 0.0),
    "BR": (0.0, 0.2929),
}
#: Peak of the tone in its channel.
LEVEL = 0.5


def encode(source: Path, plan: TranscodePlan, folder: Path) -> EncodePaths:
    paths = EncodePaths(source, folder / "tracks", folder / "outputs")
    paths.tracks.mkdir()
    finished = run_process(encode_command(plan, paths, ffmpeg_path()))
    assert finished.code == 0, finished.errors
    return paths


def make(path: Path, *arguments: str) -> None:
    argv = [ffmpeg_path(), "-v", "error", "-y", *arguments, "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(path)]
    subprocess.run(argv, check=True, timeout=60)


def peaks(path: Path) -> list[float]:
    """Peak of each channel as a share of full scale, away from the ends."""
    argv = [ffmpeg_path(), "-hide_banner", "-ss", "0.5", "-t", "1", "-i", str(path), "-af", "astats", "-f", "null", "-"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stderr
    found = re.findall(r"Channel: \d+.*?Peak level dB: (\S+)", said, flags=re.DOTALL)
    return [0.0 if level == "-inf" else 10 ** (float(level) / 20) for level in found]


@pytest.mark.parametrize("channel", CHANNELS)
def test_5_1_is_mixed_down_with_the_coefficients_of_bs_775(tmp_path: Path, channel: str) -> None:
    tones = "|".join(f"{LEVEL}*sin(2*PI*1000*t)" if name == channel else "0" for name in CHANNELS)
    source = tmp_path / "source.mkv"
    make(
        source, "-f", "lavfi", "-i", "color=size=128x72:rate=24:duration=2",
        "-f", "lavfi", "-i", f"aevalsrc='{tones}':channel_layout=5.1:sample_rate=48000:duration=2",
    )  # fmt: skip
    plan = written_plan(ladder=SMALL, duration=2.0, thumbnails=None, **SIZE)
    left, right = peaks(encode(source, plan, tmp_path).track(plan.audio[0]))
    for measured, gain in zip((left, right), GAINS[channel], strict=True):
        if gain:
            assert 20 * log10(measured / (LEVEL * gain)) == pytest.approx(0.0, abs=0.5)
        else:
            assert measured < LEVEL * 0.01


def test_full_scale_in_every_channel_does_not_clip(tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    tones = "|".join(["0.99*sin(2*PI*1000*t)"] * 6)
    make(
        source, "-f", "lavfi", "-i", "color=size=128x72:rate=24:duration=2",
        "-f", "lavfi", "-i", f"aevalsrc='{tones}':channel_layout=5.1:sample_rate=48000:duration=2",
    )  # fmt: skip
    plan = written_plan(ladder=SMALL, duration=2.0, thumbnails=None, **SIZE)
    assert max(peaks(encode(source, plan, tmp_path).track(plan.audio[0]))) <= 1.02


@pytest.mark.parametrize(("late", "expected"), [("audio", 0.8), ("video", 0.0)])
def test_a_late_track_stays_in_its_place(tmp_path: Path, late: str, expected: float) -> None:
    picture = ["-f", "lavfi", "-i", "color=size=128x72:rate=24:duration=2"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000:duration=2"]
    delay = ["-itsoffset", "0.8"]
    source = tmp_path / "source.mkv"
    first, second = (picture, [*delay, *sound]) if late == "audio" else ([*delay, *picture], sound)
    make(source, *first, *second, "-map", "0:v", "-map", "1:a")
    plan = written_plan(ladder=SMALL, duration=2.8, thumbnails=None, sound=(1, "mono"), **SIZE)
    paths = encode(source, plan, tmp_path)
    assert sound_starts(paths.track(plan.audio[0])) == pytest.approx(expected, abs=0.03)
    ends = {track: length(paths.track(track)) for track in (plan.renditions[0], plan.audio[0])}
    assert ends[plan.renditions[0]] == pytest.approx(2.0 if late == "audio" else 2.8, abs=0.05)
    # Where the sound ends first, there is silence up to the end.
    assert ends[plan.audio[0]] == pytest.approx(2.8, abs=0.05)


def sound_starts(path: Path) -> float:
    argv = [ffmpeg_path(), "-hide_banner", "-i", str(path), "-af", "silencedetect=noise=-40dB:d=0.1", "-f", "null", "-"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stderr
    found = re.search(r"silence_start: (-?[\d.]+).*?silence_end: ([\d.]+)", said, flags=re.DOTALL)
    return float(found[2]) if found and float(found[1]) < 0.05 else 0.0


def length(path: Path) -> float:
    said = subprocess.run([ffmpeg_path(), "-i", str(path)], capture_output=True, text=True, timeout=60, check=False)
    hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", said.stderr)[0]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


#: Channels, layout and sample rate of a recording's parts, a second each.
CHANGES = {
    "5.1-stereo": ((6, "5.1(side)", 48_000), (2, "stereo", 48_000), (6, "5.1(side)", 48_000)),
    "rates": ((2, "stereo", 48_000), (2, "stereo", 44_100), (2, "stereo", 32_000)),
    "mono-5.1-44.1": ((1, "mono", 48_000), (6, "5.1(side)", 44_100), (2, "stereo", 48_000)),
}


@pytest.mark.parametrize(("name", "codec"), [*((name, "ac3") for name in CHANGES), ("5.1-stereo", "aac")])
def test_sound_that_changes_in_the_middle_is_converted_part_by_part(tmp_path: Path, name: str, codec: str) -> None:
    source = tmp_path / "source.ts"
    recording(source, CHANGES[name], codec)
    plan = written_plan(ladder=SMALL, rate="25/1", duration=3.0, thumbnails=None, sound=CHANGES[name][0][:2], **SIZE)
    track = encode(source, plan, tmp_path).track(plan.audio[0])
    assert length(track) == pytest.approx(3.0, abs=0.1)
    sides = samples(track)
    for second, (channels, _, _) in enumerate(CHANGES[name]):
        tones = {400, 700} if channels == 1 else {400}, {400, 700} if channels == 1 else {700}
        assert heard(track, (400, 700), second + 0.3) == list(tones)
        gain = {1: 0.7071, 2: 1.0, 6: GAINS["FL"][0]}[channels]
        # Parts overlap by what is left of their last packets, which is played away at a pitch up to 2 % off.
        pitches = (400 * (1 + share / 400) for share in range(-8, 9))
        assert max(level(sides[0], pitch, second + 0.3) for pitch in pitches) == pytest.approx(0.4 * gain, rel=0.2)
        # In its place: silence before and after each part's tones.
        assert level(sides[0], 400, second + 0.05, 0.1) < 0.02
        assert level(sides[0], 400, second + 0.22, 0.1) > 0.2 * gain
        assert level(sides[0], 400, second + 0.87, 0.1) < 0.02


def test_an_encode_says_how_far_it_is_before_its_sound_has_ended(tmp_path: Path) -> None:
    """FFmpeg's own report waits for every output to begin, and one begins with the end of the sound."""
    source = tmp_path / "source.mkv"
    make(
        source, "-f", "lavfi", "-i", "testsrc2=size=128x72:rate=24:duration=8",
        "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000:duration=8",
    )  # fmt: skip
    plan = written_plan(ladder=SMALL, duration=8.0, thumbnails=None, sound=(1, "mono"), **SIZE)
    paths = EncodePaths(source, tmp_path / "tracks", tmp_path / "outputs")
    paths.tracks.mkdir()
    told: list[float] = []
    progress = EncodeProgress(plan.media.duration, Reporter(None))

    def hear(line: str) -> bool:
        moved = progress(line)
        if moved and line.startswith("encoded="):
            told.append(float(line.removeprefix("encoded=")))
        return moved

    assert run_process(encode_command(plan, paths, ffmpeg_path()), hear).code == 0
    assert told == sorted(told)
    assert (told[0] < 1, told[-1] > 7, len(told) > 40) == (True, True, True)


def test_a_late_sound_does_not_keep_the_pictures_waiting_in_memory() -> None:
    plan = written_plan(ladder=SMALL, sound=(2, "stereo"), **SIZE)
    argv = encode_command(plan, EncodePaths(Path("in"), Path("tracks"), Path("out")), ffmpeg_path())
    graphs = [argv[place + 1] for place, word in enumerate(argv) if word == "-filter_complex"]
    assert ["[0:0]" in graph for graph in graphs] == [True, False]

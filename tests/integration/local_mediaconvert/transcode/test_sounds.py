"""Sound: selectors, remixing, loudness, codecs, measured on the decoded outputs."""

from __future__ import annotations

import re
import subprocess
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from local_mediaconvert.transcode import ErrorCode, JobFailed
from support.tones import heard, recording
from support.transcode_jobs import TranscodeBench, probe, stream
from support.transcode_settings import aac, group, job, output, source, video
from vodflow.ffmpeg.tools import ffmpeg_path

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transport stream: English 400 Hz left and 800 Hz right, French 1600 Hz on both sides, at -20 dBFS."""
    path = tmp_path_factory.mktemp("tones") / "tones.ts"
    sides = ("0.1*sin(2*PI*400*t)|0.1*sin(2*PI*800*t)", "0.1*sin(2*PI*1600*t)|0.1*sin(2*PI*1600*t)")
    sounds = [item for side in sides for item in ("-f", "lavfi", "-i", f"aevalsrc={side}:d=2:s=48000:c=stereo")]
    picture = ["-f", "lavfi", "-i", "color=s=64x64:r=25:d=2"]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-b:a", "192k", str(path)]
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *picture, *sounds, *maps, *coded]
    subprocess.run(argv, check=True, timeout=60)
    return path


def hertz(path: Path, channel: int = 0, track: int = 0) -> float:
    """The frequency of a tone, from its zero crossings; 0 for silence."""
    argv = [ffmpeg_path(), "-v", "error", "-i", str(path), "-map", f"0:a:{track}", "-af", f"pan=mono|c0=c{channel}"]
    done = subprocess.run([*argv, "-ar", "48000", "-f", "s16le", "-"], capture_output=True, check=True, timeout=60)
    samples = array("h", done.stdout)[24_000:72_000]  # a second from the middle
    crossings = sum(1 for before, after in pairwise(samples) if before < 0 <= after)
    return crossings if max(samples) > 50 else 0.0


def selected(uri: str, **selectors: dict[str, Any]) -> dict[str, Any]:
    return source(uri, AudioSelectors={name.replace("_", " "): item for name, item in selectors.items()})


def test_selectors_find_tracks(transcoder: TranscodeBench, tones: Path, tmp_path: Path) -> None:
    uri = transcoder.put("tones", tones)
    part = selected(
        uri,
        first={"DefaultSelection": "DEFAULT"},
        track={"SelectorType": "TRACK", "Tracks": [2]},
        language={"SelectorType": "LANGUAGE_CODE", "LanguageCode": "FRA"},
        pid={"SelectorType": "PID", "Pids": [258]},
        both={"Tracks": [1, 2]},
        late={"Tracks": [1], "Offset": 1500},
        turned={
            "Tracks": [1],
            "RemixSettings": {
                "ChannelsIn": 2,
                "ChannelsOut": 2,
                "ChannelMapping": {"OutputChannels": [{"InputChannels": [-60, 0]}, {"InputChannels": [0, -60]}]},
            },
        },
    ) | {"AudioSelectorGroups": {"all": {"AudioSelectorNames": ["first", "language"]}}}
    names = ["first", "track", "language", "pid", "both", "late", "turned", "nowhere", "all"]
    wav = {"CodecSettings": {"Codec": "WAV", "WavSettings": {}}}
    outputs = [output(f"_{name}", "MOV", None, wav | {"AudioSourceName": name}) for name in names]
    transcoder.run(job(part, group(transcoder.bucket, "FILE", *outputs)))
    files = {path.stem.rpartition("_")[2]: path for path in transcoder.fetch(tmp_path).glob("*.mov")}
    heard = {name: round(hertz(path), -1) for name, path in files.items()}
    assert heard == {
        "first": 400, "track": 1600, "language": 1600, "pid": 1600, "both": 400, "turned": 800, "late": 0,
        "nowhere": 400, "all": 400,
    }  # fmt: skip
    assert stream(files["both"], "audio")["channels"] == 4
    assert round(hertz(files["both"], channel=2), -1) == 1600
    assert [item["codec_type"] for item in probe(files["all"])["streams"]] == ["audio", "audio"]
    assert round(hertz(files["all"], track=1), -1) == 1600


CODECS: dict[str, tuple[str, dict[str, Any], str, str, int]] = {
    "aac": ("AacSettings", {"Bitrate": 64_000, "CodingMode": "CODING_MODE_1_0", "SampleRate": 44_100}, "RAW", "aac", 1),
    "he": (
        "AacSettings",
        {"CodecProfile": "HEV1", "Bitrate": 64_000, "CodingMode": "CODING_MODE_2_0"},
        "MP4",
        "aac",
        2,
    ),
    "ac3": ("Ac3Settings", {"Bitrate": 192_000, "CodingMode": "CODING_MODE_2_0"}, "RAW", "ac3", 2),
    "eac3": ("Eac3Settings", {"CodingMode": "CODING_MODE_3_2", "Bitrate": 256_000}, "MP4", "eac3", 6),
    "opus": ("OpusSettings", {}, "WEBM", "opus", 2),
    "vorbis": ("VorbisSettings", {"Channels": 1}, "WEBM", "vorbis", 1),
    "mp3": ("Mp3Settings", {"RateControlMode": "VBR", "VbrQuality": 4}, "RAW", "mp3", 2),
    "mp2": ("Mp2Settings", {"Bitrate": 192_000}, "RAW", "mp2", 2),
    "wav": ("WavSettings", {"BitDepth": 24, "Channels": 1}, "RAW", "pcm_s24le", 1),
    "aiff": ("AiffSettings", {"SampleRate": 44_100}, "RAW", "pcm_s16be", 2),
    "flac": ("FlacSettings", {}, "RAW", "flac", 2),
    "passthrough": ("", {}, "MP4", "aac", 2),
}


def test_every_codec_goes_into_its_container(transcoder: TranscodeBench, tones: Path, tmp_path: Path) -> None:
    outputs = []
    for name, (member, settings, container, _, _) in CODECS.items():
        codec = "AAC" if member == "AacSettings" else name.upper()
        described = {"CodecSettings": {"Codec": codec} | ({member: settings} if member else {})}
        outputs.append(output(f"_{name}", container, None, described))
    transcoder.run(job(source(transcoder.put("tones", tones)), group(transcoder.bucket, "FILE", *outputs)))
    files = {path.stem.rpartition("_")[2]: path for path in transcoder.fetch(tmp_path).glob("*.*")}
    found = {name: stream(path, "audio") for name, path in files.items()}
    expected = {name: (codec, channels) for name, (*_, codec, channels) in CODECS.items()}
    assert {name: (item["codec_name"], item["channels"]) for name, item in found.items()} == expected
    assert files["mp3"].suffix == ".mp3"
    assert files["wav"].suffix == ".wav"
    assert (found["aac"]["sample_rate"], found["aiff"]["sample_rate"]) == ("44100", "44100")
    heard = {name: round(hertz(path), -1) for name, path in files.items() if found[name]["channels"] == 2}
    assert heard == dict.fromkeys(heard, 400.0)


def test_loudness_is_corrected_to_the_target(transcoder: TranscodeBench, tones: Path, tmp_path: Path) -> None:
    normal = {"Algorithm": "ITU_BS_1770_4", "AlgorithmControl": "CORRECT_AUDIO", "TargetLkfs": -16.0,
              "TruePeakLimiterThreshold": -1.0}  # fmt: skip
    outputs = [
        output("_corrected", "MP4", None, aac(AudioNormalizationSettings=normal)),
        output("_measured", "MP4", None, aac(AudioNormalizationSettings=normal | {"AlgorithmControl": "MEASURE_ONLY"})),
    ]
    transcoder.run(job(source(transcoder.put("tones", tones)), group(transcoder.bucket, "FILE", *outputs)))
    folder = transcoder.fetch(tmp_path)
    found = {path.stem.rpartition("_")[2]: _lufs(path) for path in folder.glob("*.mp4")}
    assert found["corrected"] == pytest.approx(-16.0, abs=0.3)
    assert found["measured"] == pytest.approx(-20.0, abs=1.0)


def _lufs(path: Path) -> float:
    argv = [
        ffmpeg_path(),
        "-hide_banner",
        "-nostats",
        "-i",
        str(path),
        "-af",
        "ebur128=framelog=quiet",
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=60)
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", done.stderr)[-1])


def test_surround_is_mixed_down_without_being_told_how(transcoder: TranscodeBench, tmp_path: Path) -> None:
    clipped = source(transcoder.put("surround"), InputClippings=[{"EndTimecode": "00:00:01:23"}])
    surround = {"CodecSettings": {"Codec": "AAC", "AacSettings": {
        "Bitrate": 320_000, "CodingMode": "CODING_MODE_5_1", "SampleRate": 48_000}}}  # fmt: skip
    outputs = [output("_2", "MP4", None, aac()), output("_6", "MP4", None, surround)]
    transcoder.run(job(clipped, group(transcoder.bucket, "FILE", *outputs)))
    folder = transcoder.fetch(tmp_path)
    assert [stream(path, "audio")["channel_layout"] for path in sorted(folder.glob("*.mp4"))] == ["stereo", "5.1"]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ({"Tracks": [3]}, r"audio_selector \[1\]. Audio track \[3\] not found in input container"),
        ({"SelectorType": "PID", "Pids": [99]}, r"Audio PID \[99\] not found"),
    ],
)
def test_tracks_that_are_not_there(
    selector: dict[str, Any], message: str, transcoder: TranscodeBench, tones: Path
) -> None:
    part = selected(transcoder.put("tones", tones), Audio_Selector_1=selector)
    with pytest.raises(JobFailed, match=message) as caught:
        transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    assert caught.value.error_code == ErrorCode.JOB_SETTINGS == 1040


def test_sound_of_another_file_over_http(
    transcoder: TranscodeBench, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VODFLOW_LOCAL_INPUTS", '["127.0.0.1"]')
    transcoder.put("tones", tones)
    sound = transcoder.s3.generate_presigned_url(
        "get_object", Params={"Bucket": transcoder.bucket, "Key": "in/tones é+1.ts"}, ExpiresIn=600
    )
    selectors = {"Dubbed": {"ExternalAudioFileInput": sound, "Tracks": [2], "DefaultSelection": "DEFAULT"}}
    part = source(transcoder.put("small"), AudioSelectors=selectors)
    files = group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac(AudioSourceName="Dubbed")))
    transcoder.run(job(part, files))
    path = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert round(hertz(path), -1) == 1600
    assert stream(path, "video")["width"] == 160


def test_a_source_without_sound_becomes_silence(transcoder: TranscodeBench, tmp_path: Path) -> None:
    part = source(transcoder.put("silent"))
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    path = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert hertz(path) == 0
    assert float(stream(path, "audio")["duration"]) == pytest.approx(2.0, abs=0.05)


def test_sound_that_changes_in_the_middle_is_converted(transcoder: TranscodeBench, tmp_path: Path) -> None:
    path = tmp_path / "changes.ts"
    recording(path, ((2, "stereo", 48_000), (6, "5.1(side)", 48_000), (2, "stereo", 44_100)), "ac3")
    part = source(transcoder.put("changes", path))
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    made = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    for second in range(3):
        assert heard(made, (400, 700), second + 0.3) == [{400}, {700}]


@pytest.mark.parametrize(("asked", "width", "hertz"), [({}, 128, 400), ({"ProgramNumber": 9}, 256, 700)])
def test_picture_and_sound_are_of_the_programme(
    transcoder: TranscodeBench, tmp_path: Path, asked: dict[str, int], width: int, hertz: int
) -> None:
    inputs: list[str] = []
    for size, tone in (("128x96", 400), ("256x192", 700)):
        inputs += ["-f", "lavfi", "-i", f"color=s={size}:r=25:d=2", "-f", "lavfi", "-i", f"sine={tone}:r=48000:d=2"]
    maps = [word for stream in range(4) for word in ("-map", str(stream))]
    programs = ["-program", "program_num=7:st=0:st=1", "-program", "program_num=9:st=2:st=3"]
    coded = ["-c:v", "mpeg2video", "-c:a", "mp2", str(tmp_path / "two.ts")]
    subprocess.run([ffmpeg_path(), "-v", "error", *inputs, *maps, *programs, *coded], check=True, timeout=60)
    part = source(transcoder.put("two", tmp_path / "two.ts")) | asked
    description = {"CodecSettings": {"Codec": "H_264", "H264Settings": {"Bitrate": 200_000}}}
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", description, aac()))))
    made = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert (stream(made, "video")["width"], heard(made, (400, 700), 0.5)) == (width, [{hertz}, {hertz}])


def test_tracks_without_a_decoder_count_and_are_refused(transcoder: TranscodeBench, tmp_path: Path) -> None:
    path = tmp_path / "renamed.mp4"
    inputs = ["-f", "lavfi", "-i", "color=s=128x96:r=25:d=2"]
    for tone in (400, 700):
        inputs += ["-f", "lavfi", "-i", f"sine={tone}:r=48000:d=2"]
    coded = ["-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a:0", "ac3", "-c:a:1", "aac", str(path)]
    subprocess.run([ffmpeg_path(), "-v", "error", *inputs, *coded], check=True, timeout=60)
    path.write_bytes(path.read_bytes().replace(b"ac-3", b"xyz1"))
    uri = transcoder.put("renamed", path)
    files = group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))
    transcoder.run(job(selected(uri, Audio_Selector_1={"Tracks": [2]}), files))
    assert heard(next(transcoder.fetch(tmp_path / "out").glob("*.mp4")), (400, 700), 0.5) == [{700}, {700}]
    path.write_bytes(path.read_bytes().replace(b"xyz1", b"ac-4"))
    uri = transcoder.put("ac4", path)
    with pytest.raises(JobFailed, match=r"Audio codec \[ac4\] is not a supported input audio codec") as caught:
        transcoder.run(job(selected(uri, Audio_Selector_1={"Tracks": [1]}), files))
    assert caught.value.error_code == ErrorCode.UNSUPPORTED_CODEC


def test_a_track_that_turns_out_to_be_empty_is_silence(transcoder: TranscodeBench, tmp_path: Path) -> None:
    argv = [
        ffmpeg_path(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=s=128x96:r=25:d=2",
        "-f",
        "lavfi",
        "-i",
        "sine=d=2",
    ]
    coded = ["-c:v", "mpeg4", "-c:a", "pcm_s16le", "-bsf:a", "noise=drop=1", str(tmp_path / "empty.mkv")]
    subprocess.run([*argv, *coded], check=True, timeout=60)
    part = source(transcoder.put("empty", tmp_path / "empty.mkv"))
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    made = next(transcoder.fetch(tmp_path / "out").glob("*.mp4"))
    assert hertz(made) == 0
    assert float(stream(made, "audio")["duration"]) == pytest.approx(2.0, abs=0.05)

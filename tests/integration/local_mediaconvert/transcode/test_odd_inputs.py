"""Inputs that are not as files should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.transcode_jobs import TranscodeBench, stream
from support.transcode_settings import aac, group, h264, job, output, source, video

pytestmark = pytest.mark.integration

MP3 = {"CodecSettings": {"Codec": "MP3", "Mp3Settings": {"Bitrate": 128_000}}}
_H265 = {"RateControlMode": "QVBR", "MaxBitrate": 500_000, "QualityTuningLevel": "SINGLE_PASS"}
MAIN10 = {"Codec": "H_265", "H265Settings": _H265 | {"CodecProfile": "MAIN10_MAIN"}}
FOLLOWED = {"CodecSettings": h264(FramerateControl="INITIALIZE_FROM_SOURCE")}
BLACK = {"VideoSelector": {"PadVideo": "BLACK"}}


def made(bench: TranscodeBench, name: str, folder: Path, *outputs: dict[str, Any], **changes: Any) -> Path:
    bench.run(job(source(bench.put(name), **changes), group(bench.bucket, "FILE", *outputs)))
    return next(path for path in bench.fetch(folder).glob("*.*"))


@pytest.mark.parametrize("name", ["audio_only", "cover_art"])
def test_sound_alone(name: str, transcoder: TranscodeBench, tmp_path: Path) -> None:
    path = made(transcoder, name, tmp_path, output("", "RAW", None, MP3, NameModifier="_a"))
    assert (path.suffix, stream(path, "audio")["codec_name"]) == (".mp3", "mp3")
    assert float(stream(path, "audio")["duration"]) == pytest.approx(2.0, abs=0.1)
    assert "video" not in transcoder.information[0]


@pytest.mark.parametrize(
    ("name", "size", "rate"),
    [("odd", (852, 478), "25/1"), ("anamorphic", (720, 576), "25/1"), ("silent", (640, 360), "30000/1001")],
)
def test_what_is_left_open_follows_the_source(
    name: str, size: tuple[int, int], rate: str, transcoder: TranscodeBench, tmp_path: Path
) -> None:
    found = stream(made(transcoder, name, tmp_path, output("_v", "MP4", FOLLOWED)), "video")
    assert ((found["width"], found["height"]), found["avg_frame_rate"]) == (size, rate)
    assert found.get("sample_aspect_ratio", "1:1") == ("64:45" if name == "anamorphic" else "1:1")


def test_high_dynamic_range_is_kept_where_nothing_converts_it(transcoder: TranscodeBench, tmp_path: Path) -> None:
    cmaf = group(transcoder.bucket, "CMAF", output("_v", "CMFC", video(MAIN10)), base="out/h")
    files = group(transcoder.bucket, "FILE", output("_v", "MP4", video(MAIN10)))
    transcoder.run(job(source(transcoder.put("hdr")), cmaf, files))
    folder = transcoder.fetch(tmp_path)
    assert "VIDEO-RANGE=PQ" in (folder / "h.m3u8").read_text()
    found = stream(next(folder.glob("*.mp4")), "video")
    assert (found["color_transfer"], found["color_space"], found["pix_fmt"]) == ("smpte2084", "bt2020nc", "yuv420p10le")


@pytest.mark.parametrize(
    ("name", "changes", "seconds"),
    [
        ("long_sound", {}, 2.0),
        ("long_sound", BLACK, 4.0),
        ("short_sound", {}, 3.0),
        ("late_picture", BLACK, 3.0),
        ("late_clock", {}, 2.0),
        ("no_duration", {}, 2.0),
        ("vfr", {}, 3.93),
    ],
)
def test_pictures_and_sound_end_together(
    name: str, changes: dict[str, Any], seconds: float, transcoder: TranscodeBench, tmp_path: Path
) -> None:
    path = made(transcoder, name, tmp_path, output("_v", "MP4", video(), aac()), **changes)
    lengths = [float(stream(path, kind)["duration"]) for kind in ("video", "audio")]
    assert lengths == pytest.approx([seconds, seconds], abs=0.1)

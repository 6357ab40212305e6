"""Parsers of parameter sets, frames and packets against streams that FFmpeg makes, and against damage."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from itertools import pairwise

import pytest
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media import aac, h264, isobmff, mpegts
from vodflow.verification.dash import parse_duration
from vodflow.verification.thumbnails import jpeg_size
from vodflow.verification.track_rules import level_idc
from vodflow.verification.tracks import frame_rate


def ffmpeg(*arguments: str) -> bytes:
    return subprocess.run(
        [ffmpeg_path(), "-v", "error", *arguments, "pipe:1"], capture_output=True, check=True, timeout=60
    ).stdout


def video(size: str, *options: str, frames: int = 2) -> bytes:
    source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", str(frames)]
    return ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", *options)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("size", "options", "codec"),
    [
        ("640x360", ["-profile:v", "high", "-preset", "veryfast", "-level", "3.1"], "avc1.64001f"),
        ("1920x1080", ["-profile:v", "main", "-preset", "veryfast", "-level", "4.0"], "avc1.4d4028"),
        ("426x240", ["-profile:v", "baseline", "-level", "2.1"], "avc1.42c015"),
        ("854x480", ["-pix_fmt", "yuv420p", "-x264opts", "cqm=jvt:interlaced=1", "-level", "3.0"], None),
        ("98x66", ["-pix_fmt", "yuv444p"], None),
        ("98x66", ["-pix_fmt", "yuv422p"], None),
        ("98x66", ["-pix_fmt", "gray"], None),
    ],
)
def test_sps_tells_size_profile_and_level(size: str, options: list[str], codec: str | None) -> None:
    stream = video(size, "-pix_fmt", "yuv420p", *options, "-f", "h264")
    units = h264.split_annex_b(stream)
    sps = h264.parse_sps(next(unit for unit in units if unit[0] & 31 == h264.NAL_SPS))
    assert f"{sps.width}x{sps.height}" == size
    if codec:
        assert sps.codec == codec


def test_damaged_parameter_sets_are_errors() -> None:
    with pytest.raises(ValueError, match="no sequence parameter set"):
        h264.parse_sps(b"\x68\xef")
    with pytest.raises(ValueError, match="cut off"):
        h264.parse_sps(b"\x67\x64\x00\x1e")
    with pytest.raises(ValueError, match="cut off"):
        h264.parameter_sets(b"\x01\x64")
    with pytest.raises(ValueError, match="no complete parameter sets"):
        h264.parameter_sets(b"\x01\x64\x00\x1e\xff\xe1\x00\x50\x67\x00")


def test_a_sample_becomes_a_byte_stream() -> None:
    sample = b"\x00\x00\x00\x02\x65\x01" + b"\x00\x00\x00\x01\x41"
    assert h264.annex_b(sample, 4) == b"\x00\x00\x00\x01\x65\x01\x00\x00\x00\x01\x41"
    assert h264.split_annex_b(h264.annex_b(sample, 4)) == [b"\x65\x01", b"\x41"]
    for broken in (sample[:-1], b"\x00\x00\x00\x00"):
        with pytest.raises(ValueError, match="NAL unit"):
            h264.annex_b(broken, 4)


@pytest.mark.integration
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (32_000, 6)])
def test_adts_tells_rate_channels_and_frames(rate: int, channels: int) -> None:
    sound = ffmpeg(
        "-f", "lavfi", "-i", f"anoisesrc=r={rate}:d=1", "-ac", str(channels), "-c:a", "aac", "-f", "adts"
    )  # fmt: skip
    config, frames = aac.parse_adts(sound)
    assert config == aac.AacConfig(2, rate, channels)
    assert frames == pytest.approx(rate / 1024, abs=2)
    length = ((sound[3] & 3) << 11) | (sound[4] << 3) | (sound[5] >> 5)
    assert config.adts_header(length - 7)[:2] == sound[:2]
    assert aac.parse_adts(config.adts_header(100) + bytes(100)) == (config, 1)


def test_damaged_audio_is_an_error() -> None:
    header = aac.AacConfig(2, 48_000, 2).adts_header(100)
    for broken in (header + bytes(50), header + bytes(101), b"", b"\xff"):
        with pytest.raises(ValueError, match="ADTS frame"):
            aac.parse_adts(broken)
    with pytest.raises(ValueError, match="cut off"):
        aac.parse_audio_config(b"\x11")
    with pytest.raises(ValueError, match="unknown"):
        aac.parse_audio_config(b"\xff\xff")
    assert aac.parse_audio_config(b"\x11\x90") == aac.AacConfig(2, 48_000, 2)


@pytest.mark.integration
def test_transport_streams_tell_pictures_and_times() -> None:
    stream = video("320x180", "-g", "5", "-f", "mpegts", frames=10)
    units = mpegts.video_units(stream)
    assert len(units) == 10
    assert {after.pts - before.pts for before, after in pairwise(units)} == {3600}
    assert [unit.random_access for unit in units] == [True, *[False] * 4, True, *[False] * 4]


def test_what_is_no_transport_stream_is_an_error() -> None:
    with pytest.raises(ValueError, match="no transport packet"):
        mpegts.video_units(bytes(376))
    with pytest.raises(ValueError, match=r"no H\.264 stream"):
        mpegts.video_units(b"")
    with pytest.raises(ValueError, match="no ID3 tag"):
        mpegts.packed_audio(b"\xff\xf1")


def test_boxes_of_impossible_size_are_errors() -> None:
    with pytest.raises(ValueError, match="impossible size 4"):
        list(isobmff.boxes(b"\x00\x00\x00\x04moov"))
    with pytest.raises(ValueError, match="no moov box"):
        isobmff.need(b"\x00\x00\x00\x08free", "moov")
    large = b"\x00\x00\x00\x01mdat" + (1 << 33).to_bytes(8, "big")
    assert [(box.kind, box.start, box.end) for box in isobmff.boxes(large)] == [("mdat", 16, 1 << 33)]
    assert [box.end for box in isobmff.boxes(b"\x00\x00\x00\x00mdat....")] == [12]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT5S", 5), ("PT1M0.25S", 60.25), ("PT2H", 7200), ("P1DT1S", 86_401), ("PT0S", 0), ("P2D", 172_800)],
)
def test_iso_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "5", "PT5", "P1Y", "PT-1S"])
def test_what_is_no_duration_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_frame_rates_get_their_usual_fractions() -> None:
    assert frame_rate(150, 5.005) == Fraction(30_000, 1001)
    assert frame_rate(0, 0.0) == 0


def test_levels() -> None:
    assert [level_idc(level) for level in ("1b", "1.3", "3", "4.2")] == [11, 13, 30, 42]


@pytest.mark.integration
def test_pictures_tell_their_size() -> None:
    picture = ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x90", "-frames:v", "1", "-f", "mjpeg")
    assert jpeg_size(picture) == (160, 90)
    for broken in (picture[:-10], b"GIF89a", b"\xff\xd8\xff\xd9"):
        with pytest.raises(ValueError, match=r"not a complete JPEG|no frame header"):
            jpeg_size(broken)

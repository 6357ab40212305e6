"""Inputs as the INPUT_INFORMATION event tells them (user guide, "Events with INPUT_INFORMATION status"). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from local_mediaconvert.transcode.sources import Source

_VIDEO: Final = {"h264": "H_264", "hevc": "H_265", "mpeg2video": "MPEG2", "av1": "AV1", "vp8": "VP8", "vp9": "VP9",
                 "prores": "PRORES", "mpeg4": "MPEG4_PART2", "mjpeg": "MJPEG"}  # fmt: skip
_AUDIO: Final = {"ac3": "AC3", "eac3": "EAC3", "aac": "AAC", "mp2": "MP2", "mp3": "MP3", "opus": "OPUS",
                 "vorbis": "VORBIS", "flac": "FLAC"}  # fmt: skip
_STANDARDS: Final = {576: "PAL", 486: "NTSC", 480: "NTSC"}


def input_details(source: Source) -> dict[str, Any]:
    """One entry of ``inputDetails``."""
    streams = {item["index"]: item for item in source.document.get("streams", ())}
    details: dict[str, Any] = {"id": source.number, "uri": source.uri}
    if source.audio:
        details["audio"] = [
            {
                "channels": track.channels,
                "codec": _audio_codec(track.codec),
                "language": (track.language or "und").upper(),
                "sampleRate": track.sample_rate,
                "streamId": track.index + 1,
            }
            for track in source.audio
        ]
    if source.video:
        details["video"] = [_video(source, streams[source.video.index])]
    if source.captions:
        details["captions"] = [{"type": track.codec.upper(), "streamId": track.index + 1} for track in source.captions]
    return details


def _video(source: Source, stream: Mapping[str, Any]) -> dict[str, Any]:
    track = source.video
    assert track is not None  # noqa: S101 - the caller looked
    aspect = Fraction(track.sample_aspect_ratio)
    rate = float(track.fps)
    return {
        "bitDepth": track.bit_depth,
        "codec": _VIDEO.get(track.codec, track.codec.upper()),
        "colorFormat": _color_format(track.pixel_format),
        "fourCC": str(stream.get("codec_tag_string", "")).strip("[0]") or track.codec,
        "frameRate": int(rate) if rate.is_integer() else round(rate, 3),
        "height": track.height,
        "interlaceMode": "INTERLACED" if track.interlaced else "PROGRESSIVE",
        "sar": f"{aspect.numerator}:{aspect.denominator}",
        "standard": _STANDARDS.get(track.height, "UNSPECIFIED"),
        "streamId": track.index + 1,
        "width": track.width,
    }


def _audio_codec(codec: str) -> str:
    return "PCM" if codec.startswith("pcm_") else _AUDIO.get(codec, codec.upper())


def _color_format(pixel_format: str) -> str:
    for sampling in ("420", "422", "444"):
        if sampling in pixel_format:
            return f"YUV_{sampling}"
    return "RGB" if "rgb" in pixel_format or "gbr" in pixel_format else "YUV_420"

"""Video codecs that few jobs use. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.encoding import Options, VideoEncoder, buffer, gop_frames, nominal_bitrate
from local_mediaconvert.transcode.frames import Frame


def vpx(encoder: str) -> Callable[[Document, Frame, bool], VideoEncoder]:
    """VP8 or VP9 by the name of FFmpeg's encoder."""

    def make(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
        gop = gop_frames(settings, frame.rate, codec="VP9")
        average = int(settings.get("Bitrate", 1_000_000))
        hq = settings.get("QualityTuningLevel") == "MULTI_PASS_HQ"
        options: Options = {
            "c:v": encoder,
            "deadline": "good",
            "cpu-used": 2 if hq else 5,
            **({"row-mt": 1} if encoder == "libvpx-vp9" else {}),
            "b:v": average,
            "maxrate:v": int(settings.get("MaxBitrate") or average * 3 // 2),
            "bufsize:v": buffer(settings, average),
            "g": gop,
            "keyint_min": gop,
        }
        suffix = ".mp4" if encoder == "libvpx-vp9" else ".mkv"
        return VideoEncoder("yuv420p", tuple(options.items()), suffix, nominal_bitrate(settings), gop)

    return make


#: Bits of the rate buffer of MPEG-2 at main level (ISO/IEC 13818-2, table 8-14). FFmpeg wants a frame in it, at least.
_MPEG2_BUFFER: Final = 1_835_008


def mpeg2(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    """MPEG-2 in QuickTime, from which it goes into any container."""
    gop = gop_frames(settings, frame.rate)
    average = int(settings.get("Bitrate", 5_000_000))
    most = average if settings.get("RateControlMode") == "CBR" else int(settings.get("MaxBitrate") or average)
    options: Options = {
        "c:v": "mpeg2video",
        "b:v": average,
        "maxrate:v": most,
        "bufsize:v": max(int(settings.get("HrdBufferSize") or _MPEG2_BUFFER), ceil(2 * most / frame.rate)),
        "g": gop,
        "bf": int(settings.get("NumberBFramesBetweenReferenceFrames", 2)),
        "flags:v": "+cgop",
        "sc_threshold": 1_000_000_000,
    }
    pixels = "yuv422p" if settings.get("CodecProfile") == "PROFILE_422" else "yuv420p"
    return VideoEncoder(pixels, tuple(options.items()), ".mov", nominal_bitrate(settings), gop)


_PRORES: Final = {
    "APPLE_PRORES_422_PROXY": 0, "APPLE_PRORES_422_LT": 1, "APPLE_PRORES_422": 2, "APPLE_PRORES_422_HQ": 3,
    "APPLE_PRORES_4444": 4, "APPLE_PRORES_4444_XQ": 5,
}  # fmt: skip


def prores(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    """Apple ProRes."""
    profile = _PRORES[settings.get("CodecProfile", "APPLE_PRORES_422")]
    options: Options = {"c:v": "prores_ks", "profile:v": profile, "vendor": "apl0"}
    return VideoEncoder("yuv444p10le" if profile > 3 else "yuv422p10le", tuple(options.items()), ".mov")


def uncompressed(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    """Planar samples."""
    pixels = {"I422": "yuv422p", "I444": "yuv444p"}.get(settings.get("Fourcc", "I420"), "yuv420p")
    return VideoEncoder(pixels, (("c:v", "rawvideo"),), ".mkv")


def gif(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    """Animated GIF."""
    return VideoEncoder("rgb8", (("c:v", "gif"),), ".gif")

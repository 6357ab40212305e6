"""Video codecs: MediaConvert's settings as FFmpeg's encoders and their options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from local_mediaconvert.transcode.encoding import (
    DEFAULT_LEVEL,
    PRESETS,
    Options,
    VideoEncoder,
    gop_frames,
    level,
    nominal_bitrate,
    qvbr_level,
    rates,
)
from local_mediaconvert.transcode.frames import Frame
from local_mediaconvert.transcode.rare_video_codecs import gif, mpeg2, prores, uncompressed, vpx


def video_encoder(codec: str, settings: Document, frame: Frame, *, segmented: bool) -> VideoEncoder:
    """The encoder of an output.

    :param settings: ``H264Settings`` and the like
    :param segmented: whether the output is cut into segments, which begin with closed GOPs
    :raises JobFailed: for a codec that is not encoded here
    """
    maker = _ENCODERS.get(codec)
    if maker is None:
        raise JobFailed(ErrorCode.JOB_SETTINGS, f"Video codec {codec} is not encoded by the local MediaConvert.")
    return maker(settings, frame, segmented)


_H264_PROFILES: Final = {
    "BASELINE": ("baseline", "yuv420p"),
    "MAIN": ("main", "yuv420p"),
    "HIGH": ("high", "yuv420p"),
    "HIGH_10BIT": ("high10", "yuv420p10le"),
    "HIGH_422": ("high422", "yuv422p"),
    "HIGH_422_10BIT": ("high422", "yuv422p10le"),
}


def _h264(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001
    profile, pixels = _H264_PROFILES[settings.get("CodecProfile", "MAIN")]
    gop = gop_frames(settings, frame.rate)
    options: Options = {
        "c:v": "libx264",
        "preset": PRESETS[settings.get("QualityTuningLevel", "SINGLE_PASS_HQ")],
        "profile:v": profile,
        **rates(settings, 23.0),
        "g": gop,
        "keyint_min": gop,
        # Key frames at the cadence only: renditions of one ladder can be switched at each of them.
        "sc_threshold": 0,
        "flags:v": "+cgop",
    }
    if limit := level(settings):
        options["level:v"] = limit
    if "NumberReferenceFrames" in settings:
        options["refs"] = int(settings["NumberReferenceFrames"])
    options |= _h264_predictions(settings, profile)
    extra = _x264_extra(settings)
    if not segmented and settings.get("GopClosedCadence") == 0:
        extra.append("open-gop=1")
    if extra:
        options["x264-params"] = ":".join(extra)
    return VideoEncoder(pixels, tuple(options.items()), bitrate=nominal_bitrate(settings), gop=gop)


def _h264_predictions(settings: Document, profile: str) -> Options:
    options: Options = {}
    frames = settings.get("NumberBFramesBetweenReferenceFrames")
    if profile != "baseline":
        if frames is not None:
            options["bf"] = int(frames)
        if settings.get("DynamicSubGop") == "STATIC":
            options["b_strategy"] = 0
        if settings.get("GopBReference") == "DISABLED":
            options["b-pyramid"] = "none"
        if settings.get("EntropyEncoding") == "CAVLC":
            options["coder"] = "cavlc"
    if settings.get("ExplicitWeightedPrediction") == "DISABLED":
        options["weightp"] = "none"
    if settings.get("AdaptiveQuantization") == "OFF":
        options["aq-mode"] = "none"
    if int(settings.get("Slices", 1)) > 1:
        options["slices"] = int(settings["Slices"])
    return options


def _x264_extra(settings: Document) -> list[str]:
    extra: list[str] = []
    if settings.get("RateControlMode") == "CBR":
        extra.append("nal-hrd=cbr")
    if "HrdBufferInitialFillPercentage" in settings and (settings.get("MaxBitrate") or settings.get("Bitrate")):
        # x264 takes 1 for a kilobit.
        extra.append(f"vbv-init={min(0.99, int(settings['HrdBufferInitialFillPercentage']) / 100):g}")
    return extra


_H265_PROFILES: Final = {
    "MAIN": ("main", "yuv420p"),
    "MAIN10": ("main10", "yuv420p10le"),
    "MAIN_422_8BIT": ("main422-10", "yuv422p"),
    "MAIN_422_10BIT": ("main422-10", "yuv422p10le"),
}
#: A step quicker than x264's, which takes about as long.
_H265_PRESETS: Final = {"SINGLE_PASS": "veryfast", "SINGLE_PASS_HQ": "fast", "MULTI_PASS_HQ": "medium"}


def _h265(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001
    name, _, tier = str(settings.get("CodecProfile", "MAIN_MAIN")).rpartition("_")
    profile, pixels = _H265_PROFILES[name]
    gop = gop_frames(settings, frame.rate)
    closed = segmented or settings.get("GopClosedCadence", 1)
    extra = [
        f"keyint={gop}", f"min-keyint={gop}", "scenecut=0", f"open-gop={0 if closed else 1}", "log-level=error",
        f"high-tier={1 if tier == 'HIGH' else 0}",
    ]  # fmt: skip
    if limit := level(settings):
        extra.append(f"level-idc={limit}")
    if "NumberBFramesBetweenReferenceFrames" in settings:
        extra.append(f"bframes={int(settings['NumberBFramesBetweenReferenceFrames'])}")
    if "NumberReferenceFrames" in settings:
        extra.append(f"ref={int(settings['NumberReferenceFrames'])}")
    if settings.get("SampleAdaptiveOffsetFilterMode") == "OFF":
        extra.append("no-sao=1")
    options: Options = {
        "c:v": "libx265",
        "preset": _H265_PRESETS[settings.get("QualityTuningLevel", "SINGLE_PASS_HQ")],
        "profile:v": profile,
        **rates(settings, 28.0),
        # The sample entry that Apple's players take.
        "tag:v": "hev1" if settings.get("WriteMp4PackagingType") == "HEV1" else "hvc1",
        "x265-params": ":".join(extra),
    }
    return VideoEncoder(pixels, tuple(options.items()), bitrate=nominal_bitrate(settings), gop=gop)


def _av1(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    gop = gop_frames(settings, frame.rate, codec="AV1")
    options: Options = {"c:v": "libsvtav1", "preset": 10, "g": gop}
    extra = ["scd=0"]
    if settings.get("FilmGrainSynthesis") == "ENABLED":
        extra.append("film-grain=8")
    if settings.get("RateControlMode", "QVBR") == "CBR":
        options["b:v"] = int(settings.get("Bitrate", 1_000_000))
    else:
        # SVT-AV1 counts 1 to 63; 35 is its default.
        options["crf"] = round(min(63, max(1, 35 + (DEFAULT_LEVEL - qvbr_level(settings)) * 4)))
        if settings.get("MaxBitrate"):
            options["maxrate:v"] = int(settings["MaxBitrate"])
    options["svtav1-params"] = ":".join(extra)
    pixels = "yuv420p10le" if settings.get("BitDepth") == "BIT_10" else "yuv420p"
    return VideoEncoder(pixels, tuple(options.items()), bitrate=nominal_bitrate(settings), gop=gop)


_ENCODERS: Final[Mapping[str, Callable[[Document, Frame, bool], VideoEncoder]]] = {
    "H_264": _h264,
    "H_265": _h265,
    "AV1": _av1,
    "VP8": vpx("libvpx"),
    "VP9": vpx("libvpx-vp9"),
    "MPEG2": mpeg2,
    "PRORES": prores,
    "UNCOMPRESSED": uncompressed,
    "GIF": gif,
}

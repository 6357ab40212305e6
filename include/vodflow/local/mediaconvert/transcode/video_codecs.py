"""Video codecs: MediaConvert's settings as FFmpeg's encoders and their options. Pure.

QVBR becomes constant quality below a ceiling (CRF with a rate buffer): each level is worth :data:`_CRF_STEP` of
x264's rate factor, level 7 is x264's default of 23.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from vodflow.local.mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from vodflow.local.mediaconvert.transcode.frames import Frame

Options = dict[str, Any]

_CRF_STEP: Final = 2.0
#: Level of QVBR without one, as the service chooses for most content.
_DEFAULT_LEVEL: Final = 7.0
#: Seconds of a GOP that the service chooses by itself.
_AUTO_GOP: Final = 2
#: x264's and x265's presets by quality tuning level.
_PRESETS: Final = {"SINGLE_PASS": "veryfast", "SINGLE_PASS_HQ": "medium", "MULTI_PASS_HQ": "slow"}


@dataclass(frozen=True)
class VideoEncoder:
    """How one output's pictures are encoded.

    :param pixel_format: that the encoder is given
    :param options: of FFmpeg, without dashes
    :param suffix: of the intermediate file
    :param bitrate: average that names may show, bits a second; the ceiling for QVBR
    :param gop: frames between key frames, where they are at fixed distances
    """

    pixel_format: str
    options: tuple[tuple[str, Any], ...]
    suffix: str = ".mp4"
    bitrate: int = 0
    gop: int = 0


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


def gop_frames(settings: Document, rate: Fraction, *, codec: str = "H_264") -> int:
    """Frames from one key frame to the next."""
    size, units = settings.get("GopSize"), settings.get("GopSizeUnits")
    if units == "AUTO" or size is None or float(size) <= 0:
        return max(1, round(_AUTO_GOP * rate))
    if units == "SECONDS" and codec not in {"AV1", "VP8", "VP9"}:
        return max(1, round(Fraction(str(size)) * rate))
    return max(1, round(float(size)))


def qvbr_level(settings: Document) -> float:
    """``QvbrQualityLevel`` with its fine tune, 1 to 10."""
    quality = settings.get("QvbrSettings", {})
    return float(quality.get("QvbrQualityLevel", _DEFAULT_LEVEL)) + float(quality.get("QvbrQualityLevelFineTune", 0))


def rate_factor(level: float, default: float) -> float:
    """An encoder's constant quality for a QVBR level.

    :param default: the encoder's own for level 7
    """
    return round(default + (_DEFAULT_LEVEL - level) * _CRF_STEP, 2)


def nominal_bitrate(settings: Document) -> int:
    """What ``$rv$`` shows: the average rate, or the ceiling with QVBR, bits a second."""
    return int(settings.get("Bitrate") or settings.get("MaxBitrate") or 0)


def _rates(settings: Document, crf: float) -> Options:
    mode = settings.get("RateControlMode", "VBR")
    average, most = int(settings.get("Bitrate", 0)), int(settings.get("MaxBitrate", 0))
    if mode == "QVBR":
        ceiling: Options = {"maxrate:v": most, "bufsize:v": _buffer(settings, most)} if most else {}
        return {"crf": rate_factor(qvbr_level(settings), crf)} | ceiling
    if mode == "CBR":
        return {"b:v": average, "minrate:v": average, "maxrate:v": average, "bufsize:v": _buffer(settings, average)}
    if not average:
        return {"crf": crf}
    most = most or average * 3 // 2
    return {"b:v": average, "maxrate:v": most, "bufsize:v": _buffer(settings, most)}


def _buffer(settings: Document, rate: int) -> int:
    return int(settings.get("HrdBufferSize") or rate * 2)


def _level(settings: Document) -> str | None:
    """``LEVEL_4_1`` as ``4.1``."""
    name = str(settings.get("CodecLevel", "AUTO"))
    return None if name == "AUTO" else name.removeprefix("LEVEL_").replace("_", ".")


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
        "preset": _PRESETS[settings.get("QualityTuningLevel", "SINGLE_PASS_HQ")],
        "profile:v": profile,
        **_rates(settings, 23.0),
        "g": gop,
        "keyint_min": gop,
        # Key frames at the cadence only: renditions of one ladder can be switched at each of them.
        "sc_threshold": 0,
        "flags:v": "+cgop" if segmented or settings.get("GopClosedCadence", 1) else "-cgop",
    }
    if level := _level(settings):
        options["level:v"] = level
    if "NumberReferenceFrames" in settings:
        options["refs"] = int(settings["NumberReferenceFrames"])
    options |= _h264_predictions(settings, profile)
    extra = _x264_extra(settings)
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


def _h265(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001
    name, _, tier = str(settings.get("CodecProfile", "MAIN_MAIN")).rpartition("_")
    profile, pixels = _H265_PROFILES[name]
    gop = gop_frames(settings, frame.rate)
    closed = segmented or settings.get("GopClosedCadence", 1)
    extra = [
        f"keyint={gop}", f"min-keyint={gop}", "scenecut=0", f"open-gop={0 if closed else 1}", "log-level=error",
        f"high-tier={1 if tier == 'HIGH' else 0}",
    ]  # fmt: skip
    if level := _level(settings):
        extra.append(f"level-idc={level}")
    if "NumberBFramesBetweenReferenceFrames" in settings:
        extra.append(f"bframes={int(settings['NumberBFramesBetweenReferenceFrames'])}")
    if "NumberReferenceFrames" in settings:
        extra.append(f"ref={int(settings['NumberReferenceFrames'])}")
    if settings.get("SampleAdaptiveOffsetFilterMode") == "OFF":
        extra.append("no-sao=1")
    options: Options = {
        "c:v": "libx265",
        "preset": {"medium": "fast", "slow": "medium"}.get(preset := _preset(settings), preset),
        "profile:v": profile if profile != "main422-10" or pixels != "yuv422p" else "main422-10",
        **_rates(settings, 28.0),
        # The sample entry that Apple's players take.
        "tag:v": "hev1" if settings.get("WriteMp4PackagingType") == "HEV1" else "hvc1",
        "x265-params": ":".join(extra),
    }
    return VideoEncoder(pixels, tuple(options.items()), bitrate=nominal_bitrate(settings), gop=gop)


def _preset(settings: Document) -> str:
    return _PRESETS[settings.get("QualityTuningLevel", "SINGLE_PASS_HQ")]


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
        options["crf"] = round(min(63, max(1, 35 + (_DEFAULT_LEVEL - qvbr_level(settings)) * 4)))
        if settings.get("MaxBitrate"):
            options["maxrate:v"] = int(settings["MaxBitrate"])
    options["svtav1-params"] = ":".join(extra)
    pixels = "yuv420p10le" if settings.get("BitDepth") == "BIT_10" else "yuv420p"
    return VideoEncoder(pixels, tuple(options.items()), bitrate=nominal_bitrate(settings), gop=gop)


def _vpx(encoder: str) -> Callable[[Document, Frame, bool], VideoEncoder]:
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
            "bufsize:v": _buffer(settings, average),
            "g": gop,
            "keyint_min": gop,
        }
        suffix = ".mp4" if encoder == "libvpx-vp9" else ".mkv"
        return VideoEncoder("yuv420p", tuple(options.items()), suffix, nominal_bitrate(settings), gop)

    return make


def _mpeg2(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    gop = gop_frames(settings, frame.rate)
    average = int(settings.get("Bitrate", 5_000_000))
    most = average if settings.get("RateControlMode") == "CBR" else int(settings.get("MaxBitrate") or average)
    options: Options = {
        "c:v": "mpeg2video",
        "b:v": average,
        "maxrate:v": most,
        "bufsize:v": int(settings.get("HrdBufferSize") or 1_835_008),
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


def _prores(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    profile = _PRORES[settings.get("CodecProfile", "APPLE_PRORES_422")]
    options: Options = {"c:v": "prores_ks", "profile:v": profile, "vendor": "apl0"}
    return VideoEncoder("yuv444p10le" if profile > 3 else "yuv422p10le", tuple(options.items()), ".mov")


def _uncompressed(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    fourcc = settings.get("Fourcc", "I420")
    encoder, pixels = {"I422": ("rawvideo", "yuv422p"), "I444": ("rawvideo", "yuv444p")}.get(
        fourcc, ("rawvideo", "yuv420p")
    )
    return VideoEncoder(pixels, (("c:v", encoder),), ".mkv")


def _gif(settings: Document, frame: Frame, segmented: bool) -> VideoEncoder:  # noqa: FBT001, ARG001
    return VideoEncoder("rgb8", (("c:v", "gif"),), ".gif")


_ENCODERS: Final[Mapping[str, Callable[[Document, Frame, bool], VideoEncoder]]] = {
    "H_264": _h264,
    "H_265": _h265,
    "AV1": _av1,
    "VP8": _vpx("libvpx"),
    "VP9": _vpx("libvpx-vp9"),
    "MPEG2": _mpeg2,
    "PRORES": _prores,
    "UNCOMPRESSED": _uncompressed,
    "GIF": _gif,
}

#: Codecs that are encoded here; frame captures are pictures of their own.
ENCODED: Final = frozenset({*_ENCODERS, "FRAME_CAPTURE"})


def capture_options(settings: Document, rate: Fraction) -> tuple[str, Options]:
    """What selects the frames of a frame capture, and how they are written.

    The first frame, then one every denominator/numerator seconds, at most ``MaxCaptures``.

    :param rate: frames a second of the pictures
    :return: expression of FFmpeg's ``select``, and the options of the output
    """
    period = Fraction(int(settings.get("FramerateDenominator", 1)), int(settings.get("FramerateNumerator", 1)))
    # Half a frame early, because times are rounded.
    half = float(1 / rate) / 2
    every = f"eq(n,0)+gt(floor((t+{half:.6g})/{float(period):.9g}),floor((prev_t+{half:.6g})/{float(period):.9g}))"
    quality = int(settings.get("Quality", 80))
    options: Options = {
        "c:v": "mjpeg",
        # FFmpeg's quantiser goes from 2 (best) to 31; JPEG quality 90 is about 3.
        "q:v": max(2, min(31, round(2 + (100 - quality) * 0.13))),
        "frames:v": int(settings.get("MaxCaptures", 10_000_000)),
        "fps_mode": "passthrough",
        "start_number": 0,
        "threads:v": 1,
        "map_metadata": -1,
        "f": "image2",
    }
    return every, options

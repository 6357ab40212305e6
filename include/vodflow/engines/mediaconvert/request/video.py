"""One rung as a ``VideoDescription``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from vodflow.contract.media_info import VideoTrack
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.errors import PlanError
from vodflow.ffmpeg.colors import full_range, light_to, source_matrix
from vodflow.settings.encode_options import EncodeOptions

#: Quality by short side, as AWS's own "Video on Demand on AWS" sets it.
_QVBR_LEVELS: Final = ((2160, 9), (720, 8), (0, 7))
#: H264Settings: HrdBufferSize is bounded in bits, NumberReferenceFrames by 6, CodecLevel ends at 5.2.
_MOST_REFERENCES: Final = 6
_HIGHEST_LEVEL: Final = (5, 2)
#: VideoDescription.Width and Height.
_SMALLEST_SIDE: Final = 32
_LARGEST_SIDE: Final = 8192


def video_description(plan: TranscodePlan, rung: VideoRendition, options: EncodeOptions) -> dict[str, Any]:
    """How one rung is encoded: size, frame rate, GOP, rate control and what the source needs done first.

    :raises PlanError: for a size or level that MediaConvert does not make
    """
    if min(rung.width, rung.height) < _SMALLEST_SIDE or max(rung.width, rung.height) > _LARGEST_SIDE:
        raise PlanError(
            f"Rung {rung.name} is {rung.width}x{rung.height}; MediaConvert makes sides of {_SMALLEST_SIDE} to "
            f"{_LARGEST_SIDE} pixels. Choose another profile, or another engine."
        )
    description: dict[str, Any] = {
        "Width": rung.width,
        "Height": rung.height,
        # The plan's size has the source's shape already: fitting it would leave black lines of rounding.
        "ScalingBehavior": "STRETCH_TO_OUTPUT",
        "AntiAlias": "ENABLED",
        "Sharpness": 50,
        "TimecodeInsertion": "DISABLED",
        "AfdSignaling": "NONE",
        "RespondToAfd": "NONE",
        "ColorMetadata": "INSERT",
        "CodecSettings": {"Codec": "H_264", "H264Settings": _h264(rung, options)},
    }
    preprocessors = _preprocessors(plan.media.video, options)
    return description | ({"VideoPreprocessors": preprocessors} if preprocessors else {})


def picture_description(
    plan: TranscodePlan, size: tuple[int, int], period: Fraction, captures: int, options: EncodeOptions
) -> dict[str, Any]:
    """A capture of the first frame, and of one every ``period`` seconds after it.

    :param size: width and height in pixels
    :param captures: most pictures
    """
    preprocessors = _preprocessors(plan.media.video, options)
    return {
        "Width": size[0],
        "Height": size[1],
        "ScalingBehavior": "STRETCH_TO_OUTPUT",
        **({"VideoPreprocessors": preprocessors} if preprocessors else {}),
        "CodecSettings": {
            "Codec": "FRAME_CAPTURE",
            "FrameCaptureSettings": {
                "FramerateNumerator": period.denominator,
                "FramerateDenominator": period.numerator,
                "MaxCaptures": captures,
                "Quality": options.picture_quality,
            },
        },
    }


def qvbr_level(rung: VideoRendition, options: EncodeOptions) -> float:
    """The QVBR quality of a rung, 1 to 10."""
    chosen = options.qvbr_quality.get(rung.name)
    if chosen is not None:
        return chosen
    side = min(rung.width, rung.height)
    return float(next(level for least, level in _QVBR_LEVELS if side >= least))


def _h264(rung: VideoRendition, options: EncodeOptions) -> dict[str, Any]:
    frame_rate = rung.fps
    return {
        "CodecProfile": rung.h264_profile.upper(),
        "CodecLevel": _level(rung),
        **_rates(rung, options),
        "QualityTuningLevel": options.quality_tuning.upper(),
        "FramerateControl": "SPECIFIED",
        "FramerateNumerator": frame_rate.numerator,
        "FramerateDenominator": frame_rate.denominator,
        "FramerateConversionAlgorithm": "DUPLICATE_DROP",
        "ParControl": "SPECIFIED",
        "ParNumerator": 1,
        "ParDenominator": 1,
        # Closed GOPs of one length in every rung, IDR pictures nowhere else: players switch at any segment.
        "GopSize": float(rung.gop),
        "GopSizeUnits": "FRAMES",
        "GopClosedCadence": 1,
        "MinIInterval": 0,
        "SceneChangeDetect": "TRANSITION_DETECTION" if options.rate_control == "qvbr" else "ENABLED",
        "InterlaceMode": "PROGRESSIVE",
        "NumberReferenceFrames": min(rung.reference_frames, _MOST_REFERENCES),
        **_predictions(rung),
        "AdaptiveQuantization": "AUTO",
        "Slices": 1,
    }


def _predictions(rung: VideoRendition) -> dict[str, Any]:
    """Baseline has neither B pictures nor CABAC (ITU-T H.264, A.2.1)."""
    if rung.h264_profile == "baseline":
        return {"NumberBFramesBetweenReferenceFrames": 0, "GopBReference": "DISABLED", "EntropyEncoding": "CAVLC"}
    return {"DynamicSubGop": "ADAPTIVE", "GopBReference": "ENABLED", "EntropyEncoding": "CABAC"}


def _rates(rung: VideoRendition, options: EncodeOptions) -> dict[str, Any]:
    buffer = {"HrdBufferSize": rung.buffer_size, "HrdBufferInitialFillPercentage": 90}
    if options.rate_control == "cbr":
        return {"RateControlMode": "CBR", "Bitrate": rung.bitrate, **buffer}
    if options.rate_control == "vbr":
        return {"RateControlMode": "VBR", "Bitrate": rung.bitrate, "MaxBitrate": rung.max_bitrate, **buffer}
    level = qvbr_level(rung, options)
    quality: dict[str, Any] = {"QvbrQualityLevel": int(level)}
    if fine := round(level - int(level), 2):
        quality["QvbrQualityLevelFineTune"] = fine
    if options.quality_tuning == "multi_pass_hq":
        quality["MaxAverageBitrate"] = rung.bitrate
    return {"RateControlMode": "QVBR", "MaxBitrate": rung.max_bitrate, "QvbrSettings": quality, **buffer}


def _level(rung: VideoRendition) -> str:
    major, _, minor = rung.h264_level.partition(".")
    if (int(major), int(minor or 0)) > _HIGHEST_LEVEL:
        raise PlanError(
            f"Rung {rung.name} needs H.264 level {rung.h264_level}; MediaConvert encodes up to 5.2. Lower the frame "
            "rate or the top rung of the profile, or choose another engine."
        )
    return f"LEVEL_{major}" if minor in {"", "0"} else f"LEVEL_{major}_{minor}"


def _preprocessors(track: VideoTrack, options: EncodeOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    corrector = _color_corrector(track, options)
    if corrector:
        found["ColorCorrector"] = corrector
    if options.deinterlace == "adaptive" or (options.deinterlace == "auto" and track.interlaced):
        mode = "ADAPTIVE" if options.deinterlace == "adaptive" else "DEINTERLACE"
        found["Deinterlacer"] = {"Mode": mode, "Algorithm": "INTERPOLATE", "Control": "NORMAL"}
    return found


def _color_corrector(track: VideoTrack, options: EncodeOptions) -> dict[str, Any]:
    """To BT.709 in limited range, as every engine makes it; nothing for what is that already."""
    found: dict[str, Any] = {}
    if track.hdr:
        found |= {"ColorSpaceConversion": "FORCE_709", "HdrToSdrToneMapper": options.tone_mapper}
    elif source_matrix(track) != "bt709" or light_to(track):
        found["ColorSpaceConversion"] = "FORCE_709"
    if full_range(track):
        found["SampleRangeConversion"] = "LIMITED_RANGE_SQUEEZE"
    return found

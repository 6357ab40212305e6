"""What the settings of most video codecs have in common: rate control, GOPs, levels. Pure.

QVBR becomes constant quality below a ceiling (CRF with a rate buffer): each level is worth :data:`_CRF_STEP` of
x264's rate factor, level 7 is x264's default of 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from local_mediaconvert.transcode.contract import Document

Options = dict[str, Any]

_CRF_STEP: Final = 2.0
#: Level of QVBR without one, as the service chooses for most content.
DEFAULT_LEVEL: Final = 7.0
#: Seconds of a GOP that the service chooses by itself.
_AUTO_GOP: Final = 2
#: x264's and x265's presets by quality tuning level.
PRESETS: Final = {"SINGLE_PASS": "veryfast", "SINGLE_PASS_HQ": "medium", "MULTI_PASS_HQ": "slow"}


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
    return float(quality.get("QvbrQualityLevel", DEFAULT_LEVEL)) + float(quality.get("QvbrQualityLevelFineTune", 0))


def rate_factor(level: float, default: float) -> float:
    """An encoder's constant quality for a QVBR level.

    :param default: the encoder's own for level 7
    """
    return round(default + (DEFAULT_LEVEL - level) * _CRF_STEP, 2)


def nominal_bitrate(settings: Document) -> int:
    """What ``$rv$`` shows: the average rate, or the ceiling with QVBR, bits a second."""
    return int(settings.get("Bitrate") or settings.get("MaxBitrate") or 0)


def rates(settings: Document, crf: float) -> Options:
    """Rate control: constant quality below a ceiling, average and peak, or constant.

    :param crf: the encoder's constant quality for QVBR level 7
    """
    mode = settings.get("RateControlMode", "VBR")
    average, most = int(settings.get("Bitrate", 0)), int(settings.get("MaxBitrate", 0))
    if mode == "QVBR":
        ceiling: Options = {"maxrate:v": most, "bufsize:v": buffer(settings, most)} if most else {}
        return {"crf": rate_factor(qvbr_level(settings), crf)} | ceiling
    if mode == "CBR":
        return {"b:v": average, "minrate:v": average, "maxrate:v": average, "bufsize:v": buffer(settings, average)}
    if not average:
        return {"crf": crf}
    most = most or average * 3 // 2
    return {"b:v": average, "maxrate:v": most, "bufsize:v": buffer(settings, most)}


def buffer(settings: Document, rate: int) -> int:
    """``HrdBufferSize`` in bits; two seconds of the rate where it is not said."""
    return int(settings.get("HrdBufferSize") or rate * 2)


def level(settings: Document) -> str | None:
    """``LEVEL_4_1`` as ``4.1``."""
    name = str(settings.get("CodecLevel", "AUTO"))
    return None if name == "AUTO" else name.removeprefix("LEVEL_").replace("_", ".")

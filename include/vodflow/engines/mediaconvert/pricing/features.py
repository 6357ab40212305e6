"""What a job uses that MediaConvert prices apart. Pure; looks at requests as boto3 takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

Document = Mapping[str, Any]

#: Codecs of the Basic tier (pricing page); stills are not encoded video.
_BASIC_CODECS: Final = frozenset({"H_264", "VP8", "VP9", "FRAME_CAPTURE"})
_CODEC_NAMES: Final = {"H_265": "HEVC", "MPEG2": "MPEG-2", "PRORES": "ProRes", "AVC_INTRA": "AVC-Intra", "VC3": "VC-3"}
_DOLBY: Final = frozenset({"AC3", "EAC3", "EAC3_ATMOS", "AC4"})
_BASIC_CONTAINERS: Final = frozenset({"MP4", "CMFC", "M3U8", "MPD", "WEBM", "RAW", "OGG"})
_CODEC_SETTINGS: Final = {"H_264": "H264Settings", "H_265": "H265Settings", "AV1": "Av1Settings", "VP9": "Vp9Settings"}


def outputs(request: Document) -> Iterator[Document]:
    """Every output of every group."""
    for group in request["Settings"].get("OutputGroups", ()):
        yield from group.get("Outputs", ())


def codec(output: Document) -> str | None:
    """``Codec`` of an output's video; none without video."""
    found: str | None = output.get("VideoDescription", {}).get("CodecSettings", {}).get("Codec")
    return found


def codec_settings(output: Document) -> Document:
    """The settings of an output's video codec; empty where it has none that matter here."""
    name = _CODEC_SETTINGS.get(codec(output) or "")
    settings: Document = output.get("VideoDescription", {}).get("CodecSettings", {}).get(name, {}) if name else {}
    return settings


def frame_rate(output: Document) -> Fraction | None:
    """Frames a second, where the output says them; none when it follows the source."""
    settings = codec_settings(output)
    if "FramerateNumerator" not in settings:
        return None
    return Fraction(settings["FramerateNumerator"], settings.get("FramerateDenominator", 1))


def size(output: Document) -> tuple[int, int] | None:
    """Width and height in pixels, where the output says them."""
    video = output.get("VideoDescription", {})
    return (video["Width"], video["Height"]) if "Width" in video and "Height" in video else None


def audio_codecs(output: Document) -> list[str]:
    """Codecs of an output's audio."""
    return [item.get("CodecSettings", {}).get("Codec", "") for item in output.get("AudioDescriptions", ())]


def normalizes(output: Document) -> bool:
    """Whether an output corrects loudness."""
    return any("AudioNormalizationSettings" in item for item in output.get("AudioDescriptions", ()))


def add_ons(output: Document) -> list[str]:
    """Features of an output that are billed on top, by their names in the price table."""
    found = {
        "audio_normalization": normalizes(output),
        "dolby_audio": bool(_DOLBY & set(audio_codecs(output))),
        "dolby_vision": "DolbyVision" in _preprocessors(output),
        "frameformer": _algorithm(output) == "FRAMEFORMER",
    }
    return [name for name, used in found.items() if used]


def used_features(request: Document) -> dict[str, str]:
    """Every feature of a request that a price table can name, with how a person calls it: ``{"codec": "HEVC"}``."""
    found: dict[str, str] = {}
    for name, detect in _FEATURES.items():
        label = detect(request)
        if label:
            found[name] = label
    return found


def _preprocessors(output: Document) -> Document:
    found: Document = output.get("VideoDescription", {}).get("VideoPreprocessors", {})
    return found


def _algorithm(output: Document) -> str | None:
    found: str | None = codec_settings(output).get("FramerateConversionAlgorithm")
    return found


def _any(test: Callable[[Document], bool], label: str) -> Callable[[Document], str]:
    return lambda request: label if any(test(output) for output in outputs(request)) else ""


def _acceleration(request: Document) -> str:
    return "acceleration" if request.get("AccelerationSettings", {}).get("Mode") in {"ENABLED", "PREFERRED"} else ""


def _codecs(request: Document) -> str:
    names = dict.fromkeys(codec(output) for output in outputs(request))
    return ", ".join(_CODEC_NAMES.get(name, name) for name in names if name and name not in _BASIC_CODECS)


def _containers(request: Document) -> str:
    found = dict.fromkeys(output.get("ContainerSettings", {}).get("Container") for output in outputs(request))
    return ", ".join(name for name in found if name and name not in _BASIC_CONTAINERS)


def _drm(request: Document) -> str:
    for group in request["Settings"].get("OutputGroups", ()):
        if any(isinstance(part, Mapping) and "Encryption" in part for part in group["OutputGroupSettings"].values()):
            return "DRM"
    return ""


def _advanced_filter(request: Document) -> str:
    inputs = request["Settings"].get("Inputs", ())
    return "advanced input filter" if any(item.get("AdvancedInputFilter") == "ENABLED" for item in inputs) else ""


def _automated(request: Document) -> str:
    groups = request["Settings"].get("OutputGroups", ())
    return "automated ABR" if any("AutomatedEncodingSettings" in group for group in groups) else ""


def _converts_hdr(output: Document) -> bool:
    corrector = _preprocessors(output).get("ColorCorrector", {})
    return "HdrToSdrToneMapper" in corrector or "HDR" in corrector.get("ColorSpaceConversion", "")


def _is_8k(output: Document) -> bool:
    pixels = size(output)
    return pixels is not None and (min(pixels) > 2160 or max(pixels) > 4096)


_FEATURES: Final[Mapping[str, Callable[[Document], str]]] = {
    "acceleration": _acceleration,
    "codec": _codecs,
    "multi_pass_hq": _any(
        lambda output: codec_settings(output).get("QualityTuningLevel") == "MULTI_PASS_HQ", "multi-pass HQ"
    ),
    "deinterlacing": _any(lambda output: "Deinterlacer" in _preprocessors(output), "deinterlacing"),
    "hdr_conversion": _any(_converts_hdr, "HDR conversion"),
    "audio_normalization": _any(normalizes, "audio normalisation"),
    "dolby_audio": _any(lambda output: bool(_DOLBY & set(audio_codecs(output))), "Dolby audio"),
    "dolby_vision": _any(lambda output: "DolbyVision" in _preprocessors(output), "Dolby Vision"),
    "frameformer": _any(lambda output: _algorithm(output) == "FRAMEFORMER", "FrameFormer"),
    "high_frame_rate": _any(lambda output: (frame_rate(output) or 0) > 60, "more than 60 frames/s"),
    "resolution_8k": _any(_is_8k, "8K"),
    "avc_10_bit": _any(
        lambda output: str(codec_settings(output).get("CodecProfile", "")).startswith("HIGH_"), "AVC 10 bit or 4:2:2"
    ),
    "bandwidth_reduction": _any(
        lambda output: "BandwidthReductionFilter" in codec_settings(output), "bandwidth reduction filter"
    ),
    "advanced_input_filter": _advanced_filter,
    "automated_abr": _automated,
    "noise_reduction": _any(lambda output: "NoiseReducer" in _preprocessors(output), "noise reduction"),
    "drm": _drm,
    "container": _containers,
    "qvbr": _any(lambda output: codec_settings(output).get("RateControlMode") == "QVBR", "QVBR"),
}

#: Names that a price table may list under ``professional``.
FEATURE_NAMES: Final = tuple(_FEATURES)

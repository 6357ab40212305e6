"""AWS's system presets and job templates, made from their names, which say what they hold.

``System-Ott_Hls_Ts_Avc_Aac_16x9_1280x720p_30Hz_5.0Mbps`` is H.264, 1280×720, 30 frames a second, 5 Mbit/s, with AAC, in
MPEG-TS segments. Any name of this form is understood; those in lists are the ones that are used most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

Document = dict[str, Any]

_RATE: Final = r"(?P<rate>\d+(?:\.\d+)?)(?P<unit>[MK]bps)"
_NAMES: Final = (
    re.compile(
        r"System-(?P<use>Ott|Generic|Broadcast)_(?:(?P<kind>Hls|Dash|Cmaf|Sd|Hd|Uhd)_)(?P<container>Ts|Mp4|Cmfc)"
        r"_(?P<video>Avc|Hevc|Hev1|Av1)(?P<audio>_Aac)?_(?:16x9|4x3)(?:_Sdr)?"
        r"_(?P<width>\d+)x(?P<height>\d+)p_(?P<fps>\d+)Hz_"
        + _RATE
        + r"(?:_(?P<mode>Cbr|Qvbr)(?:_Vq(?P<quality>\d+))?)?",
        re.IGNORECASE,
    ),
    re.compile(
        r"System-(?P<video>Avc)_(?P<aspect>16x9|4x3)_(?P<height>\d+)p_(?P<fps>\d+_\d+)fps_" + _RATE, re.IGNORECASE
    ),
)
_SOUND: Final = re.compile(
    r"System-Ott_(?P<kind>Dash|Cmaf)_(?:Mp4|Cmfc)_Aac_(?P<profile>He|Lc)_(?P<rate>\d+)Kbps", re.IGNORECASE
)

_CONTAINERS: Final = {"hls": "M3U8", "dash": "MPD", "cmaf": "CMFC"}
_CATEGORIES: Final = {"hls": "OTT-HLS", "dash": "OTT-DASH", "cmaf": "OTT-CMAF"}
_CODECS: Final = {"avc": "H_264", "hevc": "H_265", "hev1": "H_265", "av1": "AV1"}
_SETTINGS: Final = {"H_264": "h264Settings", "H_265": "h265Settings", "AV1": "av1Settings"}

_LADDER: Final = (
    "480x270p_15Hz_0.4Mbps", "640x360p_30Hz_0.6Mbps", "640x360p_30Hz_1.2Mbps", "960x540p_30Hz_3.5Mbps",
    "1280x720p_30Hz_3.5Mbps", "1280x720p_30Hz_5.0Mbps", "1280x720p_30Hz_6.5Mbps", "1920x1080p_30Hz_8.5Mbps",
)  # fmt: skip
_HLS: Final = tuple(f"System-Ott_Hls_Ts_Avc_Aac_16x9_{rung}" for rung in _LADDER)
_DASH: Final = tuple(f"System-Ott_Dash_Mp4_Avc_16x9_{rung}" for rung in _LADDER)
_CMAF: Final = tuple(
    f"System-Ott_Cmaf_Cmfc_Avc_16x9_Sdr_{rung}"
    for rung in (
        "640x360p_30Hz_0.8Mbps_Cbr", "960x540p_30Hz_2.5Mbps_Cbr", "1280x720p_30Hz_4Mbps_Cbr",
        "1280x720p_30Hz_5Mbps_Cbr", "1920x1080p_30Hz_8Mbps_Cbr", "1920x1080p_30Hz_10Mbps_Cbr",
        "640x360p_30Hz_0.8Mbps_Qvbr_Vq7", "1280x720p_30Hz_4Mbps_Qvbr_Vq7", "1280x720p_30Hz_5Mbps_Qvbr_Vq8",
        "1920x1080p_30Hz_8Mbps_Qvbr_Vq8", "1920x1080p_30Hz_10Mbps_Qvbr_Vq9",
    )
)  # fmt: skip
_DASH_SOUND: Final = "System-Ott_Dash_Mp4_Aac_He_96Kbps"
_CMAF_SOUND: Final = "System-Ott_Cmaf_Cmfc_Aac_He_96Kbps"

#: The presets that lists show.
LISTED: Final = (
    *_HLS, *_DASH, _DASH_SOUND, *_CMAF, _CMAF_SOUND,
    "System-Avc_16x9_270p_14_99fps_400kbps", "System-Avc_16x9_360p_29_97fps_600kbps",
    "System-Avc_16x9_360p_29_97fps_1200kbps", "System-Avc_16x9_540p_29_97fps_3500kbps",
    "System-Avc_16x9_720p_29_97fps_3500kbps", "System-Avc_16x9_720p_29_97fps_5000kbps",
    "System-Avc_16x9_720p_29_97fps_6500kbps", "System-Avc_16x9_1080p_29_97fps_8500kbps",
    "System-Avc_4x3_480p_29_97fps_600kbps", "System-Avc_4x3_480p_29_97fps_1200kbps",
    "System-Generic_Sd_Mp4_Avc_Aac_4x3_640x480p_24Hz_1.5Mbps",
    "System-Generic_Sd_Mp4_Avc_Aac_16x9_Sdr_640x360p_30Hz_0.8Mbps_Qvbr_Vq7",
    "System-Generic_Hd_Mp4_Avc_Aac_16x9_1280x720p_24Hz_4.5Mbps",
    "System-Generic_Hd_Mp4_Avc_Aac_16x9_1280x720p_50Hz_6.0Mbps",
    "System-Generic_Hd_Mp4_Avc_Aac_16x9_1920x1080p_24Hz_6Mbps",
    "System-Generic_Hd_Mp4_Avc_Aac_16x9_Sdr_1280x720p_30Hz_5Mbps_Qvbr_Vq9",
    "System-Generic_Hd_Mp4_Av1_Aac_16x9_1280x720p_24Hz_3.5Mbps_Qvbr_Vq8",
    "System-Generic_Uhd_Mp4_Hevc_Aac_16x9_3840x2160p_24Hz_8Mbps",
    "System-Generic_Uhd_Mp4_Hev1_Aac_16x9_Sdr_3840x2160p_30Hz_12Mbps_Qvbr_Vq9",
)  # fmt: skip


class SystemPresets(Mapping[str, Document]):
    """Presets by name; none of them is made before somebody asks for it."""

    def __getitem__(self, name: str) -> Document:
        found = _preset(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(LISTED)

    def __len__(self) -> int:
        return len(LISTED)


class SystemTemplates(Mapping[str, Document]):
    """Job templates by name: the ladders of presets for HLS, DASH and CMAF."""

    def __getitem__(self, name: str) -> Document:
        return _TEMPLATES[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_TEMPLATES)

    def __len__(self) -> int:
        return len(_TEMPLATES)


def _preset(name: str) -> Document | None:
    sound = _SOUND.fullmatch(name)
    if sound is not None:
        kind = sound["kind"].lower()
        profile = "HEV1" if sound["profile"].lower() == "he" else "LC"
        settings = {
            "containerSettings": {"container": _CONTAINERS[kind]},
            "audioDescriptions": [_aac(int(sound["rate"]) * 1000, profile)],
        }
        return {"description": name, "category": _CATEGORIES[kind], "settings": settings}
    match = next((found for pattern in _NAMES if (found := pattern.fullmatch(name))), None)
    if match is None:
        return None
    parts = {key: value.lower() for key, value in match.groupdict().items() if value}
    kind = parts.get("kind", "hls")
    with_sound = "audio" in parts or "aspect" in parts
    return {
        "description": name,
        "category": _CATEGORIES.get(kind, "Generic-MP4"),
        "settings": {
            "containerSettings": {"container": _CONTAINERS.get(kind, "MP4")},
            "videoDescription": _video(parts),
            **({"audioDescriptions": [_aac(96_000, "LC")]} if with_sound else {}),
        },
    }


def _video(parts: Mapping[str, str]) -> Document:
    height = int(parts["height"])
    shape = Fraction(*map(int, parts["aspect"].split("x"))) if "aspect" in parts else None
    codec = _CODECS[parts["video"]]
    return {
        "width": int(parts["width"]) if shape is None else round(height * shape / 2) * 2,
        "height": height,
        "codecSettings": {"codec": codec, _SETTINGS[codec]: _encoding(codec, parts)},
        **({"videoPreprocessors": {"deinterlacer": {"mode": "DEINTERLACE"}}} if codec != "AV1" else {}),
    }


def _encoding(codec: str, parts: Mapping[str, str]) -> Document:
    bitrate = round(float(parts["rate"]) * (1_000_000 if parts["unit"] == "mbps" else 1000))
    frames = _frame_rate(parts["fps"])
    common = {
        "framerateControl": "SPECIFIED",
        "framerateNumerator": frames.numerator,
        "framerateDenominator": frames.denominator,
    }
    if codec == "AV1":  # it has QVBR only, and GOPs in frames
        gop: Document = {"gopSize": round(frames * 2), "numberBFramesBetweenReferenceFrames": 7}
    else:
        gop = {"gopSize": 2.0, "gopSizeUnits": "SECONDS", "gopClosedCadence": 1}
    if codec == "AV1" or parts.get("mode") == "qvbr":
        quality = {"qvbrQualityLevel": int(parts.get("quality", 8))}
        rate = {"rateControlMode": "QVBR", "maxBitrate": bitrate, "qvbrSettings": quality}
    else:
        rate = {"rateControlMode": "CBR", "bitrate": bitrate}
    box = {"writeMp4PackagingType": "HEV1" if parts["video"] == "hev1" else "HVC1"} if codec == "H_265" else {}
    return {**common, **gop, **rate, **box}


def _frame_rate(text: str) -> Fraction:
    """``30`` as it stands; ``29_97`` is NTSC's 30000/1001."""
    if "_" in text:
        whole = round(float(text.replace("_", ".")) + 0.01)
        return Fraction(whole * 1000, 1001)
    return Fraction(int(text))


def _aac(bitrate: int, profile: str) -> Document:
    coding = {"bitrate": bitrate, "codingMode": "CODING_MODE_2_0", "sampleRate": 48_000, "codecProfile": profile}
    return {"audioSourceName": "Audio Selector 1", "codecSettings": {"codec": "AAC", "aacSettings": coding}}


def _template(category: str, group: str, settings: Document, names: tuple[str, ...]) -> Document:
    outputs = [{"preset": name, "nameModifier": f"_{name.removeprefix('System-')}"} for name in names]
    return {
        "description": f"{group}: {len(names)} outputs",
        "category": category,
        "priority": 0,
        "statusUpdateInterval": "SECONDS_60",
        "accelerationSettings": {"mode": "DISABLED"},
        "settings": {
            "adAvailOffset": 0,
            "timecodeConfig": {"source": "ZEROBASED"},
            "inputs": [{"audioSelectors": {"Audio Selector 1": {"defaultSelection": "DEFAULT"}}}],
            "outputGroups": [{"name": group, "outputGroupSettings": settings, "outputs": outputs}],
        },
    }


_HLS_GROUP: Final[Document] = {
    "type": "HLS_GROUP_SETTINGS", "hlsGroupSettings": {"segmentLength": 6, "minSegmentLength": 0},
}  # fmt: skip
_DASH_GROUP: Final[Document] = {
    "type": "DASH_ISO_GROUP_SETTINGS", "dashIsoGroupSettings": {"segmentLength": 30, "fragmentLength": 2},
}  # fmt: skip
_CMAF_GROUP: Final[Document] = {
    "type": "CMAF_GROUP_SETTINGS", "cmafGroupSettings": {"segmentLength": 10, "fragmentLength": 2},
}  # fmt: skip
_CBR: Final = tuple(name for name in _CMAF if name.endswith("_Cbr"))
_QVBR: Final = tuple(name for name in _CMAF if "_Qvbr" in name)
_TEMPLATES: Final = {
    "System-Ott_Hls_Ts_Avc_Aac": _template("OTT-HLS", "Apple HLS", _HLS_GROUP, _HLS),
    "System-Ott_Dash_Mp4_Avc_Aac": _template("OTT-DASH", "DASH ISO", _DASH_GROUP, (*_DASH, _DASH_SOUND)),
    "System-Ott_Cmaf_Cmfc_Avc_Aac_Sdr_Cbr": _template("OTT-CMAF", "CMAF", _CMAF_GROUP, (*_CBR, _CMAF_SOUND)),
    "System-Ott_Cmaf_Cmfc_Avc_Aac_Sdr_Qvbr": _template("OTT-CMAF", "CMAF", _CMAF_GROUP, (*_QVBR, _CMAF_SOUND)),
}

"""Job settings for tests of the transcoder, as small as they can be."""

from __future__ import annotations

from typing import Any

Settings = dict[str, Any]


def h264(**changes: Any) -> Settings:
    settings = {"RateControlMode": "QVBR", "MaxBitrate": 500_000, "QualityTuningLevel": "SINGLE_PASS"} | changes
    return {"Codec": "H_264", "H264Settings": settings}


def video(codec: Settings | None = None, **changes: Any) -> Settings:
    return {"Width": 160, "Height": 90, "CodecSettings": codec or h264()} | changes


def aac(**changes: Any) -> Settings:
    settings = {"Bitrate": 96_000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48_000}
    return {"CodecSettings": {"Codec": "AAC", "AacSettings": settings}} | changes


def output(
    modifier: str = "_v", container: str = "MP4", picture: Settings | None = None, *sounds: Settings, **changes: Any
) -> Settings:
    described: Settings = {"NameModifier": modifier, "ContainerSettings": {"Container": container}}
    if picture:
        described["VideoDescription"] = picture
    if sounds:
        described["AudioDescriptions"] = list(sounds)
    return described | changes


def group(bucket: str, kind: str, *outputs: Settings, base: str = "out/", **changes: Any) -> Settings:
    name = {"HLS": "HlsGroupSettings", "CMAF": "CmafGroupSettings", "DASH_ISO": "DashIsoGroupSettings"}
    member = name.get(kind, "FileGroupSettings")
    type_name = {"HLS": "HLS_GROUP_SETTINGS", "CMAF": "CMAF_GROUP_SETTINGS", "DASH_ISO": "DASH_ISO_GROUP_SETTINGS"}
    settings = {"Destination": f"s3://{bucket}/{base}"} | changes
    return {
        "OutputGroupSettings": {"Type": type_name.get(kind, "FILE_GROUP_SETTINGS"), member: settings},
        "Outputs": list(outputs),
    }


def source(uri: str, **changes: Any) -> Settings:
    return {
        "FileInput": uri,
        "TimecodeSource": "ZEROBASED",
        "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
    } | changes


def job(*parts: Settings) -> Settings:
    """Inputs have a ``FileInput``, groups do not."""
    return {
        "Inputs": [part for part in parts if "FileInput" in part],
        "OutputGroups": [part for part in parts if "Outputs" in part],
    }

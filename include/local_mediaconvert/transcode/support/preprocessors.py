"""Video preprocessors."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

RULES: Final[dict[str, Members]] = {
    "VideoPreprocessor": shape(
        honoured="ColorCorrector Deinterlacer ImageInserter NoiseReducer TimecodeBurnin",
        warned="DolbyVision DurationControl Hdr10Plus PartnerWatermarking",
        notes={
            "DolbyVision": "Dolby Vision is not written",
            "DurationControl": "the duration stays as it is",
            "Hdr10Plus": "HDR10+ is not written",
            "PartnerWatermarking": "no watermark is added",
            "TimecodeBurnin": "in the monospaced font of the machine",
        },
    ),
    "Deinterlacer": shape(
        honoured="Algorithm Control Mode",
        notes={"Algorithm": "bwdif, whatever is asked for", "Mode": "INVERSE_TELECINE: fieldmatch and decimate"},
    ),
    "ColorCorrector": shape(
        honoured="Brightness ColorSpaceConversion Contrast HdrToSdrToneMapper Hue SampleRangeConversion Saturation",
        warned="ClipLimits Hdr10Metadata MaxLuminance SdrReferenceWhiteLevel",
        notes={
            "HdrToSdrToneMapper": "Hable's curve for both",
            "SampleRangeConversion": "full range is squeezed, not clipped",
            "ClipLimits": "samples are squeezed, not clipped",
            "Hdr10Metadata": "mastering metadata is not written",
            "MaxLuminance": "mastering metadata is not written",
            "SdrReferenceWhiteLevel": "SDR is not converted to HDR",
        },
        values={
            "ColorSpaceConversion": {
                name: refused("only conversions to REC 601 and REC 709 are made")
                for name in ("FORCE_HDR10", "FORCE_HLG_2020", "FORCE_P3DCI", "FORCE_P3D65_SDR", "FORCE_P3D65_HDR")
            },
            "SampleRangeConversion": {"LIMITED_RANGE_CLIP": warned("samples are squeezed, not clipped")},
        },
    ),
    "NoiseReducer": shape(
        honoured="Filter FilterSettings SpatialFilterSettings TemporalFilterSettings",
        note="hqdn3d or unsharp of about the same strength",
    ),
    "NoiseReducerFilterSettings": shape(honoured="Strength"),
    "NoiseReducerSpatialFilterSettings": shape(
        honoured="Strength", warned="PostFilterSharpenStrength Speed", note="one filter of this strength",
        neutral={"PostFilterSharpenStrength": (0,), "Speed": tuple(range(-2, 4))},
    ),
    "NoiseReducerTemporalFilterSettings": shape(
        honoured="Strength", warned="AggressiveMode PostTemporalSharpening PostTemporalSharpeningStrength Speed",
        note="one filter of this strength", neutral={"AggressiveMode": (0,), "Speed": tuple(range(-1, 4))},
    ),
    **{
        name: shape(warned=members, note="see the setting above it")
        for name, members in {
            "ClipLimits": "MaximumRGBTolerance MaximumYUV MinimumRGBTolerance MinimumYUV",
            "DolbyVision": "Compatibility L6Metadata L6Mode Mapping Profile",
            "DolbyVisionLevel6Metadata": "MaxCll MaxFall",
            "DurationControl": "IntegerDurationMaximumCompressionDenominator "
            "IntegerDurationMaximumCompressionNumerator IntegerDurationTrimThresholdMilliseconds",
            "Hdr10Plus": "MasteringMonitorNits TargetMonitorNits",
            "NexGuardFileMarkerSettings": "License Payload Preset Strength",
            "PartnerWatermarking": "NexguardFileMarkerSettings",
        }.items()
    },
    "TimecodeBurnin": shape(honoured="FontSize Position Prefix"),
}  # fmt: skip

"""Video codecs."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

_ENCODER: Final = "the encoder decides"
_METRICS: Final = "no metrics are measured"
_TELECINE: Final = "outputs are progressive"
_SLOW_PAL: Final = "pictures and sound are not slowed down"
_SCENES: Final = "the encoder codes blocks as it finds best; key frames stay at the cadence"

_ADAPTIVE: Final = "FlickerAdaptiveQuantization SpatialAdaptiveQuantization TemporalAdaptiveQuantization"
_WINDOW: Final = "SlidingWindowMs SlidingWindowPeakBitrate"

#: Frame rates that this does not convert to: the number of frames, and with it the duration, would change.
_RATES: Final = {"MAINTAIN_FRAME_COUNT": refused("the duration would change")}
_SCAN: Final = {
    name: refused("outputs are progressive; choose PROGRESSIVE and a deinterlacer")
    for name in ("TOP_FIELD", "BOTTOM_FIELD")
} | {name: warned("outputs are encoded as progressive frames") for name in ("FOLLOW_TOP_FIELD", "FOLLOW_BOTTOM_FIELD")}
_FRAMERATE: Final = "FramerateControl FramerateConversionAlgorithm FramerateDenominator FramerateNumerator"
_PAR: Final = "ParControl ParDenominator ParNumerator"
_HRD: Final = "HrdBufferFinalFillPercentage"

_NOTES: Final = {
    "FramerateConversionAlgorithm": "INTERPOLATE and FRAMEFORMER blend frames",
    "QualityTuningLevel": "a preset of the encoder, one pass",
    "SceneChangeDetect": _SCENES,
    "SlowPal": _SLOW_PAL,
    "Telecine": _TELECINE,
    "PerFrameMetrics": _METRICS,
    "BandwidthReductionFilter": "no filter is applied",
    "SaliencyAwareEncoding": _ENCODER,
    "SlidingWindowMs": "the rate buffer bounds peaks instead",
    "SlidingWindowPeakBitrate": "the rate buffer bounds peaks instead",
    "MinIInterval": "key frames stay at the cadence",
    "HrdBufferFinalFillPercentage": _ENCODER,
    "EndOfStreamMarkers": _ENCODER,
    "GopClosedCadence": "0 allows open GOPs in files; segments always begin with closed ones",
}
_VALUES: Final = {
    "FramerateConversionAlgorithm": _RATES,
    "InterlaceMode": _SCAN,
    "SlowPal": {"ENABLED": refused(_SLOW_PAL)},
    "Telecine": dict.fromkeys(("HARD", "SOFT"), refused(_TELECINE)),
}

_UNUSED: Final = "its codec is refused"

RULES: Final[dict[str, Members]] = {
    "VideoDescription": shape(
        honoured="AntiAlias ChromaPositionMode CodecSettings ColorMetadata Crop Height Position RespondToAfd "
        "ScalingBehavior Sharpness TimecodeInsertion TimecodeTrack VideoPreprocessors Width AfdSignaling "
        "DropFrameTimecode",
        warned="FixedAfd",
        notes={"Sharpness": "the scaler is bicubic", "FixedAfd": "AFD is not written"},
        values={
            "AfdSignaling": {"AUTO": warned("AFD is not written"), "FIXED": warned("AFD is not written")},
            "RespondToAfd": {
                "RESPOND": warned("AFD of the input is not read"), "PASSTHROUGH": warned("AFD is not written"),
            },
            "TimecodeInsertion": {"PIC_TIMING_SEI": warned("time codes are not written")},
            "TimecodeTrack": {"ENABLED": warned("time codes are not written")},
            "ChromaPositionMode": {
                "FORCE_CENTER": warned("chroma positions are not marked"),
                "FORCE_TOP_LEFT": warned("chroma positions are not marked"),
            },
            "ScalingBehavior": {"SMART_CROP": refused("what matters in the picture is not recognised; choose FILL")},
            "Sharpness": {value: warned("the scaler is bicubic") for value in range(101) if not 30 <= value <= 70},
        },
    ),
    "VideoCodecSettings": shape(
        honoured="Av1Settings Codec FrameCaptureSettings GifSettings H264Settings H265Settings Mpeg2Settings "
        "ProresSettings UncompressedSettings Vp8Settings Vp9Settings",
        refused="AvcIntraSettings PassthroughSettings Vc3Settings XavcSettings",
        note="its codec is not encoded here",
        values={
            "Codec": {
                name: refused(f"{name} is not encoded here") for name in ("AVC_INTRA", "PASSTHROUGH", "VC3", "XAVC")
            }
        },
    ),
    "FrameCaptureSettings": shape(honoured="FramerateDenominator FramerateNumerator MaxCaptures Quality"),
    "GifSettings": shape(honoured=_FRAMERATE, notes=_NOTES),
    "H264QvbrSettings": shape(
        honoured="QvbrQualityLevel QvbrQualityLevelFineTune",
        warned="MaxAverageBitrate",
        notes={
            "QvbrQualityLevel": "x264's constant rate factor below the ceiling; level 7 is 23, a level is worth 2",
            "MaxAverageBitrate": "constant quality has no average",
        },
    ),
    "H264Settings": shape(
        honoured=f"Bitrate CodecLevel CodecProfile DynamicSubGop EntropyEncoding {_FRAMERATE} GopBReference "
        "GopClosedCadence GopSize GopSizeUnits HrdBufferInitialFillPercentage HrdBufferSize InterlaceMode MaxBitrate "
        f"NumberBFramesBetweenReferenceFrames NumberReferenceFrames {_PAR} QualityTuningLevel QvbrSettings "
        "RateControlMode SceneChangeDetect Slices AdaptiveQuantization ExplicitWeightedPrediction RepeatPps",
        warned=f"BandwidthReductionFilter EndOfStreamMarkers FieldEncoding {_ADAPTIVE} {_HRD} MinIInterval "
        f"PerFrameMetrics SaliencyAwareEncoding ScanTypeConversionMode {_WINDOW} SlowPal Softness Syntax Telecine "
        "UnregisteredSeiTimecode WriteMp4PackagingType",
        note=_ENCODER,
        notes=_NOTES
        | {
            "AdaptiveQuantization": "OFF turns it off; otherwise x264's own",
            "FieldEncoding": _TELECINE,
            "ScanTypeConversionMode": _TELECINE,
            "UnregisteredSeiTimecode": "time codes are not written",
            "WriteMp4PackagingType": "parameter sets are in the header",
        },
        neutral={
            "EndOfStreamMarkers": ("INCLUDE", "SUPPRESS"), "FieldEncoding": ("PAFF",), "Softness": (0,),
            "MinIInterval": (0,), "HrdBufferFinalFillPercentage": (0,), "WriteMp4PackagingType": ("AVC1",),
            "ScanTypeConversionMode": ("INTERLACED",), "FlickerAdaptiveQuantization": ("ENABLED",),
            "SpatialAdaptiveQuantization": ("ENABLED",), "TemporalAdaptiveQuantization": ("ENABLED",),
        },
        values=_VALUES,
    ),
    "H265QvbrSettings": shape(
        honoured="QvbrQualityLevel QvbrQualityLevelFineTune",
        warned="MaxAverageBitrate",
        notes={
            "QvbrQualityLevel": "x265's constant rate factor below the ceiling; level 7 is 28, a level is worth 2",
            "MaxAverageBitrate": "constant quality has no average",
        },
    ),
    "H265Settings": shape(
        honoured=f"Bitrate CodecLevel CodecProfile {_FRAMERATE} GopClosedCadence GopSize GopSizeUnits HrdBufferSize "
        f"InterlaceMode MaxBitrate NumberBFramesBetweenReferenceFrames NumberReferenceFrames {_PAR} QualityTuningLevel "
        "QvbrSettings RateControlMode SampleAdaptiveOffsetFilterMode SceneChangeDetect WriteMp4PackagingType",
        warned=f"AdaptiveQuantization AlternateTransferFunctionSei BandwidthReductionFilter Deblocking DynamicSubGop "
        f"EndOfStreamMarkers {_ADAPTIVE} GopBReference {_HRD} HrdBufferInitialFillPercentage MinIInterval "
        f"MvOverPictureBoundaries MvTemporalPredictor PerFrameMetrics ScanTypeConversionMode Slices {_WINDOW} SlowPal "
        "Telecine TemporalIds TileHeight TilePadding TileWidth Tiles TreeBlockSize UnregisteredSeiTimecode",
        note=_ENCODER,
        notes=_NOTES | {"UnregisteredSeiTimecode": "time codes are not written", "ScanTypeConversionMode": _TELECINE},
        neutral={
            "EndOfStreamMarkers": ("INCLUDE", "SUPPRESS"), "AdaptiveQuantization": ("MEDIUM", "HIGH"), "Slices": (1,),
            "FlickerAdaptiveQuantization": ("ENABLED",), "SpatialAdaptiveQuantization": ("ENABLED",),
            "TemporalAdaptiveQuantization": ("ENABLED",), "GopBReference": ("ENABLED",), "MinIInterval": (0,),
            "DynamicSubGop": ("ADAPTIVE", "STATIC"), "HrdBufferInitialFillPercentage": tuple(range(101)),
            "HrdBufferFinalFillPercentage": (0,), "Deblocking": ("ENABLED",), "MvTemporalPredictor": ("ENABLED",),
            "MvOverPictureBoundaries": ("ENABLED",), "ScanTypeConversionMode": ("INTERLACED",),
        },
        values=_VALUES,
    ),
    "Av1QvbrSettings": shape(
        honoured="QvbrQualityLevel QvbrQualityLevelFineTune",
        notes={"QvbrQualityLevel": "SVT-AV1's constant rate factor; level 7 is 35, a level is worth 4"},
    ),
    "Av1Settings": shape(
        honoured=f"BitDepth Bitrate FilmGrainSynthesis {_FRAMERATE} GopSize MaxBitrate QvbrSettings RateControlMode "
        "SceneChangeDetect",
        warned=f"AdaptiveQuantization NumberBFramesBetweenReferenceFrames PerFrameMetrics Slices {_WINDOW} "
        "SpatialAdaptiveQuantization",
        note=_ENCODER,
        notes=_NOTES,
        neutral={
            "NumberBFramesBetweenReferenceFrames": (7, 15), "Slices": (1,), "SpatialAdaptiveQuantization": ("ENABLED",),
            "AdaptiveQuantization": ("MEDIUM", "HIGH"),
        },
        values={"FramerateConversionAlgorithm": _RATES},
    ),
    **{
        name: shape(
            honoured=f"Bitrate {_FRAMERATE} GopSize HrdBufferSize MaxBitrate {_PAR} QualityTuningLevel RateControlMode",
            notes=_NOTES,
            values={"FramerateConversionAlgorithm": _RATES},
        )
        for name in ("Vp8Settings", "Vp9Settings")
    },
    "Mpeg2Settings": shape(
        honoured=f"Bitrate CodecProfile {_FRAMERATE} GopSize GopSizeUnits HrdBufferSize InterlaceMode MaxBitrate "
        f"NumberBFramesBetweenReferenceFrames {_PAR} QualityTuningLevel RateControlMode SceneChangeDetect "
        "GopClosedCadence",
        warned=f"AdaptiveQuantization CodecLevel DynamicSubGop {_HRD} IntraDcPrecision MinIInterval PerFrameMetrics "
        f"ScanTypeConversionMode {_WINDOW} SlowPal Softness SpatialAdaptiveQuantization Syntax Telecine "
        "TemporalAdaptiveQuantization HrdBufferInitialFillPercentage",
        note=_ENCODER,
        notes=_NOTES,
        neutral={
            "MinIInterval": (0,), "Softness": (0,), "SpatialAdaptiveQuantization": ("ENABLED",),
            "TemporalAdaptiveQuantization": ("ENABLED",), "DynamicSubGop": ("STATIC", "ADAPTIVE"),
            "ScanTypeConversionMode": ("INTERLACED",), "HrdBufferInitialFillPercentage": tuple(range(101)),
            "AdaptiveQuantization": ("HIGH", "MEDIUM", "LOW"),
        },
        values=_VALUES,
    ),
    "ProresSettings": shape(
        honoured=f"ChromaSampling CodecProfile {_FRAMERATE} InterlaceMode {_PAR}",
        warned="PerFrameMetrics ScanTypeConversionMode SlowPal Telecine",
        notes=_NOTES | {"ScanTypeConversionMode": _TELECINE},
        neutral={"ScanTypeConversionMode": ("INTERLACED",)},
        values={
            "FramerateConversionAlgorithm": _RATES,
            "InterlaceMode": _SCAN,
            "SlowPal": {"ENABLED": refused(_SLOW_PAL)},
            "Telecine": {"HARD": refused(_TELECINE)},
        },
    ),
    "UncompressedSettings": shape(
        honoured=f"Fourcc {_FRAMERATE} InterlaceMode",
        warned="ScanTypeConversionMode SlowPal Telecine",
        notes=_NOTES | {"ScanTypeConversionMode": _TELECINE},
        neutral={"ScanTypeConversionMode": ("INTERLACED",)},
        values={
            "FramerateConversionAlgorithm": _RATES,
            "InterlaceMode": {"INTERLACED": refused("outputs are progressive; choose PROGRESSIVE and a deinterlacer")},
            "SlowPal": {"ENABLED": refused(_SLOW_PAL)},
            "Telecine": {"HARD": refused(_TELECINE)},
        },
    ),
    **{
        name: shape(refused=members, note=_UNUSED)
        for name, members in {
            "AvcIntraSettings": f"AvcIntraClass AvcIntraUhdSettings {_FRAMERATE} InterlaceMode PerFrameMetrics "
            "ScanTypeConversionMode SlowPal Telecine",
            "AvcIntraUhdSettings": "QualityTuningLevel",
            "PassthroughSettings": "FrameControl GopsPerSegment SegmentationMode VideoSelectorMode",
            "Vc3Settings": f"{_FRAMERATE} InterlaceMode ScanTypeConversionMode SlowPal Telecine Vc3Class",
            "Xavc4kIntraCbgProfileSettings": "XavcClass",
            "Xavc4kIntraVbrProfileSettings": "XavcClass",
            "Xavc4kProfileSettings": "BitrateClass CodecProfile FlickerAdaptiveQuantization GopBReference "
            "GopClosedCadence HrdBufferSize QualityTuningLevel Slices",
            "XavcHdIntraCbgProfileSettings": "InterlaceMode XavcClass",
            "XavcHdProfileSettings": "BitrateClass FlickerAdaptiveQuantization GopBReference GopClosedCadence "
            "HrdBufferSize InterlaceMode QualityTuningLevel Slices Telecine",
            "XavcSettings": f"AdaptiveQuantization EntropyEncoding {_FRAMERATE} PerFrameMetrics Profile SlowPal "
            "Softness SpatialAdaptiveQuantization TemporalAdaptiveQuantization Xavc4kIntraCbgProfileSettings "
            "Xavc4kIntraVbrProfileSettings Xavc4kProfileSettings XavcHdIntraCbgProfileSettings XavcHdProfileSettings",
        }.items()
    },
    "BandwidthReductionFilter": shape(warned="Sharpening Strength", note="no filter is applied"),
}  # fmt: skip

"""Audio codecs and processing."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

_DOLBY: Final = "FFmpeg's encoder writes its own metadata"
_DOLBY_NEUTRAL: Final = {
    "BitstreamMode": ("COMPLETE_MAIN",), "DynamicRangeCompressionLine": ("FILM_STANDARD",),
    "DynamicRangeCompressionRf": ("FILM_STANDARD",), "DynamicRangeCompressionProfile": ("FILM_STANDARD",),
    "MetadataControl": ("FOLLOW_INPUT", "USE_CONFIGURED"), "SurroundExMode": ("NOT_INDICATED",),
    "SurroundMode": ("NOT_INDICATED",), "StereoDownmix": ("NOT_INDICATED",), "PassthroughControl": ("NO_PASSTHROUGH",),
    "AttenuationControl": ("NONE",), "DcFilter": ("ENABLED",), "LfeControl": ("LFE",), "PhaseControl": ("NO_SHIFT",),
    "LfeFilter": ("DISABLED", "ENABLED"),
}  # fmt: skip
_AC4: Final = "AC-4 is not encoded here"
_ATMOS: Final = "Atmos is not encoded here"

RULES: Final[dict[str, Members]] = {
    "AudioDescription": shape(
        honoured="AudioNormalizationSettings AudioSourceName AudioTypeControl CodecSettings CustomLanguageCode "
        "LanguageCode LanguageCodeControl RemixSettings StreamName",
        warned="AudioChannelTaggingSettings AudioPitchCorrectionSettings AudioType",
        notes={
            "AudioChannelTaggingSettings": "channels are not tagged",
            "AudioPitchCorrectionSettings": "pitch stays as it is",
            "AudioType": "the audio type is not signalled",
        },
        neutral={"AudioType": (0,)},
    ),
    "AudioCodecSettings": shape(
        honoured="AacSettings Ac3Settings AiffSettings Codec Eac3Settings FlacSettings Mp2Settings Mp3Settings "
        "OpusSettings VorbisSettings WavSettings",
        refused="Ac4Settings Eac3AtmosSettings",
        notes={"Ac4Settings": _AC4, "Eac3AtmosSettings": _ATMOS},
        values={"Codec": {"AC4": refused(_AC4), "EAC3_ATMOS": refused(_ATMOS)}},
    ),
    "AudioNormalizationSettings": shape(
        honoured="Algorithm AlgorithmControl CorrectionGateLevel PeakCalculation TargetLkfs TruePeakLimiterThreshold",
        warned="LoudnessLogging",
        notes={
            "Algorithm": "measured as ITU-R BS.1770-4, whichever is asked for",
            "TruePeakLimiterThreshold": "sample peaks are limited",
            "LoudnessLogging": "no log is written",
        },
        neutral={"LoudnessLogging": ("DONT_LOG",)},
    ),
    "RemixSettings": shape(
        honoured="ChannelMapping ChannelsIn ChannelsOut",
        refused="AudioDescriptionAudioChannel AudioDescriptionDataChannel",
        note="audio description is not mixed",
        notes={"ChannelMapping": "", "ChannelsIn": "", "ChannelsOut": ""},
    ),
    "ChannelMapping": shape(honoured="OutputChannels"),
    "OutputChannelMapping": shape(honoured="InputChannels InputChannelsFineTune"),
    "AacSettings": shape(
        honoured="Bitrate CodecProfile CodingMode RateControlMode RawFormat SampleRate Specification VbrQuality",
        warned="AudioDescriptionBroadcasterMix LoudnessMeasurementMode PassthroughControl RapInterval "
        "TargetLoudnessRange",
        notes={
            "CodecProfile": "LC; SBR and PS are not encoded here",
            "AudioDescriptionBroadcasterMix": "the audio type is not signalled",
            "LoudnessMeasurementMode": "for xHE-AAC only",
            "PassthroughControl": "audio is encoded",
            "RapInterval": "for xHE-AAC only",
            "TargetLoudnessRange": "for xHE-AAC only",
        },
        neutral={"PassthroughControl": ("NO_PASSTHROUGH",)},
        values={
            "CodecProfile": {
                "HEV1": warned("AAC-LC is encoded at the same rate"),
                "HEV2": warned("AAC-LC is encoded at the same rate"),
                "XHE": refused("xHE-AAC is not encoded here"),
            },
            "CodingMode": {
                "AD_RECEIVER_MIX": refused("audio description is not mixed"),
                "CODING_MODE_1_1": warned("a stereo pair is encoded"),
            },
            "RawFormat": {"LATM_LOAS": refused("LATM is not written")},
            "Specification": {"MPEG2": warned("MPEG-4 AAC is encoded")},
        },
    ),
    "Ac3Settings": shape(
        honoured="Bitrate CodingMode Dialnorm SampleRate",
        warned="BitstreamMode DynamicRangeCompressionLine DynamicRangeCompressionProfile DynamicRangeCompressionRf "
        "LfeFilter MetadataControl",
        note=_DOLBY,
        neutral=_DOLBY_NEUTRAL,
    ),
    "Eac3Settings": shape(
        honoured="Bitrate CodingMode Dialnorm SampleRate",
        warned="AttenuationControl BitstreamMode DcFilter DynamicRangeCompressionLine DynamicRangeCompressionRf "
        "LfeControl LfeFilter LoRoCenterMixLevel LoRoSurroundMixLevel LtRtCenterMixLevel LtRtSurroundMixLevel "
        "MetadataControl PassthroughControl PhaseControl StereoDownmix SurroundExMode SurroundMode",
        note=_DOLBY,
        neutral=_DOLBY_NEUTRAL,
    ),
    "OpusSettings": shape(honoured="Bitrate Channels SampleRate"),
    "VorbisSettings": shape(honoured="Channels SampleRate VbrQuality"),
    "Mp2Settings": shape(
        honoured="Bitrate Channels SampleRate", warned="AudioDescriptionMix", note="the audio type is not signalled"
    ),
    "Mp3Settings": shape(honoured="Bitrate Channels RateControlMode SampleRate VbrQuality"),
    "WavSettings": shape(
        honoured="BitDepth Channels Format SampleRate", notes={"Format": "RF64 where the file is large"}
    ),
    "AiffSettings": shape(honoured="BitDepth Channels SampleRate"),
    "FlacSettings": shape(honoured="BitDepth Channels SampleRate"),
    "AudioChannelTaggingSettings": shape(warned="ChannelTag ChannelTags", note="channels are not tagged"),
    "AudioPitchCorrectionSettings": shape(warned="SlowPalPitchCorrection", note="pitch stays as it is"),
    "Ac4Settings": shape(
        refused="Bitrate BitstreamMode CodingMode DynamicRangeCompressionFlatPanelTv "
        "DynamicRangeCompressionHomeTheater DynamicRangeCompressionPortableHeadphones "
        "DynamicRangeCompressionPortableSpeakers LoRoCenterMixLevel LoRoSurroundMixLevel LtRtCenterMixLevel "
        "LtRtSurroundMixLevel SampleRate StereoDownmix",
        note=_AC4,
    ),
    "Eac3AtmosSettings": shape(
        refused="Bitrate BitstreamMode CodingMode DialogueIntelligence DownmixControl DynamicRangeCompressionLine "
        "DynamicRangeCompressionRf DynamicRangeControl LoRoCenterMixLevel LoRoSurroundMixLevel LtRtCenterMixLevel "
        "LtRtSurroundMixLevel MeteringMode SampleRate SpeechThreshold StereoDownmix SurroundExMode",
        note=_ATMOS,
    ),
}

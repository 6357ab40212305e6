"""Audio: which source tracks are selected, and how each rendition is encoded."""

from __future__ import annotations

from collections import Counter
from math import log10
from typing import Any, Final

from vodflow.contract.plan import AudioRendition, TranscodePlan
from vodflow.engines.mediaconvert.request.constraints import AAC_BITRATES
from vodflow.engines.mediaconvert.request.languages import language_members, listed_code
from vodflow.errors import PlanError
from vodflow.ffmpeg.downmix import stereo_gains
from vodflow.settings.encode_options import EncodeOptions, Loudness

#: RemixSettings: -60 dB mutes.
_MUTE: Final = -60.0
_CODING_MODES: Final = {1: "CODING_MODE_1_0", 2: "CODING_MODE_2_0", 6: "CODING_MODE_5_1"}


def selector_name(plan: TranscodePlan, sources: tuple[int, ...]) -> str:
    """``Audio Selector 1`` for the plan's main sound, and so on in the plan's order."""
    order = list(dict.fromkeys(audio.sources for audio in plan.audio))
    return f"Audio Selector {order.index(sources) + 1}"


def audio_selectors(plan: TranscodePlan, options: EncodeOptions) -> dict[str, Any]:
    """One selector for each sound of the source that the plan uses; the main one is the default.

    :raises PlanError: when the plan names an audio track that its source does not have
    """
    return {
        selector_name(plan, sources): {
            "DefaultSelection": "DEFAULT" if place == 0 else "NOT_DEFAULT",
            **_selection(plan, sources, options),
        }
        for place, sources in enumerate(dict.fromkeys(audio.sources for audio in plan.audio))
    }


def audio_description(plan: TranscodePlan, audio: AudioRendition, options: EncodeOptions) -> dict[str, Any]:
    """How one rendition is encoded: downmix, loudness, AAC-LC, language.

    :raises PlanError: for a number of channels that AAC in MediaConvert does not have
    """
    mode = _CODING_MODES.get(audio.channels)
    if mode is None:
        raise PlanError(
            f"Audio {audio.name} has {audio.channels} channels; MediaConvert's AAC has "
            f"{', '.join(map(str, _CODING_MODES))}."
        )
    description: dict[str, Any] = {
        "AudioSourceName": selector_name(plan, audio.sources),
        "AudioTypeControl": "FOLLOW_INPUT",
        **_language(audio),
        "StreamName": audio.language.replace("-", " ") if audio.language else "main",
        "CodecSettings": {
            "Codec": "AAC",
            "AacSettings": {
                "CodecProfile": "LC",
                "CodingMode": mode,
                "RateControlMode": "CBR",
                "Bitrate": aac_bitrate(audio.bitrate),
                "SampleRate": audio.sample_rate,
                "Specification": "MPEG4",
                "RawFormat": "NONE",
            },
        },
    }
    if options.loudness:
        description["AudioNormalizationSettings"] = _normalization(options.loudness)
    remix = _remix(audio)
    return description | ({"RemixSettings": remix} if remix else {})


def audio_group(plan: TranscodePlan, audio: AudioRendition) -> str:
    """The HLS group of a rendition: named after the main track's rendition of the same rate (see packaging.master)."""
    groups = dict.fromkeys(rung.audio for rung in plan.renditions if rung.audio)
    by_name = {item.name: item for item in plan.audio}
    return next((name for name in groups if name and by_name[name].bitrate == audio.bitrate), audio.name)


def aac_bitrate(wanted: int) -> int:
    """The closest bit rate that MediaConvert's AAC has, bits a second; the lower one of two."""
    return min(AAC_BITRATES, key=lambda rate: (abs(rate - wanted), rate))


def _selection(plan: TranscodePlan, sources: tuple[int, ...], options: EncodeOptions) -> dict[str, Any]:
    """The tracks in the order of the file; :func:`_remix` brings their channels into that of the layout."""
    tracks = {track.index: track for track in plan.media.audio}
    # Tracks that nobody can decode count, too.
    counted = sorted([*tracks, *(other.index for other in plan.media.others if other.kind == "audio")])
    if missing := set(sources) - tracks.keys():
        raise PlanError(
            f"The plan uses audio stream {min(missing)} of {plan.source.uri}, which has no such stream. Plan again."
        )
    if plan.media.program:
        return {"SelectorType": "PID", "Pids": [tracks[index].pid for index in sorted(sources)]}
    if options.audio_selection == "language" and len(sources) == 1:
        codes = Counter(listed_code(track.language or "") for track in tracks.values())
        code = listed_code(tracks[sources[0]].language or "")
        if code and codes[code] == 1:
            return {"SelectorType": "LANGUAGE_CODE", "LanguageCode": code}
    return {"SelectorType": "TRACK", "Tracks": [counted.index(index) + 1 for index in sorted(sources)]}


def _language(audio: AudioRendition) -> dict[str, str]:
    if audio.language is None:
        return {"LanguageCodeControl": "FOLLOW_INPUT"}
    return {"LanguageCodeControl": "USE_CONFIGURED", **language_members(audio.language)}


def _normalization(loudness: Loudness) -> dict[str, Any]:
    return {
        "Algorithm": f"ITU_BS_1770_{loudness.algorithm}",
        "AlgorithmControl": "CORRECT_AUDIO",
        "TargetLkfs": loudness.target,
        "PeakCalculation": "TRUE_PEAK",
        "TruePeakLimiterThreshold": loudness.true_peak,
        "LoudnessLogging": "DONT_LOG",
    }


def _remix(audio: AudioRendition) -> dict[str, Any] | None:
    gains = stereo_gains(audio.source_layout, audio.source_channels) if audio.channels == 2 else None
    ordered = sorted(audio.mono_sources)
    if gains is None and ordered != list(audio.mono_sources):
        gains = [(1.0, 0.0), (0.0, 1.0)]  # the right side comes first
    if gains is None:
        return None
    if ordered:
        gains = [gains[audio.mono_sources.index(index)] for index in ordered]
    sides = [[_decibels(gain[side]) for gain in gains] for side in (0, 1)]
    return {
        "ChannelsIn": audio.source_channels,
        "ChannelsOut": 2,
        "ChannelMapping": {"OutputChannels": [{"InputChannelsFineTune": side} for side in sides]},
    }


def _decibels(gain: float) -> float:
    return max(_MUTE, round(20 * log10(gain), 3)) if gain > 0 else _MUTE

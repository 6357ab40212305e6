"""The outputs of each group: one file or one stream each."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

from vodflow.contract.plan import AudioRendition, Thumbnails, TranscodePlan, VideoRendition
from vodflow.engines.mediaconvert.request import destinations
from vodflow.engines.mediaconvert.request.audio import audio_description, audio_group
from vodflow.engines.mediaconvert.request.captions import caption_description, captions_name
from vodflow.engines.mediaconvert.request.video import picture_description, video_description
from vodflow.errors import ConfigurationError
from vodflow.settings.encode_options import Captions, EncodeOptions

Output = dict[str, Any]

#: The frame at the poster's time is the second capture; a period below this would be none at all.
_SHORTEST_PERIOD = Fraction(1, 10)


def hls_outputs(plan: TranscodePlan, options: EncodeOptions) -> list[Output]:
    """HLS in MPEG-TS: video alone, audio as alternate renditions of its own, captions as WebVTT.

    :raises ConfigurationError: for IMSC captions, which HLS in MPEG-TS does not have
    """
    if any(item.format == "imsc" for item in options.captions):
        raise ConfigurationError("HLS in MPEG-TS has no IMSC captions. Choose webvtt, or fMP4 segments.")
    outputs = [_hls_video(plan, rung, options) for rung in plan.renditions]
    outputs += [_hls_audio(plan, audio, options) for audio in plan.audio]
    return outputs + [
        {
            "NameModifier": f"_{captions_name(item)}",
            "ContainerSettings": {"Container": "M3U8", "M3u8Settings": {}},
            "OutputSettings": {"HlsSettings": {}},
            "CaptionDescriptions": [caption_description(options, item)],
        }
        for item in options.captions
    ]


def cmaf_outputs(plan: TranscodePlan, options: EncodeOptions, *, hls: bool) -> list[Output]:
    """CMAF: every track alone, for HLS, DASH or both.

    :param hls: whether HLS playlists are written, which then name groups and I-frames
    """
    outputs = [_cmaf_video(plan, rung, options, hls=hls) for rung in plan.renditions]
    outputs += [_cmaf_audio(plan, audio, options, hls=hls) for audio in plan.audio]
    return outputs + [_captions(options, item, "CMFC", {"CmfcSettings": {}}) for item in options.captions]


def dash_outputs(plan: TranscodePlan, options: EncodeOptions) -> list[Output]:
    """DASH ISO: every track alone."""
    container = {"Container": "MPD", "MpdSettings": {}}
    outputs: list[Output] = [
        {
            "NameModifier": destinations.track_modifier(rung),
            "ContainerSettings": container,
            "VideoDescription": video_description(plan, rung, options),
        }
        for rung in plan.renditions
    ]
    outputs += [
        {
            "NameModifier": destinations.track_modifier(audio),
            "ContainerSettings": container,
            "AudioDescriptions": [audio_description(plan, audio, options)],
        }
        for audio in plan.audio
    ]
    for item in options.captions:
        kind = "FRAGMENTED_MP4" if item.format == "imsc" else "RAW"
        outputs.append(_captions(options, item, "MPD", {"MpdSettings": {"CaptionContainerType": kind}}))
    return [_with_preset(output, rung, options) for output, rung in _beside(outputs, plan)]


def mp4_outputs(plan: TranscodePlan, options: EncodeOptions) -> list[Output]:
    """Progressive MP4: every rung with its audio, the index in front."""
    by_name = {audio.name: audio for audio in plan.audio}
    outputs: list[Output] = []
    for rung in plan.renditions:
        output: Output = {
            "NameModifier": destinations.mp4_modifier(rung),
            "ContainerSettings": {
                "Container": "MP4",
                "Mp4Settings": {"MoovPlacement": "PROGRESSIVE_DOWNLOAD", "FreeSpaceBox": "EXCLUDE"},
            },
            "VideoDescription": video_description(plan, rung, options),
        }
        if rung.audio:
            output["AudioDescriptions"] = [audio_description(plan, by_name[rung.audio], options)]
        outputs.append(_with_preset(output, rung, options))
    return outputs


def sidecar_outputs(options: EncodeOptions) -> list[Output]:
    """Captions as files of their own, for players of MP4."""
    return [_captions(options, item, "RAW", {}) for item in options.captions]


def thumbnail_output(plan: TranscodePlan, wanted: Thumbnails, options: EncodeOptions) -> Output:
    """One picture at every multiple of the interval, from 0 on."""
    period = Fraction(wanted.interval).limit_denominator(1000)
    captures = max(1, ceil(Fraction(plan.media.video.duration) / period))
    return {
        "ContainerSettings": {"Container": "RAW"},
        "VideoDescription": picture_description(plan, (wanted.width, wanted.height), period, captures, options),
    }


def poster_output(plan: TranscodePlan, wanted: Thumbnails, options: EncodeOptions) -> Output:
    """The picture at the poster's time, at the top rung's size.

    Captures begin with the first frame, so the poster is the second one; the first is surplus. A poster of the very
    first moment is the only one.
    """
    top = max(plan.renditions, key=lambda rung: rung.width * rung.height)
    late = poster_is_second(wanted)
    period = Fraction(wanted.poster_time).limit_denominator(1000) if late else Fraction(1)
    return {
        "ContainerSettings": {"Container": "RAW"},
        "VideoDescription": picture_description(plan, (top.width, top.height), period, 2 if late else 1, options),
    }


def poster_is_second(wanted: Thumbnails) -> bool:
    """Whether the poster is the second capture (or the first and only one)."""
    return Fraction(wanted.poster_time) >= _SHORTEST_PERIOD


def _hls_video(plan: TranscodePlan, rung: VideoRendition, options: EncodeOptions) -> Output:
    settings: dict[str, Any] = {"IFrameOnlyManifest": "INCLUDE" if options.iframe_playlists else "EXCLUDE"}
    if rung.audio:
        settings["AudioRenditionSets"] = rung.audio
    output = {
        "NameModifier": destinations.track_modifier(rung),
        "ContainerSettings": {"Container": "M3U8", "M3u8Settings": {}},
        "OutputSettings": {"HlsSettings": settings},
        "VideoDescription": video_description(plan, rung, options),
    }
    return _with_preset(output, rung, options)


def _hls_audio(plan: TranscodePlan, audio: AudioRendition, options: EncodeOptions) -> Output:
    return {
        "NameModifier": destinations.track_modifier(audio),
        "ContainerSettings": {"Container": "M3U8", "M3u8Settings": {}},
        "OutputSettings": {"HlsSettings": {**_alternate(plan, audio), "AudioOnlyContainer": "AUTOMATIC"}},
        "AudioDescriptions": [audio_description(plan, audio, options)],
    }


def _cmaf_video(plan: TranscodePlan, rung: VideoRendition, options: EncodeOptions, *, hls: bool) -> Output:
    settings: dict[str, Any] = {}
    if hls:
        settings["IFrameOnlyManifest"] = "INCLUDE" if options.iframe_playlists else "EXCLUDE"
        if rung.audio:
            settings["AudioRenditionSets"] = rung.audio
    output = {
        "NameModifier": destinations.track_modifier(rung),
        "ContainerSettings": {"Container": "CMFC", "CmfcSettings": settings},
        "VideoDescription": video_description(plan, rung, options),
    }
    return _with_preset(output, rung, options)


def _cmaf_audio(plan: TranscodePlan, audio: AudioRendition, options: EncodeOptions, *, hls: bool) -> Output:
    settings = _alternate(plan, audio) if hls else {}
    return {
        "NameModifier": destinations.track_modifier(audio),
        "ContainerSettings": {"Container": "CMFC", "CmfcSettings": settings},
        "AudioDescriptions": [audio_description(plan, audio, options)],
    }


def _alternate(plan: TranscodePlan, audio: AudioRendition) -> dict[str, Any]:
    group = audio_group(plan, audio)
    kind = "ALTERNATE_AUDIO_AUTO_SELECT" + ("_DEFAULT" if audio.name == group else "")
    return {"AudioGroupId": group, "AudioTrackType": kind}


def _captions(options: EncodeOptions, item: Captions, container: str, settings: dict[str, Any]) -> Output:
    name = captions_name(item)
    return {
        # The sidecar group's base is "captions" already.
        "NameModifier": f"_{name.removeprefix('captions_') if container == 'RAW' else name}",
        "ContainerSettings": {"Container": container, **settings},
        "CaptionDescriptions": [caption_description(options, item)],
    }


def _beside(outputs: list[Output], plan: TranscodePlan) -> list[tuple[Output, VideoRendition | None]]:
    rungs: list[VideoRendition | None] = [*plan.renditions, *[None] * (len(outputs) - len(plan.renditions))]
    return list(zip(outputs, rungs, strict=True))


def _with_preset(output: Output, rung: VideoRendition | None, options: EncodeOptions) -> Output:
    """The output by a preset's name where one is given: a preset carries container, video and audio settings."""
    preset = options.presets.get(rung.name) if rung else None
    if preset is None:
        return output
    kept: Output = {name: output[name] for name in ("NameModifier", "OutputSettings") if name in output}
    return {**kept, "Preset": preset.name, **preset.overrides}

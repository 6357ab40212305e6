"""From an input's audio tracks to an output's encoder: the filters of sound. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vodflow.contract.media_info import AudioTrack
from vodflow.ffmpeg.downmix import downmix
from vodflow.ffmpeg.sound_filters import KEEP_TIME

from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from local_mediaconvert.transcode.filter_steps import Chain, Step, step
from local_mediaconvert.transcode.selectors import Selection

#: FFmpeg's layout of that many channels.
LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
#: Decibels that mute a channel in RemixSettings.
_MUTE: Final = -60.0
#: What normalisation aims at when the settings do not say, LKFS by algorithm (API reference, TargetLkfs).
_TARGETS: Final = {"ITU_BS_1770_1": -24.0}
_TARGET: Final = -23.0


@dataclass(frozen=True)
class Loudness:
    """Correction of one track's loudness.

    :param target: LKFS
    :param ceiling: dBTP of the limiter; none without one
    :param gate: LKFS below which nothing is corrected
    """

    target: float
    ceiling: float | None
    gate: float


def channels_of(selection: Selection) -> int:
    """Channels of a selector's tracks together."""
    return sum(track.channels for track in selection.tracks)


def sound_chain(clip: Clip, selection: Selection, remix: Document | None, rate: int, channels: int) -> Chain:
    """One clip's sound as that of the output: sample rate, channels and length are those of every other clip.

    :param remix: ``RemixSettings`` of the output
    :param rate: samples a second
    :raises JobFailed: for remix settings that do not fit the tracks
    """
    length = f"{float(clip.length):.6f}"
    if not selection.tracks:
        return (step("aformat", sample_rates=rate, channel_layouts=layout(channels)), step("atrim", end=length))
    # Channels first, and once more at the end: filters between would be negotiated to one layout for all outputs that
    # share them.
    chain: list[Step] = []
    present = channels_of(selection)
    source_layout = selection.tracks[0].layout
    for settings in (selection.settings.get("RemixSettings"), remix):
        if settings:
            mixed, present = _remix(settings, present)
            chain.append(mixed)
            source_layout = LAYOUTS.get(present, "")
    chain += _mixed_down(source_layout, present, channels)
    chain.append(step("aresample", rate, **KEEP_TIME))
    chain += _offset(int(selection.settings.get("Offset", 0)))
    # Silence up to the end, also of a track that turns out to be empty.
    chain += [step("apad", whole_dur=length), step("atrim", end=length)]
    return (*chain, step("aformat", channel_layouts=layout(channels)))


def layout(channels: int) -> str:
    """FFmpeg's name of a channel layout."""
    return LAYOUTS.get(channels, f"{channels}c")


def layout_of(track: AudioTrack) -> str:
    """FFmpeg's name of a track's channel layout; the usual one of as many channels where it has none."""
    return layout(track.channels) if "channels" in track.layout else track.layout


def _mixed_down(source_layout: str, present: int, channels: int) -> list[Step]:
    mix = downmix(source_layout, present) if channels == 2 else None
    return [*([step("pan", mix)] if mix else []), step("aformat", channel_layouts=layout(channels))]


def _remix(settings: Document, present: int) -> tuple[Step, int]:
    rows = settings.get("ChannelMapping", {}).get("OutputChannels", ())
    inputs, outputs = int(settings.get("ChannelsIn", present)), int(settings.get("ChannelsOut", len(rows) or present))
    if len(rows) != outputs:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS, f"The remix settings map {len(rows)} output channels, but channelsOut is {outputs}."
        )
    mixes = []
    for place, row in enumerate(rows):
        gains: Sequence[Any] = row.get("InputChannelsFineTune") or row.get("InputChannels") or ()
        if len(gains) != inputs:
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, f"Output channel {place + 1} of the remix settings has {len(gains)} gains, but "
                f"channelsIn is {inputs}.",
            )  # fmt: skip
        # Channels that the input does not have are silent.
        heard = [(index, float(gain)) for index, gain in enumerate(gains) if gain > _MUTE and index < present]
        mix = "+".join(f"{10 ** (gain / 20):.6g}*c{index}" for index, gain in heard)
        mixes.append(f"c{place}={mix or '0*c0'}")
    # As an option: ffmpeg-python escapes "=" in arguments once too often.
    return step("pan", args="|".join([layout(outputs), *mixes])), outputs


def _offset(milliseconds: int) -> list[Step]:
    if milliseconds > 0:
        return [step("adelay", milliseconds, all=1)]
    if milliseconds < 0:
        return [step("atrim", start=f"{-milliseconds / 1000:.3f}"), step("asetpts", "PTS-STARTPTS")]
    return []


def loudness(description: Document) -> Loudness | None:
    """How an output's loudness is corrected; none when it is only measured, or not at all."""
    settings = description.get("AudioNormalizationSettings")
    if not settings or settings.get("AlgorithmControl") == "MEASURE_ONLY":
        return None
    target = settings.get("TargetLkfs")
    ceiling = settings.get("TruePeakLimiterThreshold")
    return Loudness(
        target=float(target) if target is not None else _TARGETS.get(settings.get("Algorithm", ""), _TARGET),
        ceiling=None if ceiling is None else float(ceiling),
        gate=float(settings.get("CorrectionGateLevel", -70)),
    )


def correction(wanted: Loudness, measured: float) -> Chain:
    """One gain for the whole track, and a limiter where one is asked for.

    :param measured: integrated loudness of the track, LUFS; minus infinity for silence
    """
    chain: list[Step] = []
    if measured > wanted.gate:
        chain.append(step("volume", f"{wanted.target - measured:.2f}dB"))
    if wanted.ceiling is not None:
        chain.append(step("alimiter", limit=f"{10 ** (wanted.ceiling / 20):.6f}", level="disabled"))
    return tuple(chain)

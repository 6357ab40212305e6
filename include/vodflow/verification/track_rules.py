"""The rules of measured tracks, whatever their container."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.media import h264
from vodflow.planning import span
from vodflow.verification.hls import TIME_TOLERANCE
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Track

#: Seconds beside two frames by which a rendition may differ from its source.
DURATION_TOLERANCE = 0.1
#: profile_idc by the plan's name, in the order of what decoders must support.
_PROFILES = {"baseline": 66, "main": 77, "high": 100}
#: Audio object type of AAC-LC (ISO/IEC 14496-3, table 1.17).
_AAC_LC = "mp4a.40.2"


def check_tracks(outputs: Outputs, plan: TranscodePlan, tracks: Sequence[Track]) -> None:
    """Check tracks of one kind of container against the plan, the source and each other.

    :raises VerificationError: at the first broken rule
    """
    for track in tracks:
        _check_continuity(outputs, track)
        if isinstance(track.rendition, VideoRendition):
            _check_video(outputs, plan, track, track.rendition)
        else:
            _check_audio(outputs, plan, track, track.rendition)
    _check_alignment(outputs, [track for track in tracks if isinstance(track.rendition, VideoRendition)])


def level_idc(level: str) -> int:
    """``level_idc`` of a level's name; 1b is written as 11 or 9 (ITU-T H.264, 7.4.2.1.1)."""
    return 11 if level == "1b" else round(float(level) * 10)


def _where(track: Track) -> str:
    return track.init or track.segments[0].name


def _check_continuity(outputs: Outputs, track: Track) -> None:
    for before, after in pairwise(track.segments):
        gap = after.start - before.start - before.duration
        outputs.require(
            abs(gap) <= TIME_TOLERANCE,
            after.name,
            Rule.SEGMENT_CONTINUITY,
            f"it starts {abs(gap):.3f} s {'after' if gap > 0 else 'before'} the end of {before.name}",
        )


def _check_video(outputs: Outputs, plan: TranscodePlan, track: Track, rendition: VideoRendition) -> None:
    for segment in track.segments:
        outputs.require(segment.sync, segment.name, Rule.SEGMENT_KEYFRAME, "its first picture is no IDR picture")
    for gop in track.gops:
        hidden = h264.has_captions(gop.stream)
        outputs.require(not hidden, gop.name, Rule.NO_HIDDEN_CAPTIONS, "its pictures carry captions")
    profile, level = int(track.codec[5:7], 16), int(track.codec[9:11], 16)
    allowed = level_idc(rendition.h264_level)
    outputs.require(
        profile <= _PROFILES[rendition.h264_profile] and level <= allowed,
        _where(track),
        Rule.CODEC_AS_PLANNED,
        f"it is {track.codec}, but the plan allows {rendition.h264_profile} at level {rendition.h264_level}",
    )
    outputs.require(
        (track.width, track.height) == (rendition.width, rendition.height),
        _where(track),
        Rule.RESOLUTION_AS_PLANNED,
        f"it is {track.width}x{track.height} instead of {rendition.width}x{rendition.height}",
    )
    frames = float((track.frame_rate or 0) - rendition.fps) * track.duration
    outputs.require(
        abs(frames) <= 1,
        _where(track),
        Rule.FRAME_RATE_AS_PLANNED,
        f"it has {float(track.frame_rate or 0):.3f} frames a second instead of {float(rendition.fps):.3f}",
    )
    wanted = span.picture_seconds(plan)
    _check_duration(outputs, track, wanted, wanted, 2 / float(rendition.fps))


def _check_audio(outputs: Outputs, plan: TranscodePlan, track: Track, rendition: AudioRendition) -> None:
    outputs.require(
        track.codec == _AAC_LC, _where(track), Rule.CODEC_AS_PLANNED, f"it is {track.codec} instead of {_AAC_LC}"
    )
    outputs.require(
        (track.channels, track.sample_rate) == (rendition.channels, rendition.sample_rate),
        _where(track),
        Rule.AUDIO_AS_PLANNED,
        f"it has {track.channels} channels at {track.sample_rate} Hz"
        f" instead of {rendition.channels} at {rendition.sample_rate} Hz",
    )
    lengths = [span.duration(plan), span.sound_end(plan, rendition), span.picture_seconds(plan)]
    # Engines may cut or pad audio to the picture. An encoder's priming adds up to two frames of 1024 samples.
    _check_duration(outputs, track, min(lengths), max(lengths), 2 * 1024 / rendition.sample_rate)


def _check_duration(outputs: Outputs, track: Track, shortest: float, longest: float, frames: float) -> None:
    tolerance = DURATION_TOLERANCE + frames
    outputs.require(
        shortest - tolerance <= track.duration <= longest + tolerance,
        track.segments[-1].name,
        Rule.DURATION,
        f"{track.name} ends after {track.duration:.3f} s, but the source lasts {shortest:.3f} to {longest:.3f} s",
    )


def _check_alignment(outputs: Outputs, tracks: Sequence[Track]) -> None:
    for track in tracks[1:]:
        first = tracks[0]
        for mine, other in zip(track.segments, first.segments, strict=False):
            outputs.require(
                abs(mine.start - other.start) <= TIME_TOLERANCE,
                mine.name,
                Rule.SEGMENTS_ALIGNED,
                f"it starts at {mine.start:.3f} s, but {other.name} at {other.start:.3f} s",
            )
        outputs.require(
            len(track.segments) == len(first.segments),
            track.segments[-1].name,
            Rule.SEGMENTS_ALIGNED,
            f"{track.name} has {len(track.segments)} segments, but {first.name} has {len(first.segments)}",
        )

"""The job's input: one source file, its tracks, and what of its metadata to believe."""

from __future__ import annotations

from typing import Any, Final

from vodflow.contract.media_info import VideoTrack
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.mediaconvert.request.audio import audio_selectors
from vodflow.engines.mediaconvert.request.captions import caption_selectors
from vodflow.ffmpeg.colors import full_range, source_matrix, source_primaries
from vodflow.settings.encode_options import EncodeOptions

#: Containers whose rotation AUTO reads (API reference, VideoSelector.Rotate), in ffprobe's names.
_ROTATING_CONTAINERS: Final = frozenset({"mov", "mp4"})
#: Seconds; the verifier's tolerance of durations.
_GAP: Final = 0.1
_COLOR_SPACES: Final = {"smpte2084": "HDR10", "arib-std-b67": "HLG_2020"}


def job_input(plan: TranscodePlan, options: EncodeOptions) -> dict[str, Any]:
    """The only input of a job.

    MediaConvert reads the newest version of an object: whoever submits compares its ETag or version with the plan's.

    :raises PlanError: when the plan names tracks that its source does not have
    """
    selectors = audio_selectors(plan, options)
    captions = caption_selectors(options)
    return {
        "FileInput": plan.source.uri,
        **({"ProgramNumber": plan.media.program.number} if plan.media.program else {}),
        "TimecodeSource": "ZEROBASED",
        "PsiControl": "USE_PSI",
        "FilterEnable": "AUTO",
        "DeblockFilter": "DISABLED",
        "DenoiseFilter": "DISABLED",
        "VideoSelector": _video_selector(plan),
        **({"AudioSelectors": selectors} if selectors else {}),
        **({"CaptionSelectors": captions} if captions else {}),
    }


def _video_selector(plan: TranscodePlan) -> dict[str, Any]:
    track = plan.media.video
    selector = {"Rotate": _rotation(plan.media.container, track), "AlphaBehavior": "DISCARD"}
    if plan.audio and (track.start > _GAP or track.start + track.duration < plan.media.duration - _GAP):
        # Without pictures there MediaConvert would shift or cut the sound.
        selector["PadVideo"] = "BLACK"
    if full_range(track) and track.color_range is None:
        selector["SampleRange"] = "FULL_RANGE"
    space = _color_space(track)
    # For files that do not say it, or where MediaConvert does not look; the file's own word goes first.
    return selector | ({"ColorSpace": space, "ColorSpaceUsage": "FALLBACK"} if space else {"ColorSpace": "FOLLOW"})


def _color_space(track: VideoTrack) -> str | None:
    if track.hdr:
        return _COLOR_SPACES[track.color_transfer or ""]
    if source_primaries(track) == "smpte432" and track.color_transfer in {None, "iec61966-2-1"}:
        return "P3D65_SDR"
    return "REC_601" if source_matrix(track) == "bt601" else None


def _rotation(container: str, track: VideoTrack) -> str:
    if track.rotation == 0 or _ROTATING_CONTAINERS & set(container.split(",")):
        return "AUTO"
    return f"DEGREES_{track.rotation}"

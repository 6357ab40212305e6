"""The Shaka Packager command of a plan. Pure.

The packager runs with the output folder as its working folder, so that all paths are those of
:mod:`vodflow.contract.layout`. HLS and DASH share CMAF segments; MPEG-TS, where asked for, is made beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.packaging.encryption import drm_label

#: Bytes that the packager reads and writes ahead, for each file that it has open. By default 32 MiB, which it fills
#: with zeros: four tracks of two minutes then take 558 MiB and 0.7 CPU seconds instead of 69 MiB and 0.2.
READ_AHEAD: Final = 2 * 1024**2


def needs_packager(plan: TranscodePlan) -> bool:
    """Whether the plan asks for anything that is segmented."""
    return Output.HLS in plan.packaging.outputs or Output.DASH in plan.packaging.outputs


def segment_seconds(plan: TranscodePlan) -> float:
    """The segment duration as a whole number of GOPs, exactly: 6.006 s at 29.97 frames a second, not 6.

    With the nominal value the packager's boundaries would drift through the GOPs and cut a short segment now and then.
    """
    rung = plan.renditions[0]
    gop = rung.gop / rung.fps
    return float(max(1, round(plan.packaging.segment_duration / float(gop))) * gop)


def package_command(plan: TranscodePlan, packager_path: str, tracks: str) -> list[str]:
    """The whole argv.

    :param tracks: folder of the encoded tracks, as seen from the output folder
    """
    hls = Output.HLS in plan.packaging.outputs
    dash = Output.DASH in plan.packaging.outputs
    streams: list[str] = []
    trick_play = layout.trick_play(plan)
    shared = [] if plan.packaging.hls_segments == "ts" or not hls else layout.hls_tracks(plan)
    for rendition in layout.tracks(plan):
        if rendition in layout.ts_tracks(plan):
            streams.append(_ts(rendition, tracks, trick_play, only=dash))
        if rendition in layout.cmaf_tracks(plan):
            only = ",dash_only=1" if hls and rendition not in shared else ""
            streams.append(
                _cmaf(rendition, tracks, trick_play, hls=rendition in shared) + drm_label(plan, rendition) + only
            )
    argv = [packager_path, "--quiet", f"--io_cache_size={READ_AHEAD}", *streams]
    argv += [f"--segment_duration={segment_seconds(plan):.9g}"]
    if hls:
        argv += [f"--hls_master_playlist_output={layout.HLS_MASTER}", "--hls_playlist_type=VOD"]
    if dash:
        argv += [f"--mpd_output={layout.DASH_MANIFEST}", "--generate_static_live_mpd"]
    languages = [audio.language for audio in plan.audio if audio.language]
    return argv + ([f"--default_language={languages[0]}"] if languages else [])


def _input(rendition: VideoRendition | AudioRendition, tracks: str) -> str:
    kind = "video" if isinstance(rendition, VideoRendition) else "audio"
    return f"in={tracks}/{layout.track_name(rendition)}.mp4,stream={kind}"


def _playlists(rendition: VideoRendition | AudioRendition, trick_play: Sequence[VideoRendition]) -> str:
    playlist = f"playlist_name={layout.hls_playlist(rendition).removeprefix('hls/')}"
    if isinstance(rendition, VideoRendition):
        if rendition not in trick_play:
            return playlist
        return f"{playlist},iframe_playlist_name={layout.hls_iframe_playlist(rendition).removeprefix('hls/')}"
    language = f",lang={rendition.language}" if rendition.language else ""
    return f"{playlist},hls_group_id={rendition.name},hls_name={rendition.name}{language}"


def _cmaf(
    rendition: VideoRendition | AudioRendition, tracks: str, trick_play: Sequence[VideoRendition], *, hls: bool
) -> str:
    parts = [
        _input(rendition, tracks),
        f"init_segment={layout.cmaf_init(rendition)}",
        f"segment_template={layout.cmaf_segments(rendition)}",
    ]
    return ",".join([*parts, _playlists(rendition, trick_play)] if hls else parts)


def _ts(
    rendition: VideoRendition | AudioRendition, tracks: str, trick_play: Sequence[VideoRendition], *, only: bool
) -> str:
    parts = [
        _input(rendition, tracks),
        f"segment_template={layout.ts_segments(rendition)}",
        _playlists(rendition, trick_play),
    ]
    return ",".join([*parts, "hls_only=1"] if only else parts)

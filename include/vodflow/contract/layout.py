"""Where each output of a plan lives, relative to the job's prefix, and how it is served.

The one place that knows names: packager, verifier, publisher and every engine ask here.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition

HLS_MASTER = "hls/master.m3u8"
#: The same for FairPlay, where other DRM systems are there too: players of those stop at its keys.
FAIRPLAY_MASTER = "hls/fairplay.m3u8"
DASH_MANIFEST = "dash/manifest.mpd"
MANIFEST = "manifest.json"
POSTER = "thumbnails/poster.jpg"
#: FFmpeg's numbering pattern; the first picture is 00001.
THUMBNAIL_PATTERN = "thumbnails/thumb_%05d.jpg"

#: IANA media types by suffix: RFC 8216 section 10 (m3u8), ISO/IEC 23009-1 (mpd), RFC 4337 (mp4).
CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".ts": "video/mp2t",
    ".aac": "audio/aac",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".vtt": "text/vtt",
}
#: Objects that name other objects and may be looked up again: cached for a short time.
MANIFEST_SUFFIXES = frozenset({".m3u8", ".mpd", ".json"})


def track_name(rendition: VideoRendition | AudioRendition) -> str:
    """The name of a track in paths: ``video_1080p``, ``audio``, ``audio_96k``."""
    return f"video_{rendition.name}" if isinstance(rendition, VideoRendition) else rendition.name


def tracks(plan: TranscodePlan) -> list[VideoRendition | AudioRendition]:
    """Every encoded track of a plan: the rungs, then the audio."""
    return [*plan.renditions, *plan.audio]


def hls_tracks(plan: TranscodePlan) -> list[VideoRendition | AudioRendition]:
    """The tracks of HLS: every rung, and the audio at the main rate only.

    One audio group for all variants: where the group changes with the rung, hls.js (1.7) does not come to the end
    of a video when it changes the rung within the last segment. DASH and MP4 have the lower rate as well.
    """
    return [*plan.renditions, *(audio for audio in plan.audio if audio.bitrate == plan.audio[0].bitrate)]


def cmaf_tracks(plan: TranscodePlan) -> list[VideoRendition | AudioRendition]:
    """The tracks with CMAF segments: all with DASH, otherwise those of HLS with fMP4 segments."""
    if Output.DASH in plan.packaging.outputs:
        return tracks(plan)
    return hls_tracks(plan) if Output.HLS in plan.packaging.outputs and plan.packaging.hls_segments == "fmp4" else []


def ts_tracks(plan: TranscodePlan) -> list[VideoRendition | AudioRendition]:
    """The tracks with MPEG-TS or packed audio segments."""
    return hls_tracks(plan) if Output.HLS in plan.packaging.outputs and plan.packaging.hls_segments == "ts" else []


def hls_playlist(rendition: VideoRendition | AudioRendition) -> str:
    """``hls/video_1080p.m3u8``, ``hls/audio.m3u8``."""
    return f"hls/{track_name(rendition)}.m3u8"


def hls_iframe_playlist(rendition: VideoRendition) -> str:
    """``hls/iframe_1080p.m3u8``: the I-frame playlist for trick play."""
    return f"hls/iframe_{rendition.name}.m3u8"


def trick_play(plan: TranscodePlan) -> tuple[VideoRendition, ...]:
    """The rungs with an I-frame playlist: none where segments are encrypted as a whole, so that no part can be read."""
    used = plan.packaging.encryption
    return () if used is not None and used.by_segment else plan.renditions


def has_fairplay_twins(plan: TranscodePlan) -> bool:
    """Whether HLS has a master and playlists of its own for FairPlay."""
    used = plan.packaging.encryption
    return Output.HLS in plan.packaging.outputs and used is not None and used.has_fairplay_twins


def fairplay_twin(playlist: str) -> str:
    """``hls/fairplay_audio.m3u8`` of ``hls/audio.m3u8``; the master's is :data:`FAIRPLAY_MASTER`."""
    return FAIRPLAY_MASTER if playlist == HLS_MASTER else playlist.replace("hls/", "hls/fairplay_", 1)


def hls_playlists(plan: TranscodePlan) -> list[str]:
    """Every media and I-frame playlist, without FairPlay's twins."""
    return [*map(hls_playlist, hls_tracks(plan)), *map(hls_iframe_playlist, trick_play(plan))]


def cmaf_init(rendition: VideoRendition | AudioRendition) -> str:
    """The CMAF header that HLS and DASH share."""
    return f"cmaf/{track_name(rendition)}/init.mp4"


def cmaf_segments(rendition: VideoRendition | AudioRendition) -> str:
    """Shaka Packager's template for CMAF segments; the first is 1."""
    return f"cmaf/{track_name(rendition)}/$Number%05d$.m4s"


def ts_segments(rendition: VideoRendition | AudioRendition) -> str:
    """Shaka Packager's template for MPEG-TS (video) or packed audio (AAC) segments of HLS."""
    suffix = "ts" if isinstance(rendition, VideoRendition) else "aac"
    return f"hls/{track_name(rendition)}/$Number%05d$.{suffix}"


def mp4_file(rendition: VideoRendition) -> str:
    """``mp4/video_1080p.mp4``: progressive download."""
    return f"mp4/{track_name(rendition)}.mp4"


def content_type(name: str) -> str:
    """The Content-Type of an output.

    :raises KeyError: for a suffix that no output has
    """
    return CONTENT_TYPES[PurePosixPath(name).suffix.lower()]


def is_manifest(name: str) -> bool:
    """Whether the object names others and is cached for a short time only."""
    return PurePosixPath(name).suffix.lower() in MANIFEST_SUFFIXES

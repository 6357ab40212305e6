"""Where MediaConvert is told to write, as parts of names.

A file's name is the group's destination, the output's name modifier, and what the service adds: counters, ``init``,
suffixes. The first two are chosen here, as close to :mod:`vodflow.contract.layout` as such names can be;
:mod:`vodflow.engines.mediaconvert.files.renaming` says what becomes of the rest.
"""

from __future__ import annotations

from typing import Final

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, VideoRendition

#: Destinations below the job's prefix; the last part is the base of all file names of the group.
HLS: Final = layout.HLS_MASTER.removesuffix(".m3u8")
CMAF: Final = "cmaf/master"
DASH: Final = layout.DASH_MANIFEST.removesuffix(".mpd")
MP4: Final = "mp4/video"
THUMBNAIL: Final = layout.THUMBNAIL_PATTERN.partition("_")[0]
POSTER: Final = layout.POSTER.removesuffix(".jpg")
CAPTIONS: Final = "captions/captions"


def track_modifier(rendition: VideoRendition | AudioRendition) -> str:
    """``_video_1080p``, ``_audio_96k``: of the segmented groups."""
    return f"_{layout.track_name(rendition)}"


def mp4_modifier(rung: VideoRendition) -> str:
    """``_1080p``: after ``mp4/video`` this is the layout's own name."""
    return f"_{rung.name}"


def destination(bucket: str, prefix: str, base: str) -> str:
    """``s3://bucket/prefix/hls/master``."""
    return f"s3://{bucket}/{prefix}/{base}"

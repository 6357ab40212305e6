"""Which codecs a container holds. Pure.

Sources: user guide, "Output codecs and containers"; for what that leaves open, what FFmpeg's muxers take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed

_AVC_HEVC: Final = frozenset({"H_264", "H_265"})
_TRANSPORT: Final = frozenset({"AAC", "AC3", "EAC3", "MP2", "MP3"})

#: Video and audio codecs by container; of one that is not listed, anything. ``None`` is anything, too: of tracks that
#: are passed through there are more kinds than of encoded ones.
_HOLDS: Final[dict[str, tuple[frozenset[str], frozenset[str] | None]]] = {
    "WEBM": (frozenset({"VP8", "VP9", "AV1"}), frozenset({"OPUS", "VORBIS"})),
    "MP4": (_AVC_HEVC | {"AV1", "VP9", "MPEG2"}, None),
    "M2TS": (_AVC_HEVC | {"MPEG2"}, _TRANSPORT | {"OPUS"}),
    "M3U8": (_AVC_HEVC | {"MPEG2"}, _TRANSPORT),
    "MXF": (_AVC_HEVC | {"MPEG2", "PRORES", "UNCOMPRESSED"}, frozenset({"WAV"})),
    "GIF": (frozenset({"GIF"}), frozenset()),
    "OGG": (frozenset(), frozenset({"OPUS", "VORBIS", "FLAC"})),
    "Y4M": (frozenset({"UNCOMPRESSED"}), frozenset()),
}


def check_codecs(container: str, video: str | None, audio: Sequence[str]) -> None:
    """Refuse tracks that their container cannot hold, before they are encoded.

    :param video: codec, as settings name it; none without pictures
    :raises JobFailed: for the first that does not fit
    """
    if container not in _HOLDS:
        return
    videos, sounds = _HOLDS[container]
    wrong = [codec for codec in (video,) if codec and codec not in videos]
    if sounds is not None:
        wrong += [codec for codec in audio if codec not in sounds]
    if wrong:
        held = ", ".join(sorted(videos | (sounds or frozenset())))
        raise JobFailed(
            ErrorCode.JOB_SETTINGS, f"Container {container} cannot hold {wrong[0]}. It holds {held}; choose another."
        )

"""Sources for planning tests, without files."""

from __future__ import annotations

from vodflow.contract.media_info import AudioTrack, MediaInfo, VideoTrack
from vodflow.contract.plan import SourceRef

SOURCE = SourceRef(
    bucket="footage", key="acme/Ünterwegs 1.mp4", version="9b2cf535f27731c974343645a3985328", size=52_000_000
)


def sound(index: int = 1, **values: object) -> AudioTrack:
    facts: dict[str, object] = {
        "index": index, "codec": "aac", "channels": 2, "layout": "stereo", "sample_rate": 48_000, "bit_rate": 128_000,
    }  # fmt: skip
    return AudioTrack.model_validate({**facts, **values})


def media(
    width: int = 1920,
    height: int = 1080,
    /,
    rate: str = "25/1",
    *,
    audio: tuple[AudioTrack, ...] = (sound(),),
    duration: float = 60.0,
    container_bit_rate: int | None = None,
    **video: object,
) -> MediaInfo:
    """Facts of a source shown at this size (pixels)."""
    facts: dict[str, object] = {
        "index": 0, "codec": "h264", "width": width, "height": height, "display_width": width,
        "display_height": height, "frame_rate": rate, "duration": duration,
    }  # fmt: skip
    return MediaInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration=duration,
        size=52_000_000,
        bit_rate=container_bit_rate,
        video=VideoTrack.model_validate({**facts, **video}),
        audio=audio,
    )

"""Inputs of the transcoder written by hand, for tests without files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local_mediaconvert.transcode.sources import Source
from vodflow.contract.media_info import AudioTrack, CaptionTrack, VideoTrack


def written_source(
    number: int = 1, *, duration: float = 10.0, sounds: tuple[tuple[int, str | None], ...] = ((2, "eng"),), **video: Any
) -> Source:
    """A 720p input at 25 frames a second.

    :param sounds: channels and language of each audio track
    """
    track = {"width": 1280, "height": 720, "display_width": 1280, "display_height": 720, "frame_rate": "25/1"} | video
    return Source(
        number=number,
        uri=f"s3://in/film {number}.mp4",
        path=Path(f"/work/input{number}"),
        container="mov,mp4,m4a",
        duration=duration,
        start=0.0,
        video=VideoTrack(index=0, codec="h264", duration=duration, **track),
        audio=tuple(
            AudioTrack(
                index=place, codec="aac", channels=channels, layout={1: "mono", 2: "stereo", 6: "5.1"}[channels],
                sample_rate=48_000, language=language, duration=duration,
            )
            for place, (channels, language) in enumerate(sounds, 1)
        ),
        captions=(CaptionTrack(index=9, codec="mov_text", language="eng"),),
        timecode="01:00:00:00",
        pids={0: 256, 1: 257},
        document={"streams": []},
    )  # fmt: skip

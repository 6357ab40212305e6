"""Progressive MP4 of each rung: a remux of the encoded tracks, with the index in front. Pure."""

from __future__ import annotations

from pathlib import Path

import ffmpeg

from vodflow.contract import layout
from vodflow.contract.plan import TranscodePlan


def remux_command(plan: TranscodePlan, tracks: Path, outputs: Path, ffmpeg_path: str) -> list[str]:
    """One FFmpeg process that copies every rung and its audio into ``mp4/``; nothing is decoded or encoded."""
    inputs = {
        layout.track_name(rendition): ffmpeg.input(str(tracks / f"{layout.track_name(rendition)}.mp4"))
        for rendition in layout.tracks(plan)
    }
    made = []
    for rung in plan.renditions:
        streams = [inputs[layout.track_name(rung)]["v:0"]]
        if rung.audio:
            streams.append(inputs[rung.audio]["a:0"])
        made.append(ffmpeg.output(*streams, str(outputs / layout.mp4_file(rung)), **_COPY))
    command = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"]
    argv: list[str] = ffmpeg.compile(ffmpeg.merge_outputs(*made), cmd=command, overwrite_output=True)
    return argv


_COPY = {"c": "copy", "movflags": "+faststart", "map_metadata": -1, "f": "mp4"}

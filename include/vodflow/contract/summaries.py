"""What the log of a task says of values that are too long to print: one line each, for people."""

from __future__ import annotations

from rich.filesize import decimal as in_bytes

from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Progress

__all__ = ["in_bytes", "media_summary", "plan_summary", "progress_summary", "result_summary"]


def media_summary(media: MediaInfo) -> str:
    """What came in: ``mov,mp4: h264 1920x1080, 25 fps, aac 2 channels 48000 Hz, 10.0 s``."""
    video = media.video
    container = ",".join(media.container.split(",")[:2])  # FFmpeg names all that its demuxer reads
    sound = [f"{track.codec} {track.channels} channels {track.sample_rate} Hz" for track in media.audio]
    parts = [
        f"{container}: {video.codec} {video.display_width}x{video.display_height}",
        f"{'about ' if video.variable_frame_rate else ''}{float(video.fps):.6g} fps",
        *(["interlaced"] if video.interlaced else []),
        *(["HDR"] if video.hdr else []),
        *(sound or ["no sound"]),
        *([f"{len(media.captions)} caption tracks"] if media.captions else []),
        f"{media.duration:.1f} s",
    ]
    return ", ".join(parts)


def plan_summary(plan: TranscodePlan) -> str:
    """What is to be made: ``hls, dash by profile standard: 1080p (1920x1080, 5.0 Mbit/s), …, audio (128 kbit/s)``."""
    rungs = [f"{item.name} ({item.width}x{item.height}, {item.bitrate / 1e6:.1f} Mbit/s)" for item in plan.renditions]
    sound = [f"{item.name} ({item.bitrate / 1e3:.0f} kbit/s)" for item in plan.audio]
    again = f", revision {plan.revision}" if plan.revision else ""
    return f"{', '.join(plan.packaging.outputs)} by profile {plan.profile}{again}: {', '.join([*rungs, *sound])}"


def progress_summary(progress: Progress) -> str:
    """How far an engine is: ``encode: 43 %, 2.1x real time, 12 s left``."""
    speed = f", {progress.speed:.1f}x real time" if progress.speed else ""
    left = "" if progress.eta is None else f", {progress.eta:.0f} s left"
    return f"{progress.stage}: {progress.percent:.0f} %{speed}{left}"


def result_summary(result: EngineResult) -> str:
    """What an engine made, and how long it took."""
    size = in_bytes(sum(item.size for item in result.objects))
    speed = f", {result.speed:.1f}x real time" if result.speed else ""
    return f"{len(result.objects)} objects, {size}, in {result.wall_seconds:.1f} s{speed}"

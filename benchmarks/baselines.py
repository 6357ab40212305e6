"""What a person who knows FFmpeg well would type for the same outputs, without Vodflow.

Two ways: everything in one FFmpeg process that decodes once (the best known), and one FFmpeg run for each
rendition (the usual script). Both then run Shaka Packager once and remux the MP4s, as the local engine does.
"""

from __future__ import annotations

from pathlib import Path

from vodflow.contract.plan import AudioRendition, Output, Thumbnails, TranscodePlan, VideoRendition
from vodflow.ffmpeg.tools import ffmpeg_path, packager_path

from benchmarks.measure import Usage, run

_QUIET = ["-nostdin", "-hide_banner", "-v", "error", "-y"]


def one_process(plan: TranscodePlan, source: Path, folder: Path) -> Usage:
    """Decode once, ``split``, encode every rendition and track in one FFmpeg process; then package and remux."""
    pictures = plan.thumbnails
    branches = [f"v{index}" for index in range(len(plan.renditions))] + (["t", "p"] if pictures else [])
    graph = [f"[0:v:0]split={len(branches)}" + "".join(f"[{name}]" for name in branches)]
    outputs: list[str | Path] = []
    for index, rendition in enumerate(plan.renditions):
        graph.append(f"[v{index}]{_scale(plan, rendition)}[o{index}]")
        outputs += ["-map", f"[o{index}]", *_video(rendition), folder / f"{rendition.name}.mp4"]
    if pictures:
        size = f"{pictures.width}:{pictures.height}"
        graph += [
            f"[t]{_every(pictures)},scale={size}[thumbs]",
            f"[p]trim=start={pictures.poster_time}[poster]",
        ]
        outputs += ["-map", "[thumbs]", "-fps_mode", "passthrough", "-q:v", "4", folder / "thumb_%05d.jpg"]
        outputs += ["-map", "[poster]", "-frames:v", "1", "-q:v", "2", "-update", "1", folder / "poster.jpg"]
    for track in plan.audio:
        outputs += _audio(track, folder)
    graph_text = ";".join(graph)
    encode = [ffmpeg_path(), *_QUIET, "-i", source, "-filter_complex", graph_text, *outputs]
    usage, _ = run(encode, cwd=folder)
    return usage + _finish(plan, folder)


def one_run_each(plan: TranscodePlan, source: Path, folder: Path) -> Usage:
    """One FFmpeg run for each rendition, one for the sound, one for the pictures; then package and remux."""
    commands: list[list[str | Path]] = [
        [*_QUIET, "-i", source, "-map", "0:v:0", "-vf", _scale(plan, rendition), *_video(rendition), "-an",
         folder / f"{rendition.name}.mp4"]
        for rendition in plan.renditions
    ]  # fmt: skip
    commands += [[*_QUIET, "-i", source, "-vn", *_audio(track, folder)] for track in plan.audio]
    if pictures := plan.thumbnails:
        view = f"{_every(pictures)},scale={pictures.width}:{pictures.height}"
        commands.append(
            [*_QUIET, "-i", source, "-an", "-vf", view, "-fps_mode", "passthrough", "-q:v", "4",
             folder / "thumb_%05d.jpg"]
        )  # fmt: skip
        commands.append(
            [*_QUIET, "-ss", str(pictures.poster_time), "-i", source, "-frames:v", "1", "-q:v", "2", "-update", "1",
             folder / "poster.jpg"]
        )  # fmt: skip
    usage = Usage(0, 0)
    for command in commands:
        usage += run([ffmpeg_path(), *command], cwd=folder)[0]
    return usage + _finish(plan, folder)


def encoded(folder: Path, rendition: VideoRendition) -> Path:
    """Where a baseline leaves a rendition."""
    return folder / f"{rendition.name}.mp4"


def _scale(plan: TranscodePlan, rendition: VideoRendition) -> str:
    track = plan.media.video
    if (track.width, track.height) == (rendition.width, rendition.height):
        return "null"
    return f"scale={rendition.width}:{rendition.height},setsar=1"


def _every(pictures: Thumbnails) -> str:
    return f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{pictures.interval:g})'"


def _video(rendition: VideoRendition) -> list[str]:
    return [
        "-c:v", "libx264", "-preset", rendition.preset, "-profile:v", rendition.h264_profile,
        "-level:v", rendition.h264_level, "-refs", str(rendition.reference_frames), "-pix_fmt", "yuv420p",
        "-b:v", str(rendition.bitrate), "-maxrate", str(rendition.max_bitrate), "-bufsize", str(rendition.buffer_size),
        "-g", str(rendition.gop), "-keyint_min", str(rendition.gop), "-sc_threshold", "0", "-flags", "+cgop",
    ]  # fmt: skip


def _audio(track: AudioRendition, folder: Path) -> list[str | Path]:
    return [
        "-map", f"0:{track.source_index}", "-c:a", "aac", "-b:a", str(track.bitrate), "-ac", str(track.channels),
        "-ar", str(track.sample_rate), folder / f"{track.name}.mp4",
    ]  # fmt: skip


def _finish(plan: TranscodePlan, folder: Path) -> Usage:
    usage, _ = run(_package(plan, folder), cwd=folder)
    if Output.MP4 in plan.packaging.outputs:
        usage += run(_remux(plan, folder), cwd=folder)[0]
    return usage


def _package(plan: TranscodePlan, folder: Path) -> list[str]:
    streams = [
        f"in={encoded(folder, rendition)},stream=video,init_segment=out/{rendition.name}/init.mp4,"
        f"segment_template=out/{rendition.name}/$Number%05d$.m4s,playlist_name={rendition.name}.m3u8,"
        f"iframe_playlist_name=iframe_{rendition.name}.m3u8"
        for rendition in plan.renditions
    ]
    streams += [
        f"in={folder / track.name}.mp4,stream=audio,init_segment=out/{track.name}/init.mp4,"
        f"segment_template=out/{track.name}/$Number%05d$.m4s,playlist_name={track.name}.m3u8,"
        f"hls_group_id={track.name},hls_name={track.name}"
        for track in plan.audio
    ]
    return [
        packager_path(), *streams, "--segment_duration", f"{plan.packaging.segment_duration:g}",
        "--generate_static_live_mpd", "--mpd_output", "out/manifest.mpd", "--hls_playlist_type", "VOD",
        "--hls_master_playlist_output", "out/master.m3u8", "--quiet",
    ]  # fmt: skip


def _remux(plan: TranscodePlan, folder: Path) -> list[str | Path]:
    audio = {track.name: len(plan.renditions) + index for index, track in enumerate(plan.audio)}
    inputs = [encoded(folder, rendition) for rendition in plan.renditions]
    inputs += [folder / f"{track.name}.mp4" for track in plan.audio]
    argv: list[str | Path] = [ffmpeg_path(), *_QUIET]
    for name in inputs:
        argv += ["-i", name]
    for index, rendition in enumerate(plan.renditions):
        sound = ["-map", f"{audio[rendition.audio]}:a"] if rendition.audio else []
        target = folder / f"progressive_{rendition.name}.mp4"
        argv += ["-map", f"{index}:v", *sound, "-c", "copy", "-movflags", "+faststart", target]
    return argv

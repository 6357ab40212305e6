"""Packaged outputs for tests, made with FFmpeg and Shaka Packager by hand, without the project's engines.

Verification must hold for every engine; so its tests do not depend on ours.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from vodflow.contract import layout
from vodflow.contract.media_info import AudioTrack, MediaInfo, VideoTrack
from vodflow.contract.plan import (
    AudioRendition,
    Output,
    Packaging,
    SourceRef,
    Thumbnails,
    TranscodePlan,
    VideoRendition,
)
from vodflow.ffmpeg.tools import ffmpeg_path, packager_path

SECONDS = 5
RATE = 25


def small_plan(
    outputs: tuple[Output, ...] = (Output.HLS, Output.DASH, Output.MP4),
    *,
    hls_segments: str = "fmp4",
    audio: bool = True,
    thumbnails: bool = True,
    seconds: int = SECONDS,
) -> TranscodePlan:
    """Two rungs, 5 s in segments of 2 s with two GOPs each.

    Each is encoded by one thread, so that the bytes are the same every time and damage does the same every time.
    """
    rung = {
        "frame_rate": f"{RATE}/1",
        "gop": RATE,
        "h264_level": "3.0",
        "preset": "veryfast",
        "audio": "audio" if audio else None,
    }
    track = AudioTrack(index=1, codec="aac", channels=1, layout="mono", sample_rate=48_000, duration=float(seconds))
    return TranscodePlan(
        source=SourceRef(bucket="vodflow-source", key="demo/clip.mp4", version="1", size=1000),
        media=MediaInfo(
            container="mov",
            duration=float(seconds),
            size=1000,
            video=VideoTrack(
                index=0, codec="h264", width=640, height=360, display_width=640, display_height=360,
                frame_rate=f"{RATE}/1", duration=float(seconds),
            ),
            audio=(track,) if audio else (),
        ),
        tenant="demo",
        video="clip",
        profile="standard",
        renditions=(
            VideoRendition(
                name="360p", width=640, height=360, bitrate=600_000, max_bitrate=900_000, buffer_size=1_200_000, **rung
            ),
            VideoRendition(
                name="180p", width=320, height=180, bitrate=200_000, max_bitrate=300_000, buffer_size=400_000, **rung
            ),
        ),
        audio=(AudioRendition(name="audio", source_index=1, source_channels=1, source_layout="mono", bitrate=128_000),)
        if audio
        else (),
        packaging=Packaging(outputs=outputs, segment_duration=2.0, hls_segments=hls_segments),
        thumbnails=Thumbnails(interval=2.0, width=160, height=90, poster_time=1.0) if thumbnails else None,
    )  # fmt: skip


def make_outputs(plan: TranscodePlan, root: Path, work: Path) -> None:
    """Write everything that the plan asks for below ``root``."""
    work.mkdir(parents=True, exist_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    _encode(plan, work, root)
    if Output.HLS in plan.packaging.outputs and plan.packaging.hls_segments == "ts":
        _package(plan, work, root, layout.ts_segments, init=False, hls=True, dash=False)
    else:
        _package(
            plan, work, root, layout.cmaf_segments, init=True, hls=Output.HLS in plan.packaging.outputs, dash=False
        )
    if Output.DASH in plan.packaging.outputs:
        _package(plan, work, root, layout.cmaf_segments, init=True, hls=False, dash=True)
    if not {Output.HLS, Output.DASH} & set(plan.packaging.outputs):
        for track in root.glob("cmaf/*/*"):
            track.unlink()
    if Output.MP4 in plan.packaging.outputs:
        for rendition in plan.renditions:
            _remux(plan, work, root, rendition)


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=120)


def _encode(plan: TranscodePlan, work: Path, root: Path) -> None:
    seconds = plan.media.duration
    count = len(plan.renditions)
    labels = "".join(f"[s{i}]" for i in range(count))
    scales = ";".join(f"[s{i}]scale={r.width}:{r.height}[v{i}]" for i, r in enumerate(plan.renditions))
    argv = [
        ffmpeg_path(), "-nostdin", "-y", "-v", "error",
        "-f", "lavfi", "-i", f"testsrc2=s=640x360:r={RATE}:d={seconds}",
        "-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}",
        "-filter_complex", f"[0:v]split={count}{labels};{scales}",
    ]  # fmt: skip
    for index, rendition in enumerate(plan.renditions):
        argv += [
            "-map", f"[v{index}]", "-c:v", "libx264", "-threads", "1",
            "-preset", rendition.preset, "-profile:v", rendition.h264_profile,
            "-level", rendition.h264_level, "-pix_fmt", "yuv420p", "-b:v", str(rendition.bitrate),
            "-maxrate", str(rendition.max_bitrate), "-bufsize", str(rendition.buffer_size),
            "-g", str(rendition.gop), "-keyint_min", str(rendition.gop), "-sc_threshold", "0", "-flags", "+cgop",
            str(work / f"{layout.track_name(rendition)}.mp4"),
        ]  # fmt: skip
    for rendition in plan.audio:
        argv += ["-map", "1:a", "-c:a", "aac", "-b:a", str(rendition.bitrate), "-ac", str(rendition.channels)]
        argv += [str(work / f"{rendition.name}.mp4")]
    _run(argv)
    if plan.thumbnails:
        (root / "thumbnails").mkdir(exist_ok=True)
        source = str(work / f"{layout.track_name(plan.renditions[0])}.mp4")
        scale = f"fps=1/{plan.thumbnails.interval:g},scale={plan.thumbnails.width}:{plan.thumbnails.height}"
        _run([ffmpeg_path(), "-y", "-v", "error", "-i", source, "-vf", scale, str(root / layout.THUMBNAIL_PATTERN)])
        _run([ffmpeg_path(), "-y", "-v", "error", "-i", source, "-frames:v", "1", str(root / layout.POSTER)])


def _package(plan: TranscodePlan, work: Path, root: Path, segments, *, init: bool, hls: bool, dash: bool) -> None:
    argv = [packager_path()]
    for rendition in (*plan.renditions, *plan.audio):
        video = isinstance(rendition, VideoRendition)
        fields = [
            f"in={work / layout.track_name(rendition)}.mp4",
            f"stream={'video' if video else 'audio'}",
            f"segment_template={root / segments(rendition)}",
            f"playlist_name={Path(layout.hls_playlist(rendition)).name}",
        ]
        if init:
            fields.append(f"init_segment={root / layout.cmaf_init(rendition)}")
        if video:
            fields.append(f"iframe_playlist_name={Path(layout.hls_iframe_playlist(rendition)).name}")
        else:
            fields += ["hls_group_id=audio", f"hls_name={rendition.name}"]
        argv.append(",".join(fields))
    argv += ["--segment_duration", f"{plan.packaging.segment_duration:g}", "--quiet"]
    if hls:
        argv += ["--hls_master_playlist_output", str(root / layout.HLS_MASTER)]
    if dash:
        argv += ["--mpd_output", str(root / layout.DASH_MANIFEST), "--generate_static_live_mpd"]
    _run(argv)
    for manifest in [*root.glob("hls/*.m3u8"), *root.glob("dash/*.mpd")]:
        manifest.write_text(manifest.read_text().replace(f"{root}/", "../"))


def _remux(plan: TranscodePlan, work: Path, root: Path, rendition: VideoRendition) -> None:
    target = root / layout.mp4_file(rendition)
    target.parent.mkdir(exist_ok=True)
    sound = ["-i", str(work / f"{rendition.audio}.mp4")] if rendition.audio else []
    source = str(work / f"{layout.track_name(rendition)}.mp4")
    _run(
        [ffmpeg_path(), "-y", "-v", "error", "-i", source, *sound, "-c", "copy", "-movflags", "+faststart", str(target)]
    )

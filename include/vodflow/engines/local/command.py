"""The FFmpeg command of a plan: one process, one decode, every rendition encoded exactly once.

Pure: from a :class:`~vodflow.contract.plan.TranscodePlan` to an argv. ffmpeg-python builds the graph,
:mod:`vodflow.ffmpeg.process` runs it.

Keyframes: ``gop`` frames apart and nowhere else (no scene-cut keyframes, closed GOPs, constant frame rate from
time 0), so every rung can be switched at the same instants. Time 0 is the earliest start of the source's
streams; video and audio that begin later are filled from 0 and up to the end of the longest one, so they stay in
sync in every container (see :mod:`vodflow.planning.span`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import ffmpeg

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Thumbnails, TranscodePlan, VideoRendition
from vodflow.ffmpeg.picture_filters import Stream, smaller, to_top_rung
from vodflow.ffmpeg.sound_filters import INPUT_OPTIONS, KEEP_TIME, joined, to_channel, to_stereo, with_steady_sound
from vodflow.ffmpeg.tools import input_options
from vodflow.media.timeline import patience
from vodflow.planning import span

#: Frames (as a share of all) that may fail to decode before FFmpeg gives up with :data:`.TOO_MANY_ERRORS`.
MAX_ERROR_RATE = 0.1
#: Seconds between progress reports.
PROGRESS_PERIOD = 0.5
#: JPEG quantiser, 2 (best) to 31: about 90 % quality.
_JPEG_QUALITY = 3


@dataclass(frozen=True)
class EncodePaths:
    """Where one encode reads and writes.

    :param source: the downloaded source
    :param tracks: folder of encoded tracks, one MP4 each
    :param outputs: folder that mirrors the output prefix; thumbnails go straight there
    """

    source: Path
    tracks: Path
    outputs: Path

    def track(self, rendition: VideoRendition | AudioRendition) -> Path:
        """The MP4 of one encoded track."""
        return self.tracks / f"{layout.track_name(rendition)}.mp4"


def available_cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def encoder_threads(plan: TranscodePlan, threads: int) -> dict[str, int]:
    """How many x264 threads each rung gets: ``threads`` shared out by pixels a second, one at least.

    The rungs are encoded side by side, so together they fill the machine. More threads within one encoder cost
    CPU and rate control accuracy; x264's own default of 1.5 a core for every rung is 2 % slower on two cores.
    """
    load = {rung.name: rung.width * rung.height * rung.fps for rung in plan.renditions}
    total = sum(load.values())
    return {name: max(1, ceil(threads * share / total)) for name, share in load.items()}


def encode_command(plan: TranscodePlan, paths: EncodePaths, ffmpeg_path: str, threads: int = 0) -> list[str]:
    """The whole argv.

    :param threads: CPUs to use; 0 means all
    """
    options = input_options(str(paths.source))
    arguments = {name.removeprefix("-"): value for name, value in zip(options[::2], options[1::2], strict=True)}
    if threads:
        arguments["threads"] = str(threads)
    # FFmpeg's time 0 is the start of whatever stream is first, subtitles and unused tracks among them.
    if shift := span.shift(plan):
        arguments["itsoffset"] = f"{shift:.6f}"
    # Broadcast recordings change their picture in the middle. A graph set up anew would begin at time 0 again; this one
    # goes on, see picture_filters.to_top_rung.
    source = ffmpeg.input(str(paths.source), max_error_rate=MAX_ERROR_RATE, **INPUT_OPTIONS, **arguments)
    outputs = _video_outputs(source, plan, paths, encoder_threads(plan, threads or available_cpus()))
    outputs += _audio_outputs(source, plan, paths)
    command = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"]
    command += ["-progress", "pipe:1", "-stats_period", str(PROGRESS_PERIOD)]
    command += patience(plan.media.longest_gap)
    if threads:
        command += ["-filter_complex_threads", str(threads)]
    argv: list[str] = ffmpeg.compile(ffmpeg.merge_outputs(*outputs), cmd=command, overwrite_output=True)
    return with_steady_sound(argv, _steady(plan), len(outputs))


def _steady(plan: TranscodePlan) -> dict[str, str]:
    """What :func:`with_steady_sound` does with each track that is heard."""
    return {
        f"0:{index}": to_channel(item.sample_rate)
        if item.mono_sources
        else to_stereo(item.source_layout, item.source_channels, item.sample_rate)
        for item in plan.audio
        for index in item.sources
    }


def _video_outputs(source: Stream, plan: TranscodePlan, paths: EncodePaths, threads: dict[str, int]) -> list[Stream]:
    rungs = sorted(plan.renditions, key=lambda rung: (rung.width * rung.height, rung.fps, rung.bitrate), reverse=True)
    track = plan.media.video
    stream = to_top_rung(source[str(track.index)], track, rungs[0], span.held_seconds(plan), span.picture_seconds(plan))
    outputs: list[Stream] = []
    for place, rung in enumerate(rungs):
        pictures = plan.thumbnails if place == 0 else None
        last = place == len(rungs) - 1
        branches = _branches(stream, 1 + (not last) + (2 if pictures else 0))
        outputs.append(branches[0].output(str(paths.track(rung)), **_h264(rung, threads[rung.name])))
        if pictures:
            outputs += _picture_outputs(branches[-2], branches[-1], pictures, rung, paths)
        if not last:
            stream = smaller(branches[1], rung, rungs[place + 1])
    return outputs


def _branches(stream: Stream, count: int, kind: str = "split") -> list[Stream]:
    if count == 1:
        return [stream]
    node = stream.filter_multi_output(kind, count)
    return [node[index] for index in range(count)]


def _h264(rung: VideoRendition, threads: int) -> dict[str, Any]:
    return {
        "c:v": "libx264",
        "preset": rung.preset,
        "profile:v": rung.h264_profile,
        "level:v": rung.h264_level,
        "b:v": rung.bitrate,
        "maxrate:v": rung.max_bitrate,
        "bufsize:v": rung.buffer_size,
        "refs": rung.reference_frames,
        "g": rung.gop,
        "keyint_min": rung.gop,
        "sc_threshold": 0,
        "flags:v": "+cgop",
        "pix_fmt": "yuv420p",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
        "threads:v": threads,
        "fps_mode": "passthrough",
        **_MP4,
    }


#: No metadata of the source is carried over: it can hold names, places and devices.
_MP4: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "f": "mp4"}


def _picture_outputs(
    thumbnails: Stream, poster: Stream, wanted: Thumbnails, top: VideoRendition, paths: EncodePaths
) -> list[Stream]:
    """Thumbnails at every multiple of the interval, and the poster at the top rung's size.

    Selected before they are scaled, so the other frames cost nothing.
    """
    every = f"eq(n,0)+gt(floor(t/{wanted.interval:g}),floor(prev_t/{wanted.interval:g}))"
    small = _jpeg(thumbnails.filter("select", every), wanted.width, wanted.height)
    # The last frame before the poster's time would be missed by an exact comparison of rounded times. The first
    # picture comes before it, to be overwritten: a source that ends too early for the poster still has one.
    moment = max(0.0, wanted.poster_time - float(1 / top.fps) / 2)
    at_moment = f"eq(n,0)+gte(t,{moment:.6g})*lt(prev_t,{moment:.6g})"
    large = _jpeg(poster.filter("select", at_moment), top.width, top.height)
    return [
        small.output(str(paths.outputs / layout.THUMBNAIL_PATTERN), **_JPEG),
        large.output(str(paths.outputs / layout.POSTER), update=1, **_JPEG),
    ]


_JPEG: dict[str, Any] = {
    "c:v": "mjpeg",
    "q:v": _JPEG_QUALITY,
    "fps_mode": "passthrough",
    "map_metadata": -1,
    "threads:v": 1,
    "f": "image2",
}


def _jpeg(stream: Stream, width: int, height: int) -> Stream:
    # JPEG's own matrix and range (ITU-T T.871), which viewers assume.
    return stream.filter(
        "scale", width, height, flags="bicubic", in_color_matrix="bt709", out_color_matrix="bt601", out_range="pc"
    ).filter("format", "yuvj420p")


def _audio_outputs(source: Stream, plan: TranscodePlan, paths: EncodePaths) -> list[Stream]:
    """One encode of each audio rendition; renditions of the same source tracks share their decode and downmix."""
    by_tracks: dict[tuple[int, ...], list[AudioRendition]] = {}
    for rendition in plan.audio:
        by_tracks.setdefault(rendition.sources, []).append(rendition)
    outputs: list[Stream] = []
    for tracks, renditions in by_tracks.items():
        channels = [_on_time(source[str(index)], plan, renditions[0]) for index in tracks]
        stream = joined(channels, renditions[0].source_layout) if len(channels) > 1 else channels[0]
        for rendition, branch in zip(renditions, _branches(stream, len(renditions), "asplit"), strict=True):
            outputs.append(branch.output(str(paths.track(rendition)), **_aac(rendition)))
    return outputs


def _on_time(stream: Stream, plan: TranscodePlan, rendition: AudioRendition) -> Stream:
    stream = stream.filter("aresample", rendition.sample_rate, **KEEP_TIME)
    # Silence up to the end, also of a track that turns out to be empty.
    return stream.filter("apad", whole_dur=f"{span.duration(plan):.6f}")


def _aac(rendition: AudioRendition) -> dict[str, Any]:
    return {
        "c:a": "aac",
        "profile:a": "aac_low",
        "b:a": rendition.bitrate,
        "ar": rendition.sample_rate,
        **({"metadata:s:a:0": f"language={rendition.language}"} if rendition.language else {}),
        **_MP4,
    }

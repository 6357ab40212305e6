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
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import ffmpeg

from vodflow.contract import layout
from vodflow.contract.parts import Part, rungs_of
from vodflow.contract.plan import AudioRendition, Thumbnails, TranscodePlan, VideoRendition
from vodflow.contract.strategy import Chunk
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
#: x264's ``ratetol`` for all chunks but the first: how slowly it makes up for bits that it spent too many or too few.
#: An undivided encode becomes the more patient the longer it lasts; with x264's own 1 chunks would be hasty to the end.
_RATE_TOLERANCE = 2


@dataclass(frozen=True)
class EncodePaths:
    """Where one encode reads and writes.

    :param source: the downloaded source, or the URL from which FFmpeg reads what it needs of it
    :param tracks: folder of encoded tracks, one MP4 each
    :param outputs: folder that mirrors the output prefix; thumbnails go straight there
    """

    source: Path | str
    tracks: Path
    outputs: Path

    def track(self, rendition: VideoRendition | AudioRendition) -> Path:
        """The MP4 of one encoded track."""
        return self.tracks / f"{layout.track_name(rendition)}.mp4"


def available_cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def encoder_threads(plan: TranscodePlan, threads: int, part: Part | None = None) -> dict[str, int]:
    """How many x264 threads each rung gets: ``threads`` shared out by pixels a second, one at least.

    The rungs are encoded side by side, so together they fill the machine. More threads within one encoder cost
    CPU and rate control accuracy; x264's own default of 1.5 a core for every rung is 2 % slower on two cores.
    """
    rungs = plan.renditions if part is None else rungs_of(plan, part)
    load = {rung.name: rung.width * rung.height * rung.fps for rung in rungs}
    total = sum(load.values())
    return {name: max(1, ceil(threads * share / total)) for name, share in load.items()}


def encode_command(
    plan: TranscodePlan, paths: EncodePaths, ffmpeg_path: str, threads: int = 0, part: Part | None = None
) -> list[str]:
    """The whole argv.

    :param threads: CPUs to use; 0 means all
    :param part: what is made of the plan; none means everything
    """
    options = input_options(str(paths.source))
    arguments = {name.removeprefix("-"): value for name, value in zip(options[::2], options[1::2], strict=True)}
    if threads:
        arguments["threads"] = str(threads)
    # FFmpeg's time 0 is the start of whatever stream is first, subtitles and unused tracks among them.
    chunk = part.chunk if part else None
    arguments |= seek_arguments(chunk)
    if shift := span.shift(plan) + (chunk.seek if chunk else 0.0):
        arguments["itsoffset"] = f"{shift:.6f}"
    # Broadcast recordings change their picture in the middle. A graph set up anew would begin at time 0 again; this one
    # goes on, see picture_filters.to_top_rung.
    source = ffmpeg.input(str(paths.source), max_error_rate=MAX_ERROR_RATE, **INPUT_OPTIONS, **arguments)
    outputs: list[Stream] = []
    if part is None or part.rungs:
        outputs += _video_outputs(source, plan, paths, encoder_threads(plan, threads or available_cpus(), part), part)
    heard = part is None or not part.rungs
    if heard:
        outputs += _audio_outputs(source, plan, paths)
    command = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"]
    command += ["-progress", "pipe:1", "-stats_period", str(PROGRESS_PERIOD)]
    command += patience(plan.media.longest_gap)
    if threads:
        command += ["-filter_complex_threads", str(threads)]
    argv: list[str] = ffmpeg.compile(ffmpeg.merge_outputs(*outputs), cmd=command, overwrite_output=True)
    return with_steady_sound(argv, _steady(plan), len(outputs)) if heard else argv


def seek_arguments(chunk: Chunk | None) -> dict[str, Any]:
    """Options of an input of which a stretch is read: decoding begins with the keyframe at or before ``seek``.

    Time stamps stay those of the whole, if ``itsoffset`` adds what a seek takes away.
    """
    return {"noaccurate_seek": None, "ss": f"{chunk.seek:.6f}"} if chunk is not None and chunk.seek else {}


def _steady(plan: TranscodePlan) -> dict[str, str]:
    """What :func:`with_steady_sound` does with each track that is heard."""
    return {
        f"0:{index}": to_channel(item.sample_rate)
        if item.mono_sources
        else to_stereo(item.source_layout, item.source_channels, item.sample_rate)
        for item in plan.audio
        for index in item.sources
    }


def _video_outputs(
    source: Stream, plan: TranscodePlan, paths: EncodePaths, threads: dict[str, int], part: Part | None
) -> list[Stream]:
    rungs = [rung for rung in by_size(plan) if rung.name in threads]
    track, chunk = plan.media.video, part.chunk if part else None
    whole = span.held_seconds(plan), span.picture_seconds(plan)
    stream = to_top_rung(source[str(track.index)], track, rungs[0], *whole, chunk)
    outputs: list[Stream] = []
    for place, rung in enumerate(rungs):
        pictures = _pictures(plan, rung, chunk)
        last = place == len(rungs) - 1
        branches = _branches(stream, 1 + (not last) + len(pictures))
        coded = branches[0].filter("setpts", _from_zero(chunk, rung)) if chunk and chunk.first else branches[0]
        outputs.append(coded.output(str(paths.track(rung)), **_h264(rung, threads[rung.name], chunk)))
        for branch, (expression, width, height, name, options) in zip(
            branches[len(branches) - len(pictures) :], pictures, strict=True
        ):
            shown = branch.filter("trim", start_frame=chunk.warm_up) if chunk and chunk.warm_up else branch
            still = _jpeg(shown.filter("select", expression), width, height)
            outputs.append(still.output(str(paths.outputs / name), **options, **_JPEG))
        if not last:
            stream = smaller(branches[1], rung, rungs[place + 1])
    return outputs


def _from_zero(chunk: Chunk, rung: VideoRendition) -> str:
    """Time stamps that begin at 0 with the first frame that is kept."""
    return f"round(PTS-STARTPTS-{chunk.warm_up}/({rung.frame_rate}*TB))" if chunk.warm_up else "PTS-STARTPTS"


def by_size(plan: TranscodePlan) -> list[VideoRendition]:
    """The rungs, the largest first: the order in which each is scaled from the one before."""
    return sorted(plan.renditions, key=lambda rung: (rung.width * rung.height, rung.fps, rung.bitrate), reverse=True)


def _branches(stream: Stream, count: int, kind: str = "split") -> list[Stream]:
    if count == 1:
        return [stream]
    node = stream.filter_multi_output(kind, count)
    return [node[index] for index in range(count)]


def _h264(rung: VideoRendition, threads: int, chunk: Chunk | None = None) -> dict[str, Any]:
    weight = chunk.weight if chunk else 1.0
    patient = {"x264-params": f"ratetol={_RATE_TOLERANCE}"} if chunk and chunk.first else {}
    # In the order of coding all packets of a warm-up, which is whole GOPs, come first.
    dropped = {"bsf:v": f"noise=drop='lt(n,{chunk.warm_up})'"} if chunk and chunk.warm_up else {}
    return {
        "c:v": "libx264",
        "preset": rung.preset,
        "profile:v": rung.h264_profile,
        "level:v": rung.h264_level,
        "b:v": min(round(rung.bitrate * weight), rung.max_bitrate),
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
        **patient,
        **dropped,
        **_MP4,
    }


#: No metadata of the source is carried over: it can hold names, places and devices.
_MP4: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "f": "mp4"}


#: Of a still picture: which frames, width, height, name below the outputs, options of its output.
_Still = tuple[str, int, int, str, dict[str, Any]]


def _pictures(plan: TranscodePlan, top: VideoRendition, chunk: Chunk | None) -> list[_Still]:
    """Thumbnails at every multiple of the interval, and the poster at the top rung's size, of the rung that has them.

    Selected before they are scaled, so the other frames cost nothing.
    """
    wanted = plan.thumbnails
    if wanted is None or top is not by_size(plan)[0]:
        return []
    every, before = thumbnail_frames(wanted, top, chunk)
    small: _Still = (every, wanted.width, wanted.height, layout.THUMBNAIL_PATTERN, before)
    smalls = [small] if has_thumbnail(plan, top, chunk) else []
    # The last frame before the poster's time would be missed by an exact comparison of rounded times. The first
    # picture comes before it, to be overwritten: a source that ends too early for the poster still has one.
    moment = max(0.0, wanted.poster_time - float(1 / top.fps) / 2)
    at_moment = f"eq(n,0)+gte(t,{moment:.6g})*lt(prev_t,{moment:.6g})"
    if chunk is not None and chunk.first:
        frame = ceil(Fraction(moment) * top.fps)
        if frame < chunk.first or (chunk.end is not None and frame >= chunk.end):
            return smalls
        at_moment = f"eq(n,{frame - chunk.first})"
    return [*smalls, (at_moment, top.width, top.height, layout.POSTER, {"update": 1})]


def thumbnail_frames(
    wanted: Thumbnails, rung: VideoRendition, chunk: Chunk | None = None
) -> tuple[str, dict[str, Any]]:
    """Which frames become thumbnails, as FFmpeg's expression, and the number of the first one where it is not 1."""
    every = f"gt(floor(t/{wanted.interval:g}),floor(prev_t/{wanted.interval:g}))"
    if chunk is None or not chunk.first:
        return f"eq(n,0)+{every}", {}
    # The frame before is in another chunk. Time stamps as FFmpeg multiplies them, so that both judge alike.
    tick, interval = float(1 / rung.fps), float(f"{wanted.interval:g}")
    before, here = (int(frame * tick // interval) for frame in (chunk.first - 1, chunk.first))
    return f"if(eq(n,0),{int(here > before)},{every})", {"start_number": before + 2}


def has_thumbnail(plan: TranscodePlan, rung: VideoRendition, chunk: Chunk | None = None) -> bool:
    """Whether a thumbnail's moment lies in a chunk: FFmpeg fails at an output of pictures that gets none."""
    if plan.thumbnails is None or chunk is None or not chunk.first:
        return plan.thumbnails is not None
    last = (round(span.picture_seconds(plan) * rung.fps) if chunk.end is None else chunk.end) - 1
    tick, interval = float(1 / rung.fps), float(f"{plan.thumbnails.interval:g}")
    return last * tick // interval > (chunk.first - 1) * tick // interval


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

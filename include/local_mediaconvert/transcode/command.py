"""The FFmpeg command of a job: one process, one decode, every track encoded exactly once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, Final

import ffmpeg
from vodflow.ffmpeg.picture_filters import Stream
from vodflow.ffmpeg.sound_filters import INPUT_OPTIONS, to_channel, to_layout, with_steady_sound
from vodflow.ffmpeg.tools import input_options
from vodflow.media.timeline import patience

from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.filter_steps import Chain, Kind, branches
from local_mediaconvert.transcode.plan import Encode, JobPlan
from local_mediaconvert.transcode.sound import correction, layout_of
from local_mediaconvert.transcode.sources import Source

#: Share of frames that may fail to decode before FFmpeg gives up.
MAX_ERROR_RATE: Final = 0.1
#: Seconds between progress reports.
PROGRESS_PERIOD: Final = 0.5
#: Seconds before a clip's start that are decoded with it, so that rounded time stamps do not lose its first frame.
_SEEK_MARGIN: Final = 0.001
#: No metadata of the source is carried over: it can hold names, places and devices.
_PLAIN: Final[dict[str, Any]] = {"map_metadata": -1, "map_chapters": -1}
_FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".wav": "wav", ".gif": "gif"}


def track_path(folder: Path, encode: Encode, name: str) -> Path:
    """Where an encoded track is; for frame captures a pattern of names."""
    return folder / name / "%07d.jpg" if encode.kind == "pictures" else folder / f"{name}{encode.suffix}"


def encode_command(
    plan: JobPlan, tracks: Path, ffmpeg_path: str, threads: int, measured: Mapping[Encode, float] | None = None
) -> list[str]:
    """The whole argv.

    :param tracks: folder of the encoded tracks
    :param threads: CPUs to use
    :param measured: integrated loudness of the tracks that are corrected, LUFS
    """
    graph = _Graph(plan, measured or {})
    streams = graph.streams(plan.encodes)
    share = _threads(plan, threads)
    outputs = []
    for encode, name in plan.encodes.items():
        path = str(track_path(tracks, encode, name))
        outputs.append(ffmpeg.output(streams[encode], path, **_output_options(encode, share.get(encode, 1))))
    return _argv(plan, outputs, ffmpeg_path, ["-progress", "pipe:1", "-stats_period", str(PROGRESS_PERIOD)])


def measure_command(plan: JobPlan, encode: Encode, ffmpeg_path: str) -> list[str]:
    """Measures the loudness of one track: ``ebur128``'s summary is the end of standard error."""
    stream = _Graph(plan, {}).streams({encode: ""}, corrected=False)[encode]
    output = ffmpeg.output(stream.filter("ebur128", framelog="quiet"), "-", f="null")
    argv = _argv(plan, [output], ffmpeg_path, [])
    argv[argv.index("-loglevel") + 1] = "level+info"
    return argv


def _argv(plan: JobPlan, outputs: list[Any], ffmpeg_path: str, extra: list[str]) -> list[str]:
    command = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", *extra]
    gaps = (source.document.get("format", {}).get("longest_gap") for source in _sources(plan))
    command += patience(max(filter(None, gaps), default=None))
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    argv: list[str] = ffmpeg.compile(merged, cmd=command, overwrite_output=True)
    return with_steady_sound(argv, _steady(plan, argv), len(outputs))


def _sources(plan: JobPlan) -> list[Source]:
    return [*(clip.source for clip in plan.clips), *plan.externals.values()]


def _steady(plan: JobPlan, argv: list[str]) -> dict[str, str]:
    """Filters by which each track that is filtered keeps the channels and the rate of its beginning."""
    sources = {str(item.path): item for item in _sources(plan)}
    inputs = [sources.get(argv[place + 1]) for place, word in enumerate(argv) if word == "-i"]
    graph = argv[argv.index("-filter_complex") + 1] if "-filter_complex" in argv else ""
    return {
        f"{number}:{track.index}": to_channel(track.sample_rate)
        if track.channels == 1
        else f"aresample={track.sample_rate},{to_layout(layout_of(track))}"
        for number, source in enumerate(inputs)
        for track in (source.audio if source else ())
        if f"[{number}:{track.index}]" in graph
    }


def _output_options(encode: Encode, threads: int) -> dict[str, Any]:
    options = dict(encode.options)
    if encode.kind == "pictures":
        return options
    if encode.kind == "video":
        options |= {"fps_mode": "passthrough"}
        if options["c:v"] in {"libx264", "libx265"}:
            options["threads:v"] = threads
    return {**options, **_PLAIN, "f": _FORMATS[encode.suffix]}


def _threads(plan: JobPlan, threads: int) -> dict[Encode, int]:
    """Encoder threads by load: the tracks are encoded side by side, so together they fill the machine."""
    load: dict[Encode, float] = {}
    for group in plan.groups:
        for output in group.outputs:
            if output.video and output.video.encode.kind == "video":
                frame = output.video.frame
                load[output.video.encode] = float(frame.width * frame.height * frame.rate)
    total = sum(load.values())
    return {encode: max(1, ceil(threads * share / total)) for encode, share in load.items()}


class _Graph:
    """Inputs and filters of a job; every clip is an input of FFmpeg."""

    def __init__(self, plan: JobPlan, measured: Mapping[Encode, float]) -> None:
        self.plan = plan
        self.measured = measured
        self.inputs = [self._file(clip.source, place, "") for place, clip in enumerate(plan.clips)]

    def streams(self, encodes: Mapping[Encode, str], *, corrected: bool = True) -> dict[Encode, Stream]:
        """What each encoder is given."""
        found: dict[Encode, Stream] = {}
        copied = {encode for encode in encodes if encode.options[:1] == (("c:a", "copy"),)}
        for encode in copied:
            feed = encode.feeds[0]
            found[encode] = self._input(0, feed.external)[str(feed.streams[0])]
        for kind in ("video", "audio"):
            wanted = [item for item in encodes if (item.kind == "audio") == (kind == "audio") and item not in copied]
            found |= self._filtered(wanted, kind, corrected=corrected)
        return found

    def _filtered(self, encodes: list[Encode], kind: Kind, *, corrected: bool) -> dict[Encode, Stream]:
        # Tracks whose clips are filtered alike share them, up to where they are joined.
        joined: dict[tuple[Any, ...], dict[Encode, Chain]] = {}
        for encode in encodes:
            finish = encode.finish + (self._correction(encode) if corrected else ())
            joined.setdefault(encode.feeds, {})[encode] = finish
        parts: list[dict[tuple[Any, ...], Stream]] = []
        for place, clip in enumerate(self.plan.clips):
            parts.append(self._clip(place, clip, list(joined), kind))
        found: dict[Encode, Stream] = {}
        for feeds, chains in joined.items():
            found |= branches(_join([part[feeds] for part in parts], kind), chains, kind)
        return found

    def _correction(self, encode: Encode) -> Chain:
        if encode.loudness is None or encode not in self.measured:
            return ()
        return correction(encode.loudness, self.measured[encode])

    def _clip(self, place: int, clip: Clip, wanted: list[tuple[Any, ...]], kind: Kind) -> dict[tuple[Any, ...], Stream]:
        by_origin: dict[tuple[str, tuple[int, ...]], dict[tuple[Any, ...], Chain]] = {}
        for feeds in wanted:
            feed = feeds[place]
            by_origin.setdefault((feed.external, feed.streams), {})[feeds] = feed.chain
        found: dict[tuple[Any, ...], Stream] = {}
        for (external, streams), chains in by_origin.items():
            found |= branches(self._origin(place, clip, external, streams), chains, kind)
        return found

    def _input(self, place: int, external: str) -> Stream:
        if not external:
            return self.inputs[place]
        return self._file(self.plan.externals[external], place, external)

    def _file(self, source: Source, place: int, external: str) -> Stream:
        feeds = [encode.feeds[place] for encode in self.plan.encodes if place < len(encode.feeds)]
        used = {index for feed in feeds if feed.external == external for index in feed.streams}
        return _file_input(source, self.plan.clips[place], place, source.shift(used))

    def _origin(self, place: int, clip: Clip, external: str, streams: tuple[int, ...]) -> Stream:
        if not streams:
            return ffmpeg.input(
                f"anullsrc=r=48000:cl=stereo:n={1024 + place}", f="lavfi", t=f"{float(clip.length):.6f}"
            )
        selected = [self._input(place, external)[str(index)] for index in streams]
        if len(selected) == 1:
            return selected[0]
        return ffmpeg.filter(selected, "amerge", inputs=len(selected))


def _file_input(source: Source, clip: Clip, place: int, shift: float) -> Stream:
    """A file from where a clip begins to where it ends.

    :param place: of the clip on the time line, from 0
    :param shift: seconds from time 0 to where FFmpeg has it
    """
    options = input_options(str(source.path))
    arguments: dict[str, Any] = {
        name.removeprefix("-"): value for name, value in zip(options[::2], options[1::2], strict=True)
    }
    # ffmpeg-python takes inputs with equal options for one, which cannot stand on the time line twice.
    arguments["probesize"] = str(int(arguments["probesize"]) + place)
    begin = max(0.0, float(clip.span.start) - _SEEK_MARGIN)
    if clip.span.start:
        arguments["ss"] = f"{begin + source.late:.6f}"
    elif shift:
        arguments["itsoffset"] = f"{shift:.6f}"
    if clip.span.end is not None:
        arguments["t"] = f"{float(clip.span.end) - begin:.6f}"
    # Turned here, where the job asks for it. Broadcast recordings change their picture in the middle: a graph set up
    # anew would begin at time 0 again; this one goes on, see pictures.input_chain.
    arguments |= {"max_error_rate": MAX_ERROR_RATE, "noautorotate": None, **INPUT_OPTIONS}
    return ffmpeg.input(str(source.path), **arguments)


def _join(parts: list[Stream], kind: Kind) -> Stream:
    if len(parts) == 1:
        return parts[0]
    video = int(kind == "video")
    return ffmpeg.concat(*parts, v=video, a=1 - video)

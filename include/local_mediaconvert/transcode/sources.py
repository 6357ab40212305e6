"""The input files of a job: fetched, examined, and told as MediaConvert tells them."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from vodflow.contract.media_info import AudioTrack, CaptionTrack, VideoTrack
from vodflow.errors import InputRejected
from vodflow.ffmpeg.process import Limits, raise_for_shortage, run_process
from vodflow.ffmpeg.tools import ffprobe_path, input_options
from vodflow.media.containers import examine as structure_of
from vodflow.media.facts import declared_duration, media_info, start_time
from vodflow.media.probe import timed
from vodflow.media.programs import PROGRAMS, of_one_program
from vodflow.media.ranges import open_ranges
from vodflow.media.timeline import input_offset, length, time_zero

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed

#: What ffprobe says of formats beside those of :func:`~vodflow.ffmpeg.tools.input_options`.
_NOT_LISTED: Final = "Format not on whitelist"
#: Stands in for a video track, so that the facts of a file with sound only can be told.
_NO_PICTURE: Final = {"index": 9999, "codec_type": "video", "codec_name": "none-at-all", "width": 16, "height": 16}


@dataclass(frozen=True)
class Source:
    """One input file on this machine.

    :param number: of the input in the job, from 1
    :param audio: audio tracks in the order of the file; MediaConvert's track 1 is the first
    :param start: time stamp of time 0, seconds: where the earliest track begins, or less than a frame before it
    :param duration: seconds from there to the end of the last track
    :param timecode: of the first frame, where the file says one
    :param pids: stream index → PID, of transport streams
    """

    number: int
    uri: str
    path: Path
    container: str
    duration: float
    start: float
    video: VideoTrack | None
    audio: tuple[AudioTrack, ...]
    captions: tuple[CaptionTrack, ...]
    timecode: str | None
    pids: Mapping[int, int]
    document: Mapping[str, Any]

    @property
    def rate(self) -> Fraction:
        """Frames a second; 25 for sound only, so that time codes have a meaning."""
        return self.video.fps if self.video else Fraction(25)

    def shift(self, used: Collection[int]) -> float:
        """Seconds from time 0 to where FFmpeg has it.

        :param used: indexes of the streams that it reads
        """
        tracks: list[VideoTrack | AudioTrack] = [*self.audio, *([self.video] if self.video else [])]
        starts = [track.start for track in tracks if track.index in used]
        return input_offset(self.container, start_time(self.document), starts, self.start)

    @property
    def late(self) -> float:
        """Seconds from the container's start to time 0."""
        return self.start - start_time(self.document)

    @property
    def picture_start(self) -> float:
        """Seconds after time 0 at which the pictures begin."""
        return max(0.0, self.video.start - self.start) if self.video else 0.0

    @property
    def picture_end(self) -> float:
        """Seconds after time 0 at which the pictures end."""
        return self.picture_start + self.video.duration if self.video else 0.0


def program_number(settings: Mapping[str, Any]) -> int | None:
    """The programme that an ``Input`` asks for; none means the first."""
    return settings.get("ProgramNumber") or settings.get("VideoSelector", {}).get("ProgramNumber") or None


def examine(
    number: int, uri: str, path: Path, cancel: threading.Event, timeout: float, *, program: int | None = None
) -> Source:
    """What a downloaded input is.

    :param number: of the input in the job, from 1
    :param timeout: seconds one ffprobe may take
    :param program: of a transport stream; without one, or where it is not there, the first is taken
    :raises JobFailed: when it is no media file, or its codecs are unknown
    """
    size = path.stat().st_size
    structure = structure_of(open_ranges(str(path), size, timeout), size)
    if structure.missing:
        code = ErrorCode.DEMUX if "index" in structure.missing else ErrorCode.TRUNCATED
        raise JobFailed(code, f"Demuxer: [{structure.missing} Is file truncated?] Input file [{uri}].")
    options = ["-of", "json", "-show_format", "-show_streams", *PROGRAMS]
    document: Mapping[str, Any] = json.loads(_ffprobe(uri, path, options, cancel, timeout))
    numbers = [item["program_num"] for item in document.get("programs", ())]
    document = of_one_program(document, program if program in numbers else next(iter(numbers), None))
    container = str(document.get("format", {}).get("format_name", ""))
    try:
        document = timed(str(path), document, timeout, whole=structure.whole)
    except InputRejected as error:
        raise JobFailed(
            ErrorCode.TRUNCATED, f"Demuxer: [{error.detail} Is file truncated?] Input file [{uri}]."
        ) from error
    return _source(number, uri, path, container, document)


def _source(number: int, uri: str, path: Path, container: str, document: Mapping[str, Any]) -> Source:
    streams = document.get("streams", [])
    seen = any(item.get("codec_type") == "video" for item in streams)
    try:
        info = media_info(document, path.stat().st_size, length(document))
        video: VideoTrack | None = info.video
    except InputRejected as error:
        if not any(item.get("codec_type") == "audio" for item in streams):
            raise _not_video(uri, streams, error) from error
        if seen and not _only_stills(streams):
            raise _not_video(uri, streams, error) from error
        info = media_info({**document, "streams": [*streams, _NO_PICTURE]}, path.stat().st_size)
        video = None
    tracks: list[VideoTrack | AudioTrack] = [*info.audio, *([video] if video else [])]
    start = min((track.start for track in tracks), default=start_time(document))
    if video:
        start = time_zero(video.start, [track.start for track in info.audio if track.duration], video.fps)
    ends = [track.start - start + (track.duration or 0.0) for track in tracks]
    return Source(
        number=number,
        uri=uri,
        path=path,
        container=container,
        duration=max([*ends, 0.0]) or declared_duration(document) or 0.0,
        start=start,
        video=video,
        audio=info.audio,
        captions=info.captions,
        timecode=_timecode(document),
        pids={item["index"]: int(item["id"], 16) for item in streams if str(item.get("id", "")).startswith("0x")},
        document=document,
    )


def _only_stills(streams: list[dict[str, Any]]) -> bool:
    pictures = [item for item in streams if item.get("codec_type") == "video"]
    return all(any(item.get("disposition", {}).values()) for item in pictures)


def _not_video(uri: str, streams: list[dict[str, Any]], error: InputRejected) -> JobFailed:
    pictures = [item for item in streams if item.get("codec_type") == "video"]
    unknown = next((item for item in pictures if item.get("codec_name") in {None, "none", "unknown"}), None)
    if unknown is not None:
        tag = unknown.get("codec_tag_string", "unknown")
        return JobFailed(ErrorCode.UNSUPPORTED_CODEC, f"Video codec [{tag}] is not a supported input video codec")
    return JobFailed(ErrorCode.MISSING_VIDEO, f"Your input file [{uri}] has nothing to transcode. {error.detail}")


def _timecode(document: Mapping[str, Any]) -> str | None:
    tags = [document.get("format", {}).get("tags", {}), *(item.get("tags", {}) for item in document.get("streams", ()))]
    return next((str(item["timecode"]) for item in tags if item.get("timecode")), None)


def _ffprobe(uri: str, path: Path, options: list[str], cancel: threading.Event, timeout: float) -> str:
    argv = [ffprobe_path(), "-v", "error", *options, *input_options(str(path)), "-i", f"file:{path}"]
    lines: list[str] = []

    def collect(line: str) -> bool:
        lines.append(line)
        return False

    finished = run_process(argv, collect, limits=Limits(cancel, timeout))
    raise_for_shortage("ffprobe", finished)
    if finished.code != 0:
        said = finished.errors[-1] if finished.errors else "no reason given"
        if any(_NOT_LISTED in line for line in finished.errors):
            said = "its format is none of those that are read"
        raise JobFailed(
            ErrorCode.FILE_ACCESS, f"Unable to open input file [{uri}]: [Failed probe/open: [{_plain(said, path)}]]"
        )
    return "\n".join(lines)


def _plain(text: str, path: Path) -> str:
    return text.replace(f"file:{path}: ", "").replace(str(path), path.name)

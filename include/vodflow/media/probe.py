"""Find out what a source is: ffprobe and a look at its structure, its end and its first frame.

Works on local paths and on presigned URLs, of which only small ranges are read. What is wrong with the input is
:class:`InputRejected` with a named reason; what is wrong with the way to it is :class:`SourceUnavailable` and may be
tried again.
"""

from __future__ import annotations

import json
import logging
import math
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from vodflow.contract.media_info import MediaInfo
from vodflow.errors import InputRejected, RejectionReason, SourceNotFound, SourceUnavailable
from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffmpeg_path, ffprobe_path, input_options, is_url, was_stopped
from vodflow.media.containers import examine
from vodflow.media.decoding import check_decodes, complaint, complaints, plain
from vodflow.media.facts import declared_duration, media_info, start_time
from vodflow.media.frame_rate import with_needed_rate
from vodflow.media.programs import PROGRAMS, of_one_program
from vodflow.media.ranges import open_ranges
from vodflow.media.timeline import extents, with_extents

log = logging.getLogger(__name__)

#: Formats without a declared duration: ffprobe takes it from the last timestamps, so the end cannot be missing.
_UNDECLARED = {"mpegts", "mpegtsraw", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "av1", "obu", "ivf", "dv", "vc1"}

#: Of these, ffprobe's times are estimates that may be far off, and every packet is read.
_ESTIMATED = {"mpegts", "mpeg"}

#: Seconds before the end that are read to see whether the end is there.
_TAIL = 2.0
#: Seconds, and share of the duration, that the last packet may end early: long last frames, rounded headers.
_TAIL_TOLERANCE = 3.0
_TAIL_SHARE = 0.1
#: Reading every packet of a file without a duration may take this many times the usual limit.
_SCAN_PATIENCE = 4
#: Ask for a mebibyte at a time, so that a seek throws little away, over one connection: FFmpeg 8 takes a connection
#: closed at the end of the file for the end of the seek, too, and then misses the last timestamps of MPEG-TS.
_HTTP = ["-multiple_requests", "1", "-request_size", "1048576", "-initial_request_size", "1048576"]
#: HTTP errors during a seek are warnings to FFmpeg; without them a failing server looks like a file cut off.
_LOG = ["-v", "level+warning"]
#: What filters say of a picture is information.
_TALK = ["-hide_banner", "-v", "level+info"]

#: What FFmpeg says when the way to the source fails, and when the object is gone.
_UNAVAILABLE = re.compile(
    r"Server returned (?:5XX|4(?!04|10)[0-9X]{2})|HTTP error (?:5\d\d|4(?!04|10)\d\d)"
    r"|Connection (?:refused|reset|timed out)|Broken pipe|Network is unreachable|No route to host"
    r"|Failed to resolve|Temporary failure in name|Operation timed out"
    r"|Stream ends prematurely|Error in the pull function|IO error|Input/output error",
    re.IGNORECASE,
)
_GONE = re.compile(r"404 Not Found|410 Gone|HTTP error (?:404|410)")
#: What demuxers say when they run into the end of the file too early.
_CUT_OFF = re.compile(r"partial file|File ended prematurely|Truncated", re.IGNORECASE)


def probe(source: str, size: int, timeout: float) -> MediaInfo:
    """Everything about a source that planning needs.

    :param source: a local path or an HTTP(S) URL
    :param size: bytes of the source
    :param timeout: seconds that one ffprobe, or one read, may take
    :raises InputRejected: ``empty``, ``not_a_video``, ``no_video_track``, ``truncated``, ``undecodable``
        or ``undecodable_audio``
    :raises SourceNotFound: when the source is gone or has another size
    :raises SourceUnavailable: when it cannot be read just now
    """
    if size == 0:
        raise InputRejected(RejectionReason.EMPTY, "The file has no bytes. Upload it again.")
    read = open_ranges(source, size, timeout)
    structure = examine(read, size)
    if structure.missing:
        raise InputRejected(RejectionReason.TRUNCATED, structure.missing)
    document = _describe(source, timeout)
    duration = declared_duration(document)
    if duration is None:
        duration = _measured_duration(source, document, timeout)
    elif _formats(document) & _ESTIMATED:
        document = _measured(source, document, timeout)
        duration = declared_duration(document)
    elif not structure.whole:
        _check_end(source, document, duration, timeout)
    info = media_info(document, size, duration)
    info = with_needed_rate(info, document, read, lambda options: _picture_times(source, info, options, timeout))
    return check_decodes(info, lambda seconds, outputs: _decode(source, seconds, outputs, timeout))


def _describe(source: str, timeout: float) -> Mapping[str, Any]:
    done = _ffprobe(source, ["-of", "json", "-show_format", "-show_streams", *PROGRAMS], timeout)
    # Also after a success: a seek that failed leaves a wrong duration behind.
    _raise_unless_readable(source, done)
    if done.returncode != 0:
        raise InputRejected(
            RejectionReason.NOT_A_VIDEO, "The file is not in any known video format, whatever its name says."
        )
    return of_one_program(json.loads(done.stdout))


def _measured_duration(source: str, document: Mapping[str, Any], timeout: float) -> float | None:
    """Seconds from the first packet to the end of the last; reads the whole source."""
    log.info("no duration declared, reading every packet of %s", _name(source))
    done = _packets(source, [], timeout * _SCAN_PATIENCE)
    _raise_unless_readable(source, done)
    end = _last_end(done.stdout)
    if end is not None:
        return max(end - start_time(document), 0.0) or None
    lengths = [float(item["duration_time"]) for item in _parse(done.stdout) if "duration_time" in item]
    return math.fsum(lengths) or None


def _measured(source: str, document: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
    """The same answer with times from every packet; reads the whole source."""
    options = ["-show_entries", "packet=stream_index,pts_time,dts_time,duration_time", "-of", "csv=p=0"]
    try:
        done = _ffprobe(source, options, timeout * _SCAN_PATIENCE)
    except SourceUnavailable:
        log.warning("%s could not be measured within %s s", _name(source), timeout * _SCAN_PATIENCE)
        return document
    _raise_unless_readable(source, done)
    tracks = {item["index"] for item in document.get("streams", []) if item.get("codec_type") in {"video", "audio"}}
    return with_extents(document, extents(done.stdout.splitlines(), tracks))


def _formats(document: Mapping[str, Any]) -> set[str]:
    return set(str(document.get("format", {}).get("format_name", "")).split(","))


def _check_end(source: str, document: Mapping[str, Any], duration: float, timeout: float) -> None:
    """Refuse a source whose last seconds are declared, but not there."""
    formats = _formats(document)
    if formats & _UNDECLARED:
        return
    start = start_time(document)
    try:
        done = _packets(source, ["-read_intervals", f"{max(start, start + duration - _TAIL):.3f}%"], timeout)
    except SourceUnavailable:
        # Containers without an index are read from the beginning to seek. The engine reads all of it anyway.
        log.warning("the end of %s could not be checked within %s s", _name(source), timeout)
        return
    _raise_unless_readable(source, done)
    end = _last_end(done.stdout)
    shortage = start + duration - end if end is not None else duration
    cut = bool(_CUT_OFF.search(done.stderr))
    # An MP4's sample table lists packets that are not there: only the demuxer's complaint counts, not its timestamps.
    suspicious = cut if "mp4" in formats else end is not None
    if suspicious and shortage > (0 if cut else min(_TAIL_TOLERANCE, duration * _TAIL_SHARE)):
        raise InputRejected(
            RejectionReason.TRUNCATED,
            f"The file declares {duration:.1f} s, but its end is missing: the upload or the recording was cut off.",
        )


def _decode(source: str, seconds: float, outputs: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    argv = [ffmpeg_path(), "-nostdin", *_TALK, "-threads", "1", "-t", str(seconds), *_input(source, timeout)]
    done = _run([*argv, *outputs], source, timeout)
    if done.returncode != 0:
        _raise_unless_readable(source, done)
    return done


def _picture_times(source: str, info: MediaInfo, options: list[str], timeout: float) -> str:
    """Time stamps of the picture's packets, one a line."""
    wanted = ["-select_streams", str(info.video.index), "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    done = _ffprobe(source, [*options, *wanted], timeout)
    _raise_unless_readable(source, done)
    return done.stdout


def _packets(source: str, options: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    entries = ["-show_entries", "packet=codec_type,pts_time,dts_time,duration_time", "-of", "json"]
    return _ffprobe(source, [*options, *entries], timeout)


def _parse(output: str) -> list[dict[str, str]]:
    packets: list[dict[str, str]] = json.loads(output or "{}").get("packets", [])
    return [item for item in packets if item.get("codec_type") in {"video", "audio"}]


def _last_end(output: str) -> float | None:
    ends = [
        float(time) + float(item.get("duration_time", 0))
        for item in _parse(output)
        if (time := item.get("pts_time", item.get("dts_time"))) is not None
    ]
    return max(ends, default=None)


def _ffprobe(source: str, options: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    return _run([ffprobe_path(), *_LOG, *options, *_input(source, timeout)], source, timeout)


def _input(source: str, timeout: float) -> list[str]:
    if not is_url(source):
        return [*input_options(source), "-i", f"file:{source}"]  # whatever the name looks like
    microseconds = str(round(timeout * 1_000_000))
    return [*input_options(source), *_HTTP, "-rw_timeout", microseconds, "-i", source]


def _run(argv: list[str], source: str, timeout: float) -> subprocess.CompletedProcess[str]:
    try:
        done = capture(argv, timeout)
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailable(f"{_name(source)} could not be examined within {timeout:g} s.") from error
    log.debug("%s ended with %s: %s", argv[0], done.returncode, plain(done.stderr))
    return done


def _raise_unless_readable(source: str, done: subprocess.CompletedProcess[str]) -> None:
    """Tell a failing way to the source from a failing source."""
    if was_stopped(done.returncode, complaints(done.stderr)):
        raise SourceUnavailable(f"The examination of {_name(source)} was killed; the machine may lack memory.")
    if not is_url(source):
        return
    if _GONE.search(done.stderr):
        raise SourceNotFound(f"{_name(source)} does not exist any more.")
    if _UNAVAILABLE.search(done.stderr):
        raise SourceUnavailable(f"{_name(source)} cannot be read now: {complaint(done.stderr)}.")


def _name(source: str) -> str:
    # The query of a presigned URL is a credential.
    return source.partition("?")[0] if is_url(source) else source

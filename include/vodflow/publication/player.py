"""The page on which people watch a published video: one file, with libraries beside it where they are installed."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

#: Keys in the media bucket: of the page, and of the libraries that play what browsers do not by themselves.
PLAYER_NAME = "player.html"
LIBRARIES = {"player-hls.js": "hls", "player-shaka.js": "shaka"}

#: The libraries below a checkout, as ``package.json`` pins them.
LIBRARY_PATHS = {
    "player-hls.js": Path("node_modules/hls.js/dist/hls.min.js"),
    "player-shaka.js": Path("node_modules/shaka-player/dist/shaka-player.ui.js"),
}

_HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"


def player_files(checkout: Path | None = None) -> dict[str, tuple[bytes, str]]:
    """What the player is made of: key → body and media type.

    :param checkout: folder with npm's packages; without one browsers use their own HLS, or the MP4s
    """
    found = {name: checkout / path for name, path in LIBRARY_PATHS.items() if checkout and (checkout / path).is_file()}
    return {
        PLAYER_NAME: (player_page(found), _HTML),
        **{name: (_script(path), SCRIPT) for name, path in found.items()},
    }


def _script(path: Path) -> bytes:
    """A library with its licence; the comment at its end names a file that does not go with it."""
    licence = (path.parents[1] / "LICENSE").read_bytes()
    return b"/*\n" + licence + b"*/\n" + path.read_bytes().partition(b"//# sourceMappingURL=")[0]


def player_page(libraries: Collection[str]) -> bytes:
    """The page.

    :param libraries: keys of those that it finds beside it
    """
    page = files("vodflow.publication").joinpath(PLAYER_NAME).read_bytes()
    named = json.dumps({LIBRARIES[name]: name for name in libraries})
    return page.replace(b"const LIBRARIES = {};", f"const LIBRARIES = {named};".encode())


def player_url(base_url: str, manifest_key: str) -> str:
    """Where to watch a video, with a manifest in the same bucket as the page.

    :param base_url: URL that serves the media bucket, see :func:`~vodflow.publication.manifest.bucket_url`
    """
    return f"{base_url.rstrip('/')}/{PLAYER_NAME}?manifest={quote(manifest_key)}"

"""The page on which people watch a published video: one file, with hls.js beside it where that is installed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

#: Keys in the media bucket: of the page, and of the library that lets people choose a rung of HLS.
PLAYER_NAME = "player.html"
LIBRARY_NAME = "player-hls.js"

#: hls.js below a checkout, as ``package.json`` pins it.
LIBRARY_PATH = Path("node_modules/hls.js/dist/hls.min.js")


def player_files(library: Path | None = None) -> dict[str, tuple[bytes, str]]:
    """What the player is made of: key → body and media type.

    :param library: a file of hls.js; without one browsers use their own HLS, or the MP4s
    """
    if library is None or not library.is_file():
        return {PLAYER_NAME: (player_page(library=False), "text/html; charset=utf-8")}
    # Its licence goes with it; the comment at its end names a file that does not.
    licence = (library.parents[1] / "LICENSE").read_bytes()
    script = b"/*\n" + licence + b"*/\n" + library.read_bytes().partition(b"//# sourceMappingURL=")[0]
    return {
        PLAYER_NAME: (player_page(library=True), "text/html; charset=utf-8"),
        LIBRARY_NAME: (script, "text/javascript; charset=utf-8"),
    }


def player_page(*, library: bool) -> bytes:
    """The page.

    :param library: whether it finds hls.js beside it
    """
    page = files("vodflow.publication").joinpath(PLAYER_NAME).read_bytes()
    return page.replace(b"const LIBRARY = '';", f"const LIBRARY = '{LIBRARY_NAME}';".encode()) if library else page


def player_url(base_url: str, manifest_key: str) -> str:
    """Where to watch a video, with a manifest in the same bucket as the page.

    :param base_url: URL that serves the media bucket, see :func:`~vodflow.publication.manifest.bucket_url`
    """
    return f"{base_url.rstrip('/')}/{PLAYER_NAME}?manifest={quote(manifest_key)}"

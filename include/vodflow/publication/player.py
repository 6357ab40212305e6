"""The page on which people watch a published video: one file without any library or foreign host."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

#: Key of the page in the media bucket.
PLAYER_NAME = "player.html"


def player_page() -> bytes:
    """The page, UTF-8; serve it as ``text/html; charset=utf-8``."""
    return files("vodflow.publication").joinpath(PLAYER_NAME).read_bytes()


def player_url(base_url: str, manifest_key: str) -> str:
    """Where to watch a video, with a manifest in the same bucket as the page.

    :param base_url: URL that serves the media bucket, see :func:`~vodflow.publication.manifest.bucket_url`
    """
    return f"{base_url.rstrip('/')}/{PLAYER_NAME}?manifest={quote(manifest_key)}"

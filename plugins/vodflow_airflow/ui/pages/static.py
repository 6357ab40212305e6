"""Style sheets and scripts: our own, and npm's, which lie beside the checkout; pages work without the latter."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response
from vodflow.stack.home import REPOSITORY

router = APIRouter()

_OWN: Final = Path(str(files("vodflow_airflow.ui"))) / "static"
_NPM: Final = REPOSITORY / "node_modules"

#: Every file that is served: name → where it is.
FILES: Final = {
    "page.css": _OWN / "page.css",
    "page.js": _OWN / "page.js",
    "glance.js": _OWN / "glance.js",
    "video.js": _OWN / "video.js",
    "shaka-player.js": _NPM / "shaka-player/dist/shaka-player.ui.js",
    "shaka-player.css": _NPM / "shaka-player/dist/controls.css",
    "htmx.js": _NPM / "htmx.org/dist/htmx.min.js",
}

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


#: A font of another host.
_FONT: Final = re.compile(rb"@font-face\s*{[^}]*url\(https?:[^}]*}")


@router.get("/static/{name}")
def static_file(name: str) -> Response:
    """One of these files; a browser keeps it for an hour."""
    path = FILES.get(name)
    if path is None or not path.is_file():
        raise HTTPException(404, f"There is no file {name} here.")
    # Maps of scripts are not served, and nothing is loaded from other hosts: the player's font is the page's then.
    body = path.read_bytes().partition(b"//# sourceMappingURL=")[0]
    body = _FONT.sub(b"", body) if path.suffix == ".css" else body
    return Response(body, media_type=_TYPES[path.suffix], headers={"Cache-Control": "private, max-age=3600"})

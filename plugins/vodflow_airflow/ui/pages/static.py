"""Style sheets and scripts: our own, and npm's, which lie beside the checkout; pages work without the latter."""

from __future__ import annotations

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
    "htmx.js": _NPM / "htmx.org/dist/htmx.min.js",
}

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@router.get("/static/{name}")
def static_file(name: str) -> Response:
    """One of these files; a browser keeps it for an hour."""
    path = FILES.get(name)
    if path is None or not path.is_file():
        raise HTTPException(404, f"There is no file {name} here.")
    # Where the map of a script would be is not served.
    body = path.read_bytes().partition(b"//# sourceMappingURL=")[0]
    return Response(body, media_type=_TYPES[path.suffix], headers={"Cache-Control": "private, max-age=3600"})

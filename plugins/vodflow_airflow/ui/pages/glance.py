"""What Airflow's first page says of the videos; ``static/glance.js`` shows it."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response
from vodflow.catalog.database import transaction
from vodflow.catalog.glance import Glance
from vodflow.catalog.glance import glance as read
from vodflow.errors import CatalogError

from vodflow_airflow.ui.access import Viewer

router = APIRouter()

#: Seconds for which an answer serves everybody who asks.
_KEPT: Final = 2.0
_LOCK: Final = threading.Lock()
_last: tuple[float, Glance | CatalogError] | None = None


@router.get("/glance")
def glance(visitor: Viewer) -> Response:  # noqa: ARG001 - viewers only
    """Running, waiting, failed today, published today."""
    return JSONResponse(dataclasses.asdict(_current()))


def _current() -> Glance:
    """One query in two seconds, however many look."""
    global _last  # noqa: PLW0603 - one process, one answer
    with _LOCK:
        if _last is None or time.monotonic() - _last[0] > _KEPT:
            found = _read()
            _last = (time.monotonic(), found)
        if isinstance(_last[1], CatalogError):
            raise _last[1]
        return _last[1]


def _read() -> Glance | CatalogError:
    """Also that the catalog does not answer: everybody who waits for it learns it at once."""
    try:
        with transaction("vodflow.pages") as conn:
            return read(conn)
    except CatalogError as error:
        return error

"""The application behind the pages: routers, and what their errors look like."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import Response
from vodflow.errors import AirflowError, CatalogUnavailable, ConfigurationError, VodflowError

from vodflow_airflow.ui.access import operator
from vodflow_airflow.ui.guard import Guard
from vodflow_airflow.ui.pages import ROUTERS
from vodflow_airflow.ui.rendering import problem

log = logging.getLogger(__name__)

#: Characters of a wrong value that its sentence repeats.
_QUOTED: Final = 100


@dataclasses.dataclass(frozen=True)
class PageRoute:
    """One route. ``acts``: whether it needs more than the right to look."""

    method: str
    path: str
    acts: bool


def make_app() -> FastAPI:
    """The application without its guard; it must never be served like that."""
    app = FastAPI(title="Vodflow", openapi_url=None, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    handlers: dict[Any, Any] = {
        AnyHTTPException: _refused, RequestValidationError: _invalid, VodflowError: _ours, Exception: _unexpected,
    }  # fmt: skip
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


def guarded_app() -> Guard:
    """The application as it is served."""
    return Guard(make_app())


def page_routes(app: FastAPI) -> list[PageRoute]:
    """Every route, for tests that walk them all."""
    found = [route for route in app.routes if isinstance(route, APIRoute)]
    return [
        PageRoute(method, route.path, _needs_operator(route.dependant))
        for route in found
        for method in sorted(route.methods)
    ]


def _needs_operator(dependant: Dependant) -> bool:
    return dependant.call is operator or any(map(_needs_operator, dependant.dependencies))


def _refused(request: Request, error: HTTPException) -> Response:
    said = "There is no such page." if error.detail == "Not Found" else str(error.detail)
    return problem(request, error.status_code, said)


def _invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    name, given = str(first["loc"][-1]), first.get("input")
    said = f"{name} is missing."
    if first["type"] != "missing":
        given = f"{given[:_QUOTED]}…" if isinstance(given, str) and len(given) > _QUOTED else given
        value = repr(given) if isinstance(given, str | int | float | None) else "a file"
        said = f"{name} cannot be {value}: {first['msg']}."
    return problem(request, status.HTTP_400_BAD_REQUEST, said)


def _ours(request: Request, error: VodflowError) -> Response:
    code = status.HTTP_409_CONFLICT
    if isinstance(error, ConfigurationError):
        code = status.HTTP_400_BAD_REQUEST
    elif isinstance(error, CatalogUnavailable):
        code = status.HTTP_503_SERVICE_UNAVAILABLE
    elif isinstance(error, AirflowError):
        code = status.HTTP_403_FORBIDDEN if error.code == "403" else status.HTTP_502_BAD_GATEWAY
    return problem(request, code, str(error))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("Page %s failed", request.url.path, exc_info=error)
    return problem(request, 500, "Something went wrong here that should not; the API server's log says what.")

"""The application factory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute

from vodflow import __version__
from vodflow.api.access import check_routes
from vodflow.api.answers import REQUEST_ID
from vodflow.api.app_state import Services
from vodflow.api.callers import Authenticator, Caller
from vodflow.api.etags import NotModified
from vodflow.api.guard import Application, Guard, told
from vodflow.api.idempotency import REPLAYED
from vodflow.api.play import PlayDoor
from vodflow.api.problems import Problem
from vodflow.api.routes import ROUTERS
from vodflow.errors import VodflowError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.playback.service import Playback
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

_CODES: Final = {404: "not_found", 405: "method_not_allowed"}

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

#: What scripts of web pages elsewhere may read of an answer.
_EXPOSED: Final = (
    "ETag", "Link", "Location", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
    "Content-Range", "Accept-Ranges", REPLAYED, REQUEST_ID,
)  # fmt: skip


def make_routes(services: Services | None, routers: Iterable[APIRouter] = ROUTERS) -> FastAPI:
    """The routes without what guards them; never to be served like that.

    :param services: none for who looks at routes alone
    :raises AssertionError: a route does not say whom it is for
    """
    app = FastAPI(
        title="Vodflow", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )  # fmt: skip
    app.router.routes.extend(_own_routes() if routers is ROUTERS else _routes(routers))
    app.state.services = services
    handlers: dict[Any, Any] = {
        Problem: _problem, VodflowError: _ours, NotModified: _not_modified, RequestValidationError: _invalid,
        HTTPException: _http, Exception: _unexpected,
    }  # fmt: skip
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


def _routes(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    whole = APIRouter(generate_unique_id_function=operation_id)
    for router in routers:
        whole.include_router(router)
    check_routes(whole.routes)
    return whole.routes


@cache
def _own_routes() -> tuple[BaseRoute, ...]:
    """They know nothing of the application they serve, and to read what each of them takes and gives is slow."""
    return tuple(_routes(ROUTERS))


def make_api(
    authenticators: Sequence[Authenticator],
    *,
    airflow: Callable[[Caller], AirflowClient] | None = None,
    run_priority: Callable[[str, int], None] | None = None,
    settings: Settings | None = None,
) -> Application:
    """The application as it is served.

    :param authenticators: ways to prove who one is, in this order; none of them fits means nobody
    :param airflow: a client with a caller's rights; none means that of the settings
    :param run_priority: see :class:`~vodflow.api.app_state.Services`
    """
    used = settings or get_settings()
    services = Services(used, airflow or (lambda _: AirflowClient.of(used)), run_priority=run_priority)
    routes = make_routes(services)
    routes.state.playback = Playback(used)
    guarded: Application = Guard(routes, authenticators, services)
    if used.api_allowed_origins:
        guarded = CORSMiddleware(
            guarded, allow_origins=used.api_allowed_origins, allow_methods=_METHODS, allow_headers=["*"],
            expose_headers=_EXPOSED, max_age=600,
        )  # fmt: skip
    return PlayDoor(guarded, routes.state.playback, services.metrics)


def operation_id(route: APIRoute) -> str:
    """What clients that are generated call it: its function's name behind its tag, which nobody changes lightly."""
    return f"{str(route.tags[0]).replace('-', '_')}_{route.name}" if route.tags else route.name


def _answer(request: Request, problem: Problem) -> Response:
    return problem.response(request.url.path, request.state.request_id)


def _problem(request: Request, problem: Problem) -> Response:
    return _answer(request, problem)


def _ours(request: Request, error: VodflowError) -> Response:
    return _answer(request, told(request, error))


def _not_modified(request: Request, error: NotModified) -> Response:  # noqa: ARG001 - the signature is given
    return Response(status_code=304, headers=error.headers)


def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [{"field": _field(one["loc"]), "rule": one["type"], "message": one["msg"]} for one in error.errors()]
    first = errors[0]["field"]
    said = "; or ".join(dict.fromkeys(one["message"] for one in errors if one["field"] == first))
    detail = f"{first}: {said}. Correct it and send the request again."
    return _answer(request, Problem(422, "invalid_request", detail, errors=errors))


def _field(where: Sequence[object]) -> str:
    """Where a field is, without the names of the enumerations of which it could be one."""
    return ".".join(str(part) for part in where if not str(part).startswith("str-enum["))


def _http(request: Request, error: HTTPException) -> Response:
    code = _CODES.get(error.status_code, "refused")
    detail = "There is no such address; docs/api.md lists them." if error.status_code == 404 else str(error.detail)
    return _answer(request, Problem(error.status_code, code, detail, headers=error.headers))


def _unexpected(request: Request, error: Exception) -> Response:
    return _answer(request, told(request, error))

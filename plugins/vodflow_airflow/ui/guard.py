"""What stands before every page: who is not logged in, or sends from elsewhere, comes no further.

It wraps the whole application, so that static files, unknown paths and errors are behind it too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import anyio.to_thread
from fastapi import HTTPException, Request, status
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from vodflow.publication.manifest import bucket_url
from vodflow.settings import get_settings

from vodflow_airflow.ui import DAG_ID, PREFIX, Application, Scope
from vodflow_airflow.ui.access import SAFE, is_from_these_pages, visitor_of
from vodflow_airflow.ui.rendering import base_of, is_partial, problem

log = logging.getLogger(__name__)

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

#: Media types of which a browser may keep a copy: they are the same for everybody.
_KEPT: Final = ("text/css", "text/javascript")


class Guard:
    """An application behind the guard."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] != "http":
            return  # a websocket that nobody accepts is closed by the server

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope, receive)
        refused = await _refusal(request)
        if request.method == "HEAD":  # what GET would answer; the server leaves the body out
            scope = {**scope, "method": "GET"}
        await (refused or self._app)(scope, receive, send_with_headers)


async def _refusal(request: Request) -> Response | None:
    """What somebody gets who may not see this; none for those who may."""
    try:
        visitor = await visitor_of(request)
    except HTTPException:
        return _not_logged_in(request)
    if not await anyio.to_thread.run_sync(visitor.may, "GET"):
        return problem(request, status.HTTP_403_FORBIDDEN, f"You may not see this: ask for the right to read {DAG_ID}.")
    if request.method not in SAFE and not is_from_these_pages(request):
        return problem(request, status.HTTP_403_FORBIDDEN, "Another site sent this: open the page here and try again.")
    request.state.visitor = visitor
    return None


def _not_logged_in(request: Request) -> Response:
    """The way to the log-in; also for a token that is old, or another Airflow's of the same host."""
    if _is_visit(request):
        return RedirectResponse(_log_in(request), status.HTTP_303_SEE_OTHER)
    return problem(request, status.HTTP_401_UNAUTHORIZED, "Log in to Airflow first.", link=(_log_in(request), "Log in"))


def _is_visit(request: Request) -> bool:
    """Whether a person opens a page by itself, not in a frame and not by a script.

    Browsers name the destination on trusted connections alone; htmx names itself everywhere.
    """
    wants = "text/html" in request.headers.get("accept", "") and not is_partial(request)
    return request.method == "GET" and wants and request.headers.get("sec-fetch-dest", "document") == "document"


def _log_in(request: Request) -> str:
    root = request.scope.get("root_path", "").removesuffix(PREFIX)
    is_page = request.method == "GET" and not is_partial(request)
    back = str(request.url) if is_page else f"{base_of(request)}/videos"
    return f"{root}/api/v2/auth/login?next={quote(back, safe='')}"


def _add_headers(headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers[name] = value
    headers["Content-Security-Policy"] = content_policy(bucket_url(get_settings().media_bucket))
    if not headers.get("content-type", "").startswith(_KEPT):
        headers["Cache-Control"] = "no-store"


@lru_cache(maxsize=8)
def content_policy(media_url: str) -> str:
    """The Content-Security-Policy: files of our own, and what is published, from where it is served."""
    parts = urlsplit(media_url)
    media = f"{parts.scheme}://{parts.netloc}"
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": f"'self' data: {media}",
        "media-src": f"'self' blob: {media}",
        "connect-src": f"'self' {media}",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())

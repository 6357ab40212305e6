"""What stands before every route: who calls, and whose rows their transactions see."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from vodflow.api.callers import Authenticator, Caller
from vodflow.api.problems import Problem
from vodflow.catalog.database import acting_for

log = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: A tenant that no caller has and that does not exist: who is not known sees nothing.
NOBODY: Final = ""

REQUEST_ID: Final = "x-request-id"


class Guard:
    """An application whose every request has a caller, or none, and an id."""

    def __init__(self, app: Application, authenticators: Sequence[Authenticator]) -> None:
        self._app = app
        self._authenticators = authenticators

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request_id = _request_id(request)
        request.state.request_id = request_id

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            caller = await self._caller(request)
        except Problem as problem:
            await problem.response(request.url.path, request_id)(scope, receive, send_with_id)
            return
        request.state.caller = caller
        with acting_for(NOBODY if caller is None else caller.tenant):
            await self._app(scope, receive, send_with_id)

    async def _caller(self, request: Request) -> Caller | None:
        for authenticate in self._authenticators:
            if (caller := await authenticate(request)) is not None:
                return caller
        return None


def _request_id(request: Request) -> str:
    """The sender's own id where it is one that may stand in logs; a new one otherwise."""
    given = request.headers.get(REQUEST_ID, "")
    return given if 8 <= len(given) <= 64 and given.isascii() and given.replace("-", "").isalnum() else uuid.uuid4().hex

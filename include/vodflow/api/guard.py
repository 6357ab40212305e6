"""What stands before every route: who calls, what they may, how much, and whose rows their transactions see."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import anyio.to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from vodflow.api.access import Public, Requires
from vodflow.api.answers import REQUEST_ID, Answer
from vodflow.api.app_state import Services
from vodflow.api.audit import record
from vodflow.api.authentication.credentials import offers, refused
from vodflow.api.callers import Authenticator, Caller
from vodflow.api.idempotency import Idempotency
from vodflow.api.problems import BEHIND, Problem
from vodflow.api.rates import RateClass, Rates, Standing
from vodflow.api.requests import check_head, check_json, read_body, replayed
from vodflow.api.route_table import Entry, Found, RouteTable, path_below
from vodflow.catalog.database import acting_for
from vodflow.errors import VodflowError
from vodflow.tenancy.limits import requests_a_minute

log = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: A tenant that no caller has and that does not exist: who is not known sees nothing.
NOBODY: Final = ""

_READING: Final = frozenset({"GET", "HEAD"})


class Guard:
    """An application whose every request has an id, a caller or none, and a body that is there."""

    def __init__(self, app: FastAPI, authenticators: Sequence[Authenticator], services: Services) -> None:
        self._authenticators = authenticators
        self._settings, self._metrics = services.settings, services.metrics
        self._routes = RouteTable(app.routes)
        self._rates = Rates(services.settings)
        self._app = app
        self._idempotency = Idempotency(app, services.settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.monotonic()
        request = Request(scope)
        request.state.request_id, request.state.caller = _request_id(request), None
        request.state.audited = False
        request.state.refused = partial(self._rates.refused, _address(request))
        found = self._routes.find(path_below(scope), request.method)
        more: dict[str, str] = {}
        answer = Answer(request, send, more)
        with self._metrics.in_progress.track_inprogress():
            try:
                await self._serve(request, found, receive, answer, more)
                await _note(request, found, answer.status)
            except Exception as error:
                if answer.begun:
                    raise
                problem = told(request, error)
                await problem.response(request.url.path, request.state.request_id)(scope, receive, answer)
            finally:
                seconds = time.monotonic() - begin
                template = found.entry.template if found.entry else None
                caller: Caller | None = request.state.caller
                self._metrics.answered(
                    request.method, template, answer.status, seconds, caller.tenant if caller else None
                )
                _log(request, found, answer.status, seconds)

    async def _serve(self, request: Request, found: Found, receive: Any, send: Answer, more: dict[str, str]) -> None:
        check_head(request)
        if request.method == "OPTIONS" and found.methods:
            await Response(status_code=204, headers=_allow(found))(request.scope, receive, send)
            return
        entry = _entry(found)
        caller = await self._caller(request, entry)
        request.state.caller = caller
        _check_version(request, entry)
        standing = await self._count(request, caller)
        if standing is not None:
            more.update(standing.headers)
            if not standing.allowed:
                raise standing.problem()
        body = await read_body(request, receive, self._settings.api_body_limit, self._settings.api_body_timeout)
        if not entry.any_body:
            check_json(request, body)
        if request.method == "HEAD":
            request.scope["method"], receive = "GET", send.ended
        with acting_for(NOBODY if caller is None else caller.tenant):
            await self._idempotency(request, body, caller, replayed(body, receive), send)

    async def _caller(self, request: Request, entry: Entry) -> Caller | None:
        """Who calls, if they may.

        :raises Problem: a credential is wrong (401), or the right is missing (403)
        """
        try:
            caller = await self._known(request)
            return entry.demand.check(caller) if isinstance(entry.demand, Requires) else caller
        except Problem as problem:
            if problem.status != 401:
                raise
            if isinstance(entry.demand, Public) and entry.demand.own_proof:
                return None
            self._rates.refused(_address(request))
            raise

    async def _known(self, request: Request) -> Caller | None:
        for authenticate in self._authenticators:
            if (caller := await authenticate(request)) is not None:
                return caller
        if offers(request):
            raise refused("Nobody here knows this credential: send an API key or a token of the issuer.")
        return None

    async def _count(self, request: Request, caller: Caller | None) -> Standing | None:
        """Requests of those who are known are counted; public answers are cheap, or have a guard of their own."""
        if caller is None:
            return None
        kind = RateClass.READ if request.method in _READING else RateClass.WRITE
        return await anyio.to_thread.run_sync(self._hits, kind, caller)

    def _hits(self, kind: RateClass, caller: Caller) -> Standing | None:
        """How the caller stands; how its tenant does, where all its callers together have asked too often."""
        own = self._rates.hit(kind, f"{caller.tenant or ''}/{caller.actor}")
        most = requests_a_minute(caller.tenant, self._settings) if caller.tenant and (not own or own.allowed) else None
        together = self._rates.hit_together(caller.tenant, most) if caller.tenant and most else None
        return together if together is not None and (own is None or not together.allowed) else own


async def _note(request: Request, found: Found, status: int) -> None:
    """No change is without a row of the audit trail, whatever its route says."""
    changes = request.method not in _READING and request.method != "OPTIONS" and status < 400
    if not changes or request.state.audited or request.state.caller is None or found.entry is None:
        return
    try:
        await anyio.to_thread.run_sync(record, request, found.entry.route.unique_id, path_below(request.scope))
    except VodflowError as error:  # the answer is on its way already
        log.warning("Request %s is missing from the audit trail: %s", request.state.request_id, error)


def told(request: Request, error: Exception) -> Problem:
    """The problem that an error is; what the caller is not told of it is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, VodflowError):
        problem = Problem.of(error)
        if problem.status >= 500:
            log.warning("Request %s, %s: %s", request.state.request_id, type(error).__name__, error)
        return problem
    log.error("Request %s, %s failed", request.state.request_id, request.method, exc_info=error)
    return Problem(500, "internal_error", BEHIND[500])


def _log(request: Request, found: Found, status: int, seconds: float) -> None:
    """A line for each answer, without the address itself: what is secret may stand in it. Players ask too often."""
    entry, caller = found.entry, request.state.caller
    if status < 400 and entry is not None and isinstance(entry.demand, Public):
        return
    log.info(
        "%s %s %d %.0f ms by %s of %s, request %s", request.method, entry.template if entry else "no route", status,
        seconds * 1000, caller.actor if caller else "nobody", (caller and caller.tenant) or "no tenant",
        request.state.request_id,
    )  # fmt: skip


def _check_version(request: Request, entry: Entry) -> None:
    """Nobody's change is made as if it were of the version that If-Match names, where nobody looks at versions."""
    wanted = request.headers.get("if-match", "*").strip()
    if request.method not in _READING and wanted != "*" and not entry.versions:
        raise Problem(
            412, "precondition_failed", "What this changes has no versions that If-Match could name: leave it out."
        )


def _entry(found: Found) -> Entry:
    if found.entry is not None:
        return found.entry
    if not found.methods:
        raise Problem(404, "not_found", "There is no such address; docs/api.md lists them.")
    headers = _allow(found)
    raise Problem(405, "method_not_allowed", f"This address takes {headers['Allow']}.", headers=headers)


def _allow(found: Found) -> dict[str, str]:
    also = {"OPTIONS"} | ({"HEAD"} if "GET" in found.methods else set())
    return {"Allow": ", ".join(sorted(found.methods | also))}


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _request_id(request: Request) -> str:
    """The sender's own id where it is one that may stand in logs; a new one otherwise."""
    given = request.headers.get(REQUEST_ID, "")
    return given if 8 <= len(given) <= 64 and given.isascii() and given.replace("-", "").isalnum() else uuid.uuid4().hex

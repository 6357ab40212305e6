"""What each route asks of its caller. A route that says nothing is refused when the application is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from vodflow.api.callers import Caller, Scope
from vodflow.api.problems import Problem

#: Whoever cannot say who they are is told which ways there are.
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="vodflow"'}


class Requires:
    """A dependency: somebody with this right. Its value is the :class:`Caller`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller; the guard has looked at the right before anything of the body was read."""
        return self.check(request.state.caller)

    def check(self, caller: Caller | None) -> Caller:
        """See that the caller has the right.

        :raises Problem: nobody is known (401), or may not (403)
        """
        if caller is None:
            raise Problem(
                401, "not_authenticated", "Say who you are: send Authorization: Bearer with a token or an API key.",
                headers=CHALLENGE,
            )  # fmt: skip
        if not caller.may(self.scope):
            raise Problem(403, "not_allowed", f"You, {caller.name}, may not do this: it takes the right {self.scope}.")
        return caller


class Public:
    """A dependency of routes that everybody may call, or that look at proofs of their own: a playback token.

    :param why: for those who read the list of routes
    :param own_proof: whether it looks itself at what a request brings in ``Authorization`` or ``x-api-key``; elsewhere
        a wrong credential is refused even where none is needed. The caller is known here too where they are one of ours
    """

    def __init__(self, why: str, *, own_proof: bool = False) -> None:
        self.why = why
        self.own_proof = own_proof

    async def __call__(self) -> None:
        """Nothing is asked."""


class AnyBody:
    """A dependency of routes whose bodies need not say that they are JSON.

    :param why: for those who read the list of routes
    """

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        """Nothing is asked."""


VideosReader = Annotated[Caller, Depends(Requires(Scope.VIDEOS_READ))]
JobsReader = Annotated[Caller, Depends(Requires(Scope.JOBS_READ))]
JobsWriter = Annotated[Caller, Depends(Requires(Scope.JOBS_WRITE))]
Uploader = Annotated[Caller, Depends(Requires(Scope.UPLOADS_WRITE))]
PlaybackIssuer = Annotated[Caller, Depends(Requires(Scope.PLAYBACK_ISSUE))]
PlaybackManager = Annotated[Caller, Depends(Requires(Scope.PLAYBACK_MANAGE))]
ReportsReader = Annotated[Caller, Depends(Requires(Scope.REPORTS_READ))]
WebhooksManager = Annotated[Caller, Depends(Requires(Scope.WEBHOOKS_MANAGE))]
EventSender = Annotated[Caller, Depends(Requires(Scope.EVENTS_SEND))]
Operator = Annotated[Caller, Depends(Requires(Scope.OPERATIONS))]
TenantManager = Annotated[Caller, Depends(Requires(Scope.TENANT_MANAGE))]
TenantsManager = Annotated[Caller, Depends(Requires(Scope.TENANTS_MANAGE))]


def demands(route: APIRoute) -> Requires | Public | None:
    """What a route asks; none where it says nothing."""
    return next((found for found in _calls(route.dependant) if isinstance(found, Requires | Public)), None)


def takes_any_body(route: APIRoute) -> bool:
    """Whether it takes bodies of other media types than JSON."""
    return any(isinstance(found, AnyBody) for found in _calls(route.dependant))


def check_routes(routes: Iterable[Any]) -> None:
    """See that every route says what it asks, and that no two have the same name.

    :raises AssertionError: naming those that do not
    """
    silent = [route.path for route in routes if not isinstance(route, APIRoute) or demands(route) is None]
    if silent:
        raise AssertionError(f"These routes say neither what right they take nor that they are public: {silent}")
    names = Counter(route.unique_id for route in routes)
    if repeated := sorted(name for name, count in names.items() if count > 1):
        raise AssertionError(f"These names are those of several routes: {repeated}")


def _calls(dependant: Dependant) -> Iterable[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)

"""Figures for Prometheus."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from vodflow.api.access import Public, Requires
from vodflow.api.app_state import services
from vodflow.api.callers import Scope
from vodflow.api.problems import problem_responses

router = APIRouter(tags=["health"])

_HERE: Final = frozenset({"127.0.0.1", "::1"})
_RIGHT: Final = Requires(Scope.OPERATIONS)


@router.get(
    "/metrics",
    dependencies=[Depends(Public("Prometheus on the same machine needs no key"))],
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The figures"},
        **problem_responses(401, 403),
    },
)
def metrics(request: Request) -> Response:
    """Requests, their times and states, in Prometheus' text format.

    For programs on the same machine, and for callers with the right `operations`.
    """
    proxied = {"x-forwarded-for", "forwarded"} & set(request.headers)
    if request.client is None or request.client.host not in _HERE or proxied:
        _RIGHT.check(request.state.caller)
    return Response(services(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)

"""Who asks: for those who set up a client, and wonder what their token or key is good for."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from vodflow.api.access import CHALLENGE, Public
from vodflow.api.callers import Caller, CallerKind, Scope
from vodflow.api.problems import Problem

router = APIRouter(tags=["whoami"])


class Me(BaseModel):
    """A caller as the API sees them."""

    kind: CallerKind
    name: str
    tenant: str | None
    scopes: list[Scope]


@router.get("/api/v1/whoami", dependencies=[Depends(Public("whoever is known may know what is known of them"))])
def whoami(request: Request) -> Me:
    """Who you are, whose things you see, and which rights you have."""
    caller: Caller | None = request.state.caller
    if caller is None:
        raise Problem(401, "not_authenticated", "You sent no token and no API key: you are nobody.", headers=CHALLENGE)
    rights = sorted(scope for scope in caller.scopes if caller.may(scope))
    return Me(kind=caller.kind, name=caller.name, tenant=caller.tenant, scopes=rights)

"""Who asks, and what Airflow lets them do. There are no accounts and no roles of our own.

To see the pages one must be allowed to read runs of ``transcode_video``; to act, to change and to trigger them. That
is what Airflow's auth manager is asked, whichever it is.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request, status

from vodflow_airflow.ui import DAG_ID

#: Methods that change nothing.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

#: Seconds for which an action may speak to Airflow with its user's rights.
_TOKEN_LIFE: Final = 300


@dataclasses.dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in to Airflow."""

    user: Any
    request: Request

    @property
    def name(self) -> str:
        """As Airflow calls them."""
        return str(self.user.get_name())

    def may(self, method: Any, dag_id: str = DAG_ID) -> bool:
        """Whether Airflow lets them do this to runs of a DAG. Asks the auth manager, which may query: not in the loop.

        :param method: GET, POST or PUT
        """
        try:
            requires_access_dag(method, DagAccessEntity.RUN, dag_id)(self.request, self.user)
        except HTTPException:
            return False
        return True

    @cached_property
    def may_act(self) -> bool:
        """Whether they may start runs and change them."""
        return self.may("PUT") and self.may("POST")

    def token(self) -> str:
        """With which an action speaks to Airflow's API as this user, and no longer than it needs."""
        return str(get_auth_manager().generate_jwt(self.user, expiration_time_in_seconds=_TOKEN_LIFE))


async def visitor_of(request: Request) -> Visitor:
    """Who asks, by bearer token or session cookie.

    :raises HTTPException: nobody is logged in, or with a token that is none
    """
    return Visitor(await get_user(request, None, await bearer_scheme(request)), request)


def is_from_these_pages(request: Request) -> bool:
    """Whether a browser says that one of our own pages sends this, or no browser sends it.

    A cookie alone proves nothing: other servers of the same host are of the same site, and browsers give it to them.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        own = {request.headers.get("host"), urlsplit(conf.get("api", "base_url", fallback="") or "").netloc}
        return urlsplit(origin).netloc in own - {None, ""}
    return site is not None or "authorization" in request.headers


def viewer(request: Request) -> Visitor:
    """Dependency: somebody who may see the pages. Nobody else comes as far as a route."""
    visitor: Visitor = request.state.visitor
    return visitor


def operator(visitor: Annotated[Visitor, Depends(viewer)]) -> Visitor:
    """Dependency: somebody who may act."""
    if not visitor.may_act:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, f"You may look at this, {visitor.name}, but not change it: ask for the right to "
            f"trigger and edit runs of {DAG_ID}.",
        )  # fmt: skip
    return visitor


Viewer = Annotated[Visitor, Depends(viewer)]
Operator = Annotated[Visitor, Depends(operator)]

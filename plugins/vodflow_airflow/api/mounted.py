"""The application with Airflow's users: who they are and what they may do says Airflow's auth manager."""

from __future__ import annotations

import anyio.to_thread
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from fastapi import HTTPException
from starlette.requests import Request
from vodflow.api import make_api
from vodflow.api.authentication.airflow_tokens import scopes_of_user
from vodflow.api.authentication.api_keys import ApiKeys
from vodflow.api.authentication.credentials import bearer, refused, unverified_claims
from vodflow.api.authentication.service_tokens import ServiceTokens
from vodflow.api.callers import Authenticator, Caller, CallerKind
from vodflow.api.problems import Problem
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings, get_settings

from vodflow_airflow.lazy_app import Application
from vodflow_airflow.ui.access import SAFE, Visitor, is_from_these_pages, visitor_of
from vodflow_airflow.ui.acting import airflow_address
from vodflow_airflow.ui.run_priority import set_run_priority


class AirflowUsers:
    """Whoever is logged in to Airflow, by token or by the session's cookie."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, request: Request) -> Caller | None:
        """Airflow's user.

        :raises Problem: Airflow does not know the token (401), or another site sends a browser's cookie (403)
        """
        token = bearer(request)
        if token is None and COOKIE_NAME_JWT_TOKEN not in request.cookies:
            return None
        if token is not None and unverified_claims(token) is None:
            return None
        try:
            visitor = await visitor_of(request)
        except HTTPException as error:
            if token is None:  # a cookie that is old: nobody, who may log in again
                return None
            raise refused("Airflow does not know this token, or not any more.") from error
        if token is None and request.method not in SAFE and not is_from_these_pages(request):
            raise Problem(403, "cross_site", "Another site sent this with your cookie: send a token instead.")
        return await anyio.to_thread.run_sync(self._caller, visitor)

    def _caller(self, visitor: Visitor) -> Caller:
        scopes = scopes_of_user(visitor.name, self._settings, reads=visitor.may("GET"), acts=visitor.may_act)
        return Caller(CallerKind.USER, visitor.name, None, scopes, credential=visitor.token())


def make_app() -> Application:
    """The application as Airflow mounts it."""
    settings = get_settings()
    ways: list[Authenticator] = [ApiKeys(settings), ServiceTokens(settings), AirflowUsers(settings)]
    return make_api(
        ways, airflow=lambda caller: _airflow_for(caller, settings), run_priority=set_run_priority, settings=settings
    )


def _airflow_for(caller: Caller, settings: Settings) -> AirflowClient:
    """Airflow with its user's own rights, and for all others with those of the settings."""
    if caller.credential is None:
        return AirflowClient.of(settings)
    return AirflowClient(airflow_address(), token=caller.credential, timeout=settings.airflow_timeout)

"""Airflow's own tokens, where the API is served outside Airflow: Airflow is asked whose they are and what they may do.

What it answered holds for a minute: who is locked out of Airflow is locked out here a minute later at most.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Final

import anyio.to_thread
import httpx
from starlette.requests import Request

from vodflow.api.authentication.credentials import bearer, refused, unverified_claims
from vodflow.api.callers import ROLES, Caller, CallerKind, Scope
from vodflow.api.problems import Problem
from vodflow.settings import Settings

#: What Airflow says of a token that has run out, or is none.
_NO_USER: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})

_HOLDS: Final = 60.0
_MOST: Final = 1000

_RUNS: Final = "/api/v2/dags/transcode_video/dagRuns"

#: No run has this id: to ask for a change of it changes nothing, and Airflow looks at the right first.
_NO_RUN: Final = f"{_RUNS}/vodflow-asks-for-the-right"


class AirflowTokens:
    """``Authorization: Bearer`` with a token that Airflow gave one of its users. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[bytes, tuple[float, Caller | Problem]] = {}
        self._lock = threading.Lock()

    async def __call__(self, request: Request) -> Caller | None:
        """Airflow's user.

        :raises Problem: Airflow does not know the token (401), or does not answer (502)
        """
        token = bearer(request)
        if token is None or self._settings.airflow_url is None:
            return None
        claims = unverified_claims(token)
        # Nobody has Airflow asked about what does not even say that it is for Airflow: a player's token, for example.
        if claims is None or claims.get("aud") not in (
            self._settings.airflow_audience,
            [self._settings.airflow_audience],
        ):
            return None
        return await anyio.to_thread.run_sync(self._caller, token)

    def _caller(self, token: str) -> Caller:
        name, now = hashlib.sha256(token.encode()).digest(), time.monotonic()
        with self._lock:
            until, known = self._known.get(name, (0.0, None))
        if known is None or now >= until:
            known = self._ask(token)
            with self._lock:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[name] = now + _HOLDS, known
        if isinstance(known, Problem):
            raise known.with_traceback(None)
        return known

    def _ask(self, token: str) -> Caller | Problem:
        """Airflow's user, or why there is none.

        :raises Problem: Airflow does not answer
        """
        with httpx.Client(
            base_url=str(self._settings.airflow_url).rstrip("/"), timeout=self._settings.airflow_timeout,
            headers={"Authorization": f"Bearer {token}"},
        ) as airflow:  # fmt: skip
            try:
                me = airflow.get("/ui/auth/me")
                if me.status_code in _NO_USER:
                    return refused("Airflow does not know this token, or not any more.")
                me.raise_for_status()
                name = str(me.json()["username"])
                scopes = scopes_of_user(
                    name,
                    self._settings,
                    reads=_allows(airflow.get(_RUNS, params={"limit": 1})),
                    # Neither does anything: there is no such run, and no run is asked for.
                    acts=_allows(airflow.patch(_NO_RUN, json={}))
                    and _allows(airflow.post(_RUNS, json={"logical_date": "?"})),
                )
            except (httpx.HTTPError, ValueError, KeyError) as error:
                detail = f"Airflow cannot be asked whose token this is: {type(error).__name__}. Try again in a while."
                raise Problem(502, "airflow_error", detail, retryable=True) from error
        return Caller(CallerKind.USER, name, None, scopes, credential=token)


def scopes_of_user(name: str, settings: Settings, *, reads: bool, acts: bool) -> frozenset[Scope]:
    """What a user of Airflow may do here.

    :param reads: whether Airflow lets them see runs of ``transcode_video``
    :param acts: whether it lets them start and change these
    """
    if not reads:
        return frozenset()
    return ROLES["viewer" if not acts else "admin" if name in settings.api_admins else "operator"]


def _allows(answer: httpx.Response) -> bool:
    """Whether Airflow let it pass as far as the request's contents."""
    if answer.is_server_error:
        answer.raise_for_status()
    return answer.status_code not in _NO_USER

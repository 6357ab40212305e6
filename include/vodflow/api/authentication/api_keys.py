"""API keys of programs; :mod:`vodflow.tenancy.api_keys` makes and finds them."""

from __future__ import annotations

import anyio.to_thread
from starlette.requests import Request

from vodflow.api.authentication.credentials import api_key, refused
from vodflow.api.authentication.standing import check_status
from vodflow.api.callers import Caller, CallerKind, scopes_of
from vodflow.catalog.database import acting_for, transaction
from vodflow.settings import Settings
from vodflow.tenancy.api_keys import MARK, identify


class ApiKeys:
    """``Authorization: Bearer vf_…`` or ``x-api-key: vf_…``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, request: Request) -> Caller | None:
        """Whose key it is.

        :raises Problem: it is none that holds, or its tenant is suspended
        """
        text = api_key(request)
        if text is None or not text.startswith(MARK):
            return None
        return await anyio.to_thread.run_sync(self._caller, text)

    def _caller(self, text: str) -> Caller:
        with acting_for(None), transaction("vodflow.api", self._settings) as connection:
            found = identify(connection, text)
        if found is None:
            raise refused("This API key does not hold, or not any more. Ask for another one.")
        key = found.key
        if key.tenant is not None and found.tenant_status is not None:
            check_status(key.tenant, found.tenant_status)
        return Caller(CallerKind.API_KEY, key.prefix, key.tenant, scopes_of(key.scopes))

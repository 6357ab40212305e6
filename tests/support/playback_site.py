"""The API as players and their platforms meet it, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request
from starlette.testclient import TestClient
from vodflow.api.callers import Caller, CallerKind, Scope
from vodflow.api.play import PlayDoor
from vodflow.settings import Settings

KEY = "a-secret-of-more-than-32-bytes-for-tests"


async def by_name(request: Request) -> Caller | None:
    """Whoever says whose they are is believed: ``Authorization: acme``; ``*`` is of no tenant."""
    tenant = request.headers.get("authorization")
    return tenant and Caller(CallerKind.SERVICE, "test", None if tenant == "*" else tenant, frozenset(Scope))  # type: ignore[return-value]


@dataclass(frozen=True)
class Site:
    """The application, and what it is asked with."""

    app: PlayDoor
    anonymous: TestClient
    settings: Settings

    def as_(self, tenant: str) -> httpx.Client:
        """Somebody of this tenant."""
        return TestClient(self.app, headers={"Authorization": tenant}, follow_redirects=False)

    def token(self, video_id: int, user: str = "ada", *, tenant: str = "*", **more: Any) -> str:
        """A token that is given out."""
        asked = {"video_id": video_id, "user_id": user, **more}
        answer = self.as_(tenant).post("/api/v1/playback/tokens", json=asked)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def play(self, token: str, path: str, **more: Any) -> httpx.Response:
        """What a player gets."""
        return self.anonymous.get(f"/api/v1/play/{token}/{path}", **more)


MakeSite = Callable[..., Site]

"""Who calls, whose things they may see, and what they may do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol

from starlette.requests import Request


class Scope(StrEnum):
    """One right. Tokens name them in their claim ``scope``, API keys in their list."""

    VIDEOS_READ = "videos:read"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    UPLOADS_WRITE = "uploads:write"
    PLAYBACK_ISSUE = "playback:issue"
    PLAYBACK_MANAGE = "playback:manage"
    REPORTS_READ = "reports:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    EVENTS_SEND = "events:send"
    OPERATIONS = "operations"
    TENANT_MANAGE = "tenant:manage"
    TENANTS_MANAGE = "tenants:manage"


#: Rights that concern the whole installation: a caller of one tenant never has them, whatever its token says.
INSTALLATION_ONLY: Final = frozenset({Scope.TENANTS_MANAGE, Scope.OPERATIONS, Scope.EVENTS_SEND})

_READ: Final = frozenset({Scope.VIDEOS_READ, Scope.JOBS_READ, Scope.REPORTS_READ})
_OPERATE: Final = _READ | {
    Scope.JOBS_WRITE, Scope.UPLOADS_WRITE, Scope.PLAYBACK_ISSUE, Scope.PLAYBACK_MANAGE, Scope.OPERATIONS,
}  # fmt: skip

#: What roles of people come to, for authenticators that know roles and no scopes.
ROLES: Final = {"viewer": _READ, "operator": _OPERATE, "admin": frozenset(Scope)}


class CallerKind(StrEnum):
    """How somebody proved who they are."""

    SERVICE = "service"
    USER = "user"
    API_KEY = "api_key"
    SENDER = "sender"


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is known.

    :param name: unique within the kind: a token's subject, a user's name, a key's public part
    :param tenant: slug of the only tenant whose things they see; none means all
    :param credential: with which Airflow may be asked on their behalf, where they brought one
    """

    kind: CallerKind
    name: str
    tenant: str | None
    scopes: frozenset[Scope]
    credential: str | None = dataclasses.field(default=None, repr=False)

    @property
    def actor(self) -> str:
        """As the catalog's history and the audit trail call them."""
        return f"{self.kind.value}:{self.name}"

    def may(self, scope: Scope) -> bool:
        """Whether they have this right."""
        return scope in self.scopes and (self.tenant is None or scope not in INSTALLATION_ONLY)


class Authenticator(Protocol):
    """One way to prove who one is."""

    async def __call__(self, request: Request) -> Caller | None:
        """Who sends this; none where the request carries nothing that this way knows.

        :raises Problem: it carries something that is wrong, run out or revoked
        """


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes among these words; words of others are no error, and no right."""
    return frozenset(Scope(name) for name in names if name in set(Scope))

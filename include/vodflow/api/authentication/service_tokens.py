"""Tokens of services: JSON Web Tokens of one issuer (RFC 7519), with scopes and a tenant (RFC 9068)."""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread
import jwt
from starlette.requests import Request

from vodflow.api.authentication.credentials import bearer, refused, unverified_claims
from vodflow.api.authentication.signing_keys import SigningKeys
from vodflow.api.authentication.standing import check_tenant
from vodflow.api.callers import Caller, CallerKind, scopes_of
from vodflow.api.parameters import TENANT
from vodflow.api.problems import Problem
from vodflow.settings import Settings

#: Value of the tenant's claim of those who see everything. To say nothing is not enough.
ALL_TENANTS: Final = "*"

_LONGEST_NAME: Final = 255

_REASONS: Final[tuple[tuple[type[jwt.InvalidTokenError], str], ...]] = (
    (jwt.ExpiredSignatureError, "The token has run out: get another one."),
    (jwt.ImmatureSignatureError, "The token does not hold yet."),
    (jwt.InvalidAudienceError, "The token is for somebody else (aud)."),
    (jwt.InvalidIssuerError, "The token is of another issuer (iss)."),
    (jwt.MissingRequiredClaimError, "The token lacks one of exp, iat, iss, aud and sub."),
)


class ServiceTokens:
    """``Authorization: Bearer`` with a token of the settings' issuer.

    :raises ConfigurationError: a key of the settings is none
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = SigningKeys(settings.jwt_keys, settings.jwt_jwks_url)

    async def __call__(self, request: Request) -> Caller | None:
        """Who holds the token.

        :raises Problem: it is wrong in any way, names no tenant, or one that may not work
        """
        token, issuer = bearer(request), self._settings.jwt_issuer
        if token is None or issuer is None:
            return None
        claims = unverified_claims(token)
        if claims is None or claims.get("iss") != issuer:
            return None
        return await anyio.to_thread.run_sync(self.verify, token)

    def verify(self, token: str) -> Caller:
        """Who holds a token. May ask the issuer for keys, and asks the catalog for the tenant.

        :raises Problem: it is wrong
        """
        claims = self._claims(token)
        name, tenant = claims["sub"], claims.get(self._settings.jwt_tenant_claim)
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise refused("The token's sub is no name.")
        if not isinstance(tenant, str) or not (tenant == ALL_TENANTS or TENANT.fullmatch(tenant)):
            claim = self._settings.jwt_tenant_claim
            raise Problem(403, "no_tenant", f"The token's claim {claim} names no tenant; the star means all of them.")
        if tenant != ALL_TENANTS:
            check_tenant(tenant, self._settings)
        return Caller(CallerKind.SERVICE, name, None if tenant == ALL_TENANTS else tenant, scopes_of(_scopes(claims)))

    def _claims(self, token: str) -> dict[str, Any]:
        algorithm, kid = self._header(token)
        for key in self._keys.for_token(kid, algorithm):
            try:
                return jwt.decode(
                    token, key.key, algorithms=[algorithm], audience=self._settings.jwt_audience,
                    issuer=self._settings.jwt_issuer, leeway=self._settings.jwt_leeway,
                    options={"require": ["exp", "iat", "iss", "aud", "sub"]},
                )  # fmt: skip
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidTokenError as error:
                reason = next((text for kind, text in _REASONS if isinstance(error, kind)), "The token is not valid.")
                raise refused(reason) from error
        raise refused("The token is not signed with a key of its issuer.")

    def _header(self, token: str) -> tuple[str, str | None]:
        """Algorithm and key that the token names; what the algorithm may be is ours to say."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise refused("The token is not valid.") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.jwt_algorithms:
            raise refused(f"The token is signed otherwise than by {', '.join(self._settings.jwt_algorithms)}.")
        return str(algorithm), kid if isinstance(kid, str) else None


def _scopes(claims: dict[str, Any]) -> list[str]:
    """Of ``scope`` (words with spaces) or ``scp`` (words, or a list)."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split() if isinstance(given, str) else given
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []

"""What a request brings to prove who sends it, before anybody looks whether it is right."""

from __future__ import annotations

from typing import Any, Final

import jwt
from starlette.requests import Request

from vodflow.api.problems import Problem
from vodflow.tenancy.api_keys import MARK

API_KEY_HEADER: Final = "x-api-key"

#: Characters of a token; what is longer is none of ours.
_LONGEST: Final = 8192


def refused(detail: str, code: str = "invalid_credentials") -> Problem:
    """Wrong credentials: 401, as RFC 6750 says it."""
    challenge = f'Bearer realm="vodflow", error="invalid_token", error_description="{detail}"'
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer``; none where there is none.

    :raises Problem: the header is there twice, or beside an API key
    """
    given = request.headers.getlist("authorization")
    if len(given) + len(request.headers.getlist(API_KEY_HEADER)) > 1:
        raise refused("Send one credential: Authorization or x-api-key, once.")
    scheme, _, token = (given[0] if given else "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def api_key(request: Request) -> str | None:
    """The API key, from a header of its own or as bearer token; none where there is none."""
    token = bearer(request)
    if token is not None and token.startswith(MARK):
        return token
    return request.headers.get(API_KEY_HEADER)


def offers(request: Request) -> bool:
    """Whether the request brings a credential in a header."""
    return "authorization" in request.headers or API_KEY_HEADER in request.headers


def unverified_claims(token: str) -> dict[str, Any] | None:
    """What a JSON Web Token says of itself, to find who can check it; none where it is no such token."""
    if len(token) > _LONGEST:
        return None
    try:
        return jwt.decode(token, options={"verify_signature": False, "verify_aud": False, "verify_iss": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None

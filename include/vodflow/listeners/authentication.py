"""Who may send events: holders of an API key, or of the secret that signs a webhook. Pure.

Keys and signatures are compared in constant time, against every configured one, so that neither their values nor
which of them is right shows in the time it takes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

from vodflow.listeners.requests import Refused, Request
from vodflow.outcomes.notifications.signing import SIGNATURE, SignatureError, verify
from vodflow.settings import Settings
from vodflow.settings.channels import reveal

#: The header that an EventBridge connection with an API key is usually given.
API_KEY: Final = "x-api-key"

_UNAUTHORIZED: Final = Refused(
    401, f"Not authorised: send a key in {API_KEY} or Authorization, or sign the request (docs/listeners.md)."
)


def authenticate(request: Request, settings: Settings, now: float) -> Refused | None:
    """None when the sender may send; otherwise the answer.

    :param now: seconds since 1970
    :raises ConfigurationError: a configured key cannot be read
    """
    if not (settings.listener_api_keys or settings.listener_secrets):
        return Refused(503, "This listener is closed: set VODFLOW_LISTENER_API_KEYS or VODFLOW_LISTENER_SECRETS.")
    if settings.listener_secrets and request.header(SIGNATURE) is not None:
        try:
            verify([reveal(secret) for secret in settings.listener_secrets], request.headers, request.body, now)
        except SignatureError as error:
            return Refused(401, f"Not authorised: {error}.")
        return None
    given = _given_key(request)
    if given is None or not _is_one_of(given, [reveal(key) for key in settings.listener_api_keys]):
        return _UNAUTHORIZED
    return None


def _given_key(request: Request) -> str | None:
    """The key in whichever of the usual places: its own header, a bearer token, or a password (user names vary)."""
    if (key := request.header(API_KEY)) is not None:
        return key
    scheme, _, value = (request.header("authorization") or "").strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return None
    return None


def _is_one_of(given: str, keys: Sequence[str]) -> bool:
    found = False
    for key in keys:
        found |= hmac.compare_digest(given.encode("utf-8", "replace"), key.encode())
    return found and bool(given)

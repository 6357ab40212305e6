"""Who may send events: holders of an API key, or of the secret that signs a webhook; topics of SNS. Pure but for the
certificates that SNS signs with, which the caller gets.

Keys and signatures are compared in constant time, against every configured one, so that neither their values nor
which of them is right shows in the time it takes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vodflow.listeners import sns
from vodflow.listeners.requests import Proof, Refused, Request
from vodflow.outcomes.notifications.signing import SIGNATURE, SignatureError, verify
from vodflow.settings import Settings
from vodflow.settings.channels import reveal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: The header that an EventBridge connection with an API key is usually given.
API_KEY: Final = "x-api-key"

_UNAUTHORIZED: Final = Refused(
    401, f"Not authorised: send a key in {API_KEY} or Authorization, or sign the request (docs/listeners.md)."
)


def authenticate(
    request: Request, settings: Settings, now: float, certificate: Callable[[str], Certificate]
) -> Proof | Refused:
    """Why the sender may send; otherwise the answer.

    :param now: seconds since 1970
    :param certificate: the one at a URL of SNS
    :raises ConfigurationError: a configured key cannot be read
    :raises SnsUnavailable: the certificate cannot be had now
    """
    if not (settings.listener_api_keys or settings.listener_secrets or settings.sns_topics):
        return Refused(
            503,
            "This listener is closed: set VODFLOW_LISTENER_API_KEYS, VODFLOW_LISTENER_SECRETS or VODFLOW_SNS_TOPICS.",
        )
    try:
        if settings.listener_secrets and request.header(SIGNATURE) is not None:
            secrets = [reveal(secret) for secret in settings.listener_secrets]
            return Proof(f"webhook:{verify(secrets, request.headers, request.body, now)}")
        if (given := _given_key(request)) is not None:
            keys = [reveal(key) for key in settings.listener_api_keys]
            return Proof() if _is_one_of(given, keys) else _UNAUTHORIZED
        if (message := sns.read_message(request.body)) is not None:
            sns.check(message, settings, now, certificate)
            return Proof(f"sns:{message.message_id}")
    except (SignatureError, sns.SnsError) as error:
        return Refused(401, f"Not authorised: {error}.")
    return _UNAUTHORIZED


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

"""Signatures of webhooks, as the Standard Webhooks specification 1.0.0 says (https://www.standardwebhooks.com). Pure.

Signed is ``{webhook-id}.{webhook-timestamp}.{body}`` with HMAC-SHA256; the header ``webhook-signature`` holds
``v1,`` and the base64 of it, several separated by spaces while a secret is being changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from vodflow.errors import ConfigurationError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

#: Seconds by which a timestamp may differ from the receiver's clock; bounds how long a stolen request is of use.
TOLERANCE: Final = 300

_ENCODED: Final = "whsec_"
_VERSION: Final = "v1,"
#: Signatures of one request that are looked at.
_MOST: Final = 10


class SignatureError(ValueError):
    """A request is not signed, or not by whom it should be; the message says which, and nothing of the secret."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the ``webhook-signature`` header.

    :param secret: the key; ``whsec_`` and base64, or the text itself
    :param timestamp: seconds since 1970
    :raises ConfigurationError: the secret begins with ``whsec_`` and is no base64
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return _VERSION + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Check a request as a receiver of our webhooks does; returns its id, by which a repeated one is known.

    All comparisons take the same time whatever they find.

    :param secrets: keys that are accepted; two while one is being changed
    :param headers: names in any case
    :param now: seconds since 1970
    :raises SignatureError: a header is missing, the timestamp is too far off, or no signature fits
    """
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise SignatureError(f"the header {missing[0]} is missing")
    timestamp = _timestamp(found[TIMESTAMP])
    if abs(now - timestamp) > TOLERANCE:
        raise SignatureError(f"the timestamp is {abs(now - timestamp):.0f} s off; {TOLERANCE} s are accepted")
    given = found[SIGNATURE].split()[:_MOST]
    fits = False
    for secret in secrets:
        expected = sign(secret, found[ID], timestamp, body).encode()
        for one in given:
            fits |= hmac.compare_digest(expected, one.encode("utf-8", "replace"))
    if not fits:
        raise SignatureError("no signature fits")
    return found[ID]


def _timestamp(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise SignatureError("the timestamp is no number of seconds")
    return int(text)


def _key(secret: str) -> bytes:
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(f"A webhook secret that begins with {_ENCODED} must go on in base64.") from error

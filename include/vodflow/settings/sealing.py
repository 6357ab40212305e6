"""Secrets that the catalog holds are sealed: encrypted with a key that only the settings know (Fernet: AES-128-CBC and
HMAC-SHA256, https://github.com/fyne-io/spec). The first key seals, every key opens, so that keys can be changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

from vodflow.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

    from vodflow.settings import Settings


def seal(secret: str, settings: Settings) -> str:
    """The secret as it may be stored.

    :raises ConfigurationError: the settings have no sealing key
    """
    return _box(_keys(settings)).encrypt(secret.encode()).decode()


def unseal(sealed: str, settings: Settings) -> str:
    """The secret that :func:`seal` was given.

    :raises ConfigurationError: none of the keys opens it
    """
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return _box(_keys(settings)).decrypt(sealed).decode()
    except InvalidToken as error:
        raise ConfigurationError(
            "A stored secret cannot be opened: VODFLOW_SEALING_KEYS lacks the key that it was sealed with. Add it "
            "behind the newer ones."
        ) from error


def derived_key(purpose: str, settings: Settings) -> str:
    """A sealing key for one purpose: the same again and again, and of no use for any other.

    :raises ConfigurationError: the settings have no sealing key
    """
    digest = hmac.new(_keys(settings)[0].encode(), purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()


def seal_with(key: str, secret: str) -> str:
    """:func:`seal` with a key of its own, see :func:`derived_key`."""
    return _box((key,)).encrypt(secret.encode()).decode()


def open_sealed(key: str, sealed: str) -> str:
    """The inverse of :func:`seal_with`.

    :raises ValueError: it was sealed with another key
    """
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return Fernet(key).decrypt(sealed).decode()
    except InvalidToken as error:
        raise ValueError("it was sealed with another key") from error


def _keys(settings: Settings) -> tuple[str, ...]:
    if not settings.sealing_keys:
        raise ConfigurationError(
            "Set VODFLOW_SEALING_KEYS to a JSON list of keys, for secrets are stored encrypted; `vodflow sealing-key` "
            "makes one."
        )
    return tuple(key.get_secret_value() for key in settings.sealing_keys)


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ConfigurationError(
            "A key of VODFLOW_SEALING_KEYS is none: 32 bytes in URL-safe base64, as `vodflow sealing-key` makes them."
        ) from error

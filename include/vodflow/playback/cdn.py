"""Addresses and cookies that CloudFront lets pass: one signature for all outputs of a job, as long as a token holds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from botocore.signers import CloudFrontSigner

from vodflow.errors import ConfigurationError
from vodflow.playback.tokens import Claims
from vodflow.settings import Settings
from vodflow.settings.channels import reveal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: Signatures kept, each some 700 bytes.
_KEPT: Final = 10_000


class Cdn:
    """One distribution, with the key that signs for it now. Any key of its key group does: see docs/playback.md.

    :raises ConfigurationError: a setting is missing, or the key is none
    """

    def __init__(self, settings: Settings) -> None:
        if not (settings.cdn_url and settings.cdn_key_id and settings.cdn_key):
            raise ConfigurationError("A CDN needs VODFLOW_CDN_URL, VODFLOW_CDN_KEY_ID and VODFLOW_CDN_KEY.")
        self._url = settings.cdn_url.rstrip("/")
        self._domain = settings.cdn_cookie_domain
        key = _private_key(reveal(settings.cdn_key))
        self._signer = CloudFrontSigner(settings.cdn_key_id, lambda message: _sign(key, message))
        self._parameters = lru_cache(_KEPT)(self._signed)

    def address(self, claims: Claims, path: str, *, signed: bool = True) -> str:
        """Where an output is.

        :param path: below the job's prefix
        :param signed: with the signature in it; otherwise the cookies are needed
        """
        plain = f"{self._url}/{quote(claims.prefix)}/{path}"
        return f"{plain}?{self._query(claims)}" if signed else plain

    def cookies(self, claims: Claims) -> list[str]:
        """Values of Set-Cookie that open all outputs of the token's job, until it runs out."""
        place = f"{urlsplit(self._url).path}/{quote(claims.prefix)}/"
        domain = f"; Domain={self._domain}" if self._domain else ""
        expires = datetime.fromtimestamp(claims.expires_at, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        rules = f"; Path={place}{domain}; Expires={expires}; Secure; HttpOnly; SameSite=None"
        return [f"CloudFront-{part}{rules}" for part in self._query(claims).split("&")]

    def _query(self, claims: Claims) -> str:
        return self._parameters(claims.prefix, claims.expires_at, claims.address)

    def _signed(self, prefix: str, expires_at: int, address: str | None) -> str:
        everything = f"{self._url}/{quote(prefix)}/*"
        policy = self._signer.build_policy(everything, datetime.fromtimestamp(expires_at, UTC), ip_address=address)
        return self._signer.generate_presigned_url(everything, policy=policy).partition("?")[2]


def _private_key(pem: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - slow to import, and seldom needed
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError) as error:
        raise ConfigurationError("VODFLOW_CDN_KEY is no private key in PEM, without a password.") from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError("VODFLOW_CDN_KEY is no RSA key; CloudFront takes these of 2048 bits.")
    return key


def _sign(key: RSAPrivateKey, message: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - slow to import, and seldom needed
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415

    # CloudFront's choice (Developer Guide, "Create a signature for a signed URL"): SHA-1.
    return key.sign(message, PKCS1v15(), hashes.SHA1())  # noqa: S303

"""An issuer's public keys: given as PEM, or fetched as a JSON Web Key Set (RFC 7517) that is kept for some minutes.

An issuer changes its keys by publishing a new one first; a token that names a key nobody knows yet has the set fetched
again, but not more often than every half minute, whoever asks.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from vodflow.api.problems import Problem
from vodflow.errors import ConfigurationError

log = logging.getLogger(__name__)

#: Seconds for which a set is used, after which one is fetched, and for which it does where the issuer is away.
_FRESH: Final = 300.0
_PAUSE: Final = 30.0
_STALE: Final = 24 * 3600.0

_TIMEOUT: Final = 5.0
_LARGEST: Final = 256 * 1024
_MOST_KEYS: Final = 50

#: What fewer bits sign is nothing (RFC 7518, 3.3).
_RSA_BITS: Final = 2048

_READERS: Final[dict[str, Any]] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
_CURVES: Final = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}


@dataclasses.dataclass(frozen=True)
class SigningKey:
    """One public key.

    :param algorithm: the only one it is for, where its set says so
    """

    key: Any
    kid: str | None = None
    algorithm: str | None = None

    def fits(self, algorithm: str) -> bool:
        """Whether it may check signatures of this algorithm: its kind decides, whatever a token says."""
        if self.algorithm is not None and self.algorithm != algorithm:
            return False
        if isinstance(self.key, RSAPublicKey):
            return algorithm.startswith(("RS", "PS")) and self.key.key_size >= _RSA_BITS
        if isinstance(self.key, EllipticCurvePublicKey):
            return _CURVES.get(algorithm) == self.key.curve.name
        return algorithm == "EdDSA" and isinstance(self.key, Ed25519PublicKey | Ed448PublicKey)


class SigningKeys:
    """The keys of one issuer. Thread-safe.

    :param pems: keys that are always there
    :param url: where the others are
    :raises ConfigurationError: a PEM is none of a public key
    """

    def __init__(self, pems: Sequence[str] = (), url: str | None = None) -> None:
        self._given = [SigningKey(_read_pem(text)) for text in pems]
        self._url = url
        self._fetched: list[SigningKey] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = threading.Lock()

    def for_token(self, kid: str | None, algorithm: str) -> list[SigningKey]:
        """Keys that may have signed it, most likely none or one. May ask the issuer.

        :param kid: the key that the token names; none means that it names none
        :raises Problem: the issuer's keys cannot be fetched, and there are none of before (503)
        """
        self._refresh(_FRESH)
        if kid is not None and not any(key.kid == kid for key in self._fetched):
            self._refresh(_PAUSE, wait=True)
        known = [*self._given, *(key for key in self._fetched if kid is None or key.kid in (None, kid))]
        return [key for key in known if key.fits(algorithm)]

    def _refresh(self, age: float, *, wait: bool = False) -> None:
        """Fetch the set where it is older than this and nobody has tried a moment ago.

        :param wait: whether to wait for another thread that fetches it just now. Who finds its key in the set of
            before need not: an issuer that does not answer holds up one request in half a minute.
        """
        if self._url is None or not self._lock.acquire(blocking=wait or not self._usable(time.monotonic())):
            return
        try:
            now = time.monotonic()
            if self._fetched_at is not None and now - self._fetched_at < age:
                return
            if self._tried_at is None or now - self._tried_at >= _PAUSE:
                self._tried_at = now
                self._fetch(self._url, now)
            if not self._usable(now):
                raise Problem(
                    503, "signing_keys_unavailable", "The issuer's keys cannot be fetched now; try again in a while.",
                    headers={"Retry-After": f"{_PAUSE:.0f}"}, retryable=True,
                )  # fmt: skip
        finally:
            self._lock.release()

    def _usable(self, now: float) -> bool:
        return self._fetched_at is not None and now - self._fetched_at <= _STALE

    def _fetch(self, url: str, now: float) -> None:
        try:
            self._fetched = list(_read_set(_download(url)))
            self._fetched_at = now
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            log.warning("The signing keys at %s cannot be fetched: %s", url, error)


def _download(url: str) -> bytes:
    """The set, if it is there in a while and no larger than one is."""
    content, deadline = bytearray(), time.monotonic() + 2 * _TIMEOUT
    with httpx.stream("GET", url, timeout=_TIMEOUT, headers={"Accept": "application/json"}) as answer:
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > _LARGEST or time.monotonic() > deadline:
                raise ValueError(f"{len(content)} bytes are too many, or came too slowly")
    return bytes(content)


def _read_pem(text: str) -> Any:
    try:
        key = load_pem_public_key(text.encode())
    except ValueError as error:
        raise ConfigurationError("A key of VODFLOW_JWT_KEYS is no public key in PEM.") from error
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey):
        raise ConfigurationError("A key of VODFLOW_JWT_KEYS is of a kind that signs no token: give RSA, EC or Ed25519.")
    return key


def _read_set(content: bytes) -> Iterable[SigningKey]:
    """The keys of a set that are for signatures; what cannot be read is left out, as RFC 7517 wants."""
    document = json.loads(content)
    if not (isinstance(document, dict) and isinstance(entries := document.get("keys"), list)):
        raise ValueError("not a JSON Web Key Set")  # noqa: TRY004 - of a text
    for entry in entries[:_MOST_KEYS]:
        # Never a symmetric one, nor a private one: who publishes those has no secret any more.
        if not isinstance(entry, dict) or str(entry.get("kty")) not in _READERS or "d" in entry:
            continue
        if entry.get("use", "sig") != "sig":
            continue
        try:
            key = _READERS[entry["kty"]].from_jwk(entry)
        except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
            continue
        yield SigningKey(key, entry.get("kid"), entry.get("alg"))

"""Playback tokens: signed (JWT, HS256), short-lived, for one video and one person. They say where its outputs are, so
that checking one takes no database.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
import uuid
from collections import OrderedDict
from datetime import datetime
from typing import Any, Final

import jwt

from vodflow.errors import PlaybackUnavailable, TokenExpired, TokenInvalid
from vodflow.settings import Settings

#: Pinned: whatever a token says of itself, it is checked by this.
ALGORITHM: Final = "HS256"
AUDIENCE: Final = "vodflow-playback"
ISSUER: Final = "vodflow"
#: Seconds by which the clock of the catalog may be ahead of this machine's.
_SKEW: Final = 30
#: One spelling of each token, short enough to be looked at; ours have about 600 characters.
_FORM: Final = re.compile(r"(?=.{1,8192}\Z)[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
#: Tokens whose signature is known to be right, a process.
_KNOWN: Final = 10_000
_NOT_OURS: Final = "This is not a playback token of this installation. Ask for a new one."
_REQUIRED: Final = ("iss", "aud", "sub", "vid", "job", "ten", "buc", "pre", "iat", "nbf", "exp", "jti")


@dataclasses.dataclass(frozen=True, slots=True)
class Claims:
    """What a token grants.

    :param user: who watches, as the learning platform calls them
    :param bucket: of the outputs
    :param prefix: of the outputs, without a slash at the end
    :param issued_at: seconds since 1970, by the catalog's clock
    :param address: network address that it is bound to
    """

    user: str
    video_id: int
    job_id: int
    tenant: str
    bucket: str
    prefix: str
    issued_at: float
    not_before: int
    expires_at: int
    token_id: str
    address: str | None = None


class Tokens:
    """Issues tokens and checks them. Thread-safe.

    :raises PlaybackUnavailable: the settings have no key
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.playback_keys:
            raise PlaybackUnavailable(
                "Nobody may watch, for nothing signs playback tokens here: set VODFLOW_PLAYBACK_KEYS to a JSON list of "
                "secrets of 32 bytes or more."
            )
        self._limit = settings.playback_token_limit
        self._keys = {_key_id(key.get_secret_value()): key.get_secret_value() for key in settings.playback_keys}
        self._signing = next(iter(self._keys))
        self._known: OrderedDict[str, Claims] = OrderedDict()

    def issue(
        self, user: str, video_id: int, job_id: int, tenant: str, place: tuple[str, str], at: datetime, seconds: int,
        address: str | None = None,
    ) -> tuple[str, Claims]:  # fmt: skip
        """A token.

        :param place: bucket and prefix of the outputs
        :param at: now, by the catalog's clock, which revocations go by
        :param seconds: for which it holds
        """
        issued = at.timestamp()
        claims = Claims(
            user, video_id, job_id, tenant, *place, issued, int(issued), int(issued) + seconds, uuid.uuid4().hex,
            address,
        )  # fmt: skip
        payload = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": user, "vid": video_id, "job": job_id, "ten": tenant,
            "buc": claims.bucket, "pre": claims.prefix, "iat": issued, "nbf": claims.not_before,
            "exp": claims.expires_at, "jti": claims.token_id,
        } | ({"ip": address} if address else {})  # fmt: skip
        key = self._keys[self._signing]
        return jwt.encode(payload, key, ALGORITHM, headers={"kid": self._signing}), claims

    def check(self, token: str) -> Claims:
        """What a token grants now, as far as it can say so itself; see :mod:`vodflow.playback.revocations`.

        :raises TokenInvalid: it is none of ours, was changed, or does not hold yet
        :raises TokenExpired: it has run out
        """
        claims = self._known.get(token)
        if claims is None:
            claims = self._read(token)
            self._known[token] = claims
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        now = time.time()
        if now >= claims.expires_at:
            self._known.pop(token, None)
            raise TokenExpired("This playback token has run out. Ask for a new one.")
        if now < claims.not_before - _SKEW:
            raise TokenInvalid("This playback token does not hold yet.")
        return claims

    def _read(self, token: str) -> Claims:
        if not _FORM.fullmatch(token):
            raise TokenInvalid(_NOT_OURS)
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            found = jwt.decode(
                token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER,
                # Times are looked at with every request, this once.
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
            claims = _claims(found)
        except (jwt.InvalidTokenError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise TokenInvalid(_NOT_OURS) from error
        # What it was revoked by is forgotten after this time, so that none holds longer, whatever the limit was before.
        return dataclasses.replace(claims, expires_at=min(claims.expires_at, claims.not_before + self._limit))


def _claims(found: dict[str, Any]) -> Claims:
    return Claims(
        str(found["sub"]), int(found["vid"]), int(found["job"]), str(found["ten"]), str(found["buc"]),
        str(found["pre"]), float(found["iat"]), int(found["nbf"]), int(found["exp"]), str(found["jti"]),
        found.get("ip"),
    )  # fmt: skip


def _key_id(secret: str) -> str:
    """A name for a secret that does not give it away, equal wherever the secret is known."""
    return hashlib.sha256(b"vodflow-playback-key:" + secret.encode()).hexdigest()[:12]

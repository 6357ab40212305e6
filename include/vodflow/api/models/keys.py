"""Licence requests and licences of ClearKey, as EME has them (https://www.w3.org/TR/encrypted-media-2/, 9.1)."""

from __future__ import annotations

import base64
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vodflow.contract.content_keys import MOST_KEYS


def _sixteen_bytes(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{22}", text):
        raise ValueError("a key id is 16 bytes in base64url without padding")
    return base64.urlsafe_b64decode(f"{text}==").hex()


class LicenceRequest(BaseModel):
    """What a player's CDM asks for.

    :param kids: key ids, base64url without padding; hex digits once they are read
    """

    model_config = ConfigDict(extra="ignore")

    kids: list[Annotated[str, AfterValidator(_sixteen_bytes)]] = Field(min_length=1, max_length=MOST_KEYS)
    type: Literal["temporary", "persistent-license"] = "temporary"


class JsonWebKey(BaseModel):
    """One key: ``k`` and ``kid`` in base64url without padding."""

    kty: Literal["oct"] = "oct"
    kid: str
    k: str


class Licence(BaseModel):
    """Keys for a player."""

    keys: list[JsonWebKey]
    type: Literal["temporary"] = "temporary"

    @classmethod
    def of(cls, keys: dict[str, bytes]) -> Licence:
        """From keys by KID in hex digits."""
        return cls(keys=[JsonWebKey(kid=_text(bytes.fromhex(key_id)), k=_text(key)) for key_id, key in keys.items()])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

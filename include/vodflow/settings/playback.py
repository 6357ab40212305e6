"""Settings of playback: tokens, proxies and CDN signatures."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from vodflow.settings.core import CoreSettings

#: Bytes of a key of HMAC-SHA256 (RFC 7518, section 3.2).
_LEAST_KEY = 32


class PlaybackSettings(CoreSettings):
    """Settings of playback: tokens, proxies and CDN signatures."""

    # Tokens
    playback_keys: tuple[SecretStr, ...] = Field(
        default=(),
        description="secrets that sign playback tokens, 32 bytes or more (JSON list); the first signs, all verify",
    )
    playback_token_seconds: int = Field(default=3600, ge=30, description="seconds a playback token holds by itself")
    playback_token_limit: int = Field(
        default=86400, ge=30, description="seconds a playback token may be asked to hold, at most"
    )
    playback_revocation_interval: float = Field(
        default=5.0, gt=0, description="seconds until a revoked playback token is refused everywhere, at most"
    )
    playback_revocation_patience: float = Field(
        default=60.0,
        gt=0,
        description="seconds without news of revocations after which nobody may watch until there are some",
    )

    # Who may watch what belongs to courses
    playback_enrolments: Literal["catalog", "http"] = Field(
        default="catalog", description="who knows the enrolments: the `catalog`, or a learning platform over `http`"
    )
    enrolment_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="address to ask the platform at, with {tenant}, {user}, {video} and {course} in it",
    )
    enrolment_token: SecretStr | None = Field(default=None, description="bearer token for the learning platform")
    enrolment_timeout: float = Field(default=3.0, gt=0, le=30, description="seconds the platform may take to answer")
    enrolment_cache_seconds: float = Field(
        default=30.0, ge=0, description="seconds for which an answer of the platform is taken to hold"
    )

    # How the bytes get to players
    playback_delivery: Literal["proxy", "s3-redirect", "cdn-url", "cdn-cookie"] = Field(
        default="proxy",
        description="segments go `proxy` through the API, by `s3-redirect`, or by CDN with signed `cdn-url`s or a "
        "`cdn-cookie`",
    )
    playback_origins: tuple[str, ...] = Field(
        default=(), description="origins of pages whose players may read (JSON list); `*` means every page"
    )
    playback_cache_bytes: int = Field(
        default=64 * 1024**2, ge=0, description="bytes of playlists that a process of the API keeps in memory"
    )
    playback_redirect_seconds: int = Field(
        default=300, ge=10, description="seconds for which an address of `s3-redirect` works"
    )
    cdn_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of the CDN that serves the bucket of protected videos"
    )
    cdn_key_id: str | None = Field(default=None, description="CloudFront's id of the public key that goes with it")
    cdn_key: SecretStr | None = Field(
        default=None, description="private key (RSA, PEM) that signs addresses and cookies; or `file:/path`, `env:NAME`"
    )
    cdn_cookie_domain: str | None = Field(
        default=None, description="domain that API and CDN share, where they have different hosts"
    )

    @field_validator("playback_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value().encode()) < _LEAST_KEY for key in keys):
            raise ValueError(f"a secret has less than {_LEAST_KEY} bytes; openssl rand -base64 48 makes a good one")
        return keys

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.playback_delivery.startswith("cdn") and not (self.cdn_url and self.cdn_key_id and self.cdn_key):
            raise ValueError(f"playback_delivery {self.playback_delivery} needs cdn_url, cdn_key_id and cdn_key")
        if self.playback_delivery == "cdn-cookie" and "*" in self.playback_origins:
            raise ValueError("playback_delivery cdn-cookie needs playback_origins by name: no cookies go to *")
        if self.playback_enrolments == "http" and not self.enrolment_url:
            raise ValueError("playback_enrolments http needs enrolment_url")
        return self

"""Settings of the HTTP API: where it is, who may call, how much."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from vodflow.settings.core import CoreSettings

#: ``600/minute``; empty means no limit.
_RATE: Final = r"^([1-9]\d{0,8}/(second|minute|hour|day))?$"


class ApiSettings(CoreSettings):
    """Settings of the API and of what it keeps secret."""

    # Secrets in the catalog
    sealing_keys: tuple[SecretStr, ...] = Field(
        default=(),
        description="keys that encrypt secrets in the catalog (JSON list); the first encrypts, all decrypt",
    )
    tenant_private_hosts: tuple[str, ...] = Field(
        default=(),
        description="private places that tenants' own channels may send to (JSON list of host names and networks)",
    )

    # The API
    api_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of the API as browsers and programs outside reach it"
    )
    redis_url: str | None = Field(
        default=None, pattern=r"^rediss?://", description="Redis for rate limits and caches; none means PostgreSQL"
    )
    api_allowed_origins: tuple[str, ...] = Field(
        default=(), description="origins of web pages elsewhere whose scripts may call the API (JSON list)"
    )
    api_admins: tuple[str, ...] = Field(
        default=("admin",), description="Airflow's users who may manage tenants and keys through the API (JSON list)"
    )
    api_body_limit: int = Field(default=1024**2, ge=1024, le=64 * 1024**2, description="most bytes of a request's body")
    api_body_timeout: float = Field(default=15.0, gt=0, description="seconds in which a request's body must be there")
    api_rate_read: str = Field(
        default="1200/minute", pattern=_RATE, description="most requests of one caller that read; empty means no limit"
    )
    api_rate_write: str = Field(
        default="300/minute", pattern=_RATE, description="most requests of one caller that change something"
    )
    api_rate_refused: str = Field(
        default="60/minute", pattern=_RATE, description="most requests with wrong credentials from one address"
    )

    # Tokens of services
    jwt_issuer: str | None = Field(
        default=None, description="issuer (claim `iss`) whose tokens the API takes; none means no tokens of services"
    )
    jwt_audience: str = Field(default="vodflow", min_length=1, description="audience (claim `aud`) of those tokens")
    jwt_jwks_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of the issuer's public keys (a JSON Web Key Set)"
    )
    jwt_keys: tuple[str, ...] = Field(
        default=(), description="the issuer's public keys as PEM, where there is no such address (JSON list)"
    )
    jwt_algorithms: tuple[
        Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"], ...
    ] = Field(default=("RS256", "ES256", "EdDSA"), min_length=1, description="algorithms taken (JSON list)")
    jwt_leeway: float = Field(default=30.0, ge=0, le=300, description="seconds by which clocks may differ")
    jwt_tenant_claim: str = Field(
        default="tenant", min_length=1, description="claim that names the caller's tenant; `*` in it means all"
    )

    @model_validator(mode="after")
    def _issuers_have_keys(self) -> Self:
        if self.jwt_issuer is not None and not (self.jwt_jwks_url or self.jwt_keys):
            raise ValueError("jwt_issuer takes jwt_jwks_url or jwt_keys, with which its tokens are checked")
        if wrong := [one for one in self.api_allowed_origins if not _is_origin(one)]:
            raise ValueError(f"api_allowed_origins: {wrong[0]!r} is no origin; one looks like https://www.example.com")
        return self


def _is_origin(text: str) -> bool:
    scheme, mark, rest = text.partition("://")
    return scheme in {"http", "https"} and bool(mark and rest) and not set(rest) & set("/*?#@ ")

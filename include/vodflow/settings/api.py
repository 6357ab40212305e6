"""Settings of the HTTP API: where it is, who may call, how much."""

from __future__ import annotations

from pydantic import Field, SecretStr

from vodflow.settings.core import CoreSettings


class ApiSettings(CoreSettings):
    """Settings of the API and of what it keeps secret."""

    # Secrets in the catalog
    sealing_keys: tuple[SecretStr, ...] = Field(
        default=(),
        description="keys that encrypt secrets in the catalog (JSON list); the first encrypts, all decrypt",
    )

    # The API
    api_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of the API as browsers and programs outside reach it"
    )
    redis_url: str | None = Field(
        default=None, pattern=r"^rediss?://", description="Redis for rate limits and caches; none means PostgreSQL"
    )

"""Settings of protected videos: where they go, and who makes keys and hands them out."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr, field_validator

from vodflow.settings.core import CoreSettings

_HEADER = re.compile(r"^[A-Za-z0-9-]+: \S[^\r\n]*$")


class EncryptionSettings(CoreSettings):
    """Settings of protected videos: their bucket, and the key server of a DRM provider."""

    # Protected videos
    protected_bucket: str | None = Field(
        default=None,
        min_length=3,
        description="private bucket of videos that need a playback token; none means that there are no such videos",
    )
    speke_url: str | None = Field(
        default=None,
        # Messages and logs name it: what opens it goes into headers.
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[^\s@#]*$",
        description="key server of a DRM provider (SPEKE 2.0), for Widevine, PlayReady, FairPlay, without a password, "
        "for logs name it; none means own keys",
    )
    speke_headers: tuple[SecretStr, ...] = Field(
        default=(), description='headers of requests to it (JSON list of texts such as `"Authorization: Basic …"`)'
    )
    speke_timeout: float = Field(default=10.0, gt=0, le=60, description="seconds one request to it may take")
    speke_certificate: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:acm:",
        description="ARN of the certificate with which MediaConvert has content keys encrypted on their way",
    )

    @field_validator("speke_headers")
    @classmethod
    def _are_headers(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(_HEADER.match(item.get_secret_value()) for item in value):
            raise ValueError("give each as `Name: value`")
        return value

"""Settings of encryption: key services and DRM systems."""

from __future__ import annotations

from pydantic import Field

from vodflow.settings.core import CoreSettings


class EncryptionSettings(CoreSettings):
    """Settings of encryption: key services and DRM systems."""

    protected_bucket: str | None = Field(
        default=None,
        min_length=3,
        description="private bucket of videos that need a playback token; none means that there are no such videos",
    )

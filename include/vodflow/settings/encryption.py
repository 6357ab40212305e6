"""Settings of encryption: key services and DRM systems."""

from __future__ import annotations

from vodflow.settings.core import CoreSettings


class EncryptionSettings(CoreSettings):
    """Settings of encryption: key services and DRM systems."""

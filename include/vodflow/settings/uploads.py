"""Settings of uploads and imports."""

from __future__ import annotations

from vodflow.settings.core import CoreSettings


class UploadSettings(CoreSettings):
    """Settings of uploads and imports."""

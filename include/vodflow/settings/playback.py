"""Settings of playback: tokens, proxies and CDN signatures."""

from __future__ import annotations

from vodflow.settings.core import CoreSettings


class PlaybackSettings(CoreSettings):
    """Settings of playback: tokens, proxies and CDN signatures."""

"""From a published video's task to what people look at."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink


class PlayerLink(BaseOperatorLink):
    """The page that plays the video."""

    name = "Player"

    def get_link(self, operator: Any, **_: Any) -> str:
        """Its address; nothing before the video is published, or where watching needs a token."""
        return (operator.published.player_url if operator.published else None) or ""


class ManifestLink(BaseOperatorLink):
    """``manifest.json`` as players find it."""

    name = "Manifest"

    def get_link(self, operator: Any, **_: Any) -> str:
        """Its address; nothing before the video is published, or where reading needs a token."""
        return (operator.published.manifest_url if operator.published else None) or ""

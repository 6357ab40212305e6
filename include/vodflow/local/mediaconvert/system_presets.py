"""The system's presets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def system_presets() -> Mapping[str, Any]:
    """Name → preset, names of the wire."""
    return {}

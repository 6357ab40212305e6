"""How often MediaConvert can tell how far a job is."""

from __future__ import annotations

from typing import Literal

#: ``StatusUpdateInterval`` in seconds.
StatusInterval = Literal[10, 12, 15, 20, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600]

"""The sections, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.analytics import analytics
from benchmarks.chunks import chunks
from benchmarks.context import Context
from benchmarks.encoding import encoding
from benchmarks.mediaconvert import mediaconvert
from benchmarks.orchestration import orchestration
from benchmarks.parsing import parsing
from benchmarks.playback import playback
from benchmarks.pods import pods
from benchmarks.results import Section
from benchmarks.sweep import sweep

SECTIONS: dict[str, Callable[[Context], Section]] = {
    "encoding": encoding,
    "pods": pods,
    "chunks": chunks,
    "orchestration": orchestration,
    "sweep": sweep,
    "parsing": parsing,
    "mediaconvert": mediaconvert,
    "analytics": analytics,
    "playback": playback,
}

"""Which engines this installation can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vodflow.contract.engine_names import EngineName
from vodflow.settings import get_settings

#: The setting that makes an engine available; none where it always is. The only place that knows: an engine that is
#: missing here can be stored, but has no task, is offered nowhere, and is refused wherever somebody asks for it.
_SWITCHES: Final[Mapping[EngineName, str | None]] = {
    EngineName.LOCAL: None,
    EngineName.MEDIACONVERT: "mediaconvert_role",
}


def available_engines() -> tuple[EngineName, ...]:
    """The engines that this installation can run: those with a task in the ``transcode_video`` DAG."""
    settings = get_settings()
    return tuple(engine for engine, switch in _SWITCHES.items() if switch is None or getattr(settings, switch))


def supported(engine: str) -> EngineName:
    """The engine, if settings can make it available.

    :raises ValueError: naming those there are
    """
    if engine not in _SWITCHES:
        raise ValueError(f"engine {engine} is not available here; choose {', '.join(_SWITCHES)}")
    return EngineName(engine)


def available(engine: str) -> EngineName:
    """The engine, if this installation can run it.

    :raises ValueError: naming those that it can run, and what is missing
    """
    known = available_engines()
    if engine not in known:
        switch = _SWITCHES.get(EngineName(engine)) if engine in _SWITCHES else None
        missing = f" (set VODFLOW_{switch.upper()})" if switch else ""
        raise ValueError(f"engine {engine} is not available here{missing}; choose {', '.join(known)}")
    return EngineName(engine)

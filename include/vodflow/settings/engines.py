"""Which engines this installation can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vodflow.contract.engine_names import EngineName
from vodflow.settings import get_settings

#: The settings that make an engine available; none where it always is. The only place that knows: an engine that is
#: missing here can be stored, but has no task, is offered nowhere, and is refused wherever somebody asks for it.
_SWITCHES: Final[Mapping[EngineName, tuple[str, ...]]] = {
    EngineName.LOCAL: (),
    EngineName.MEDIACONVERT: ("mediaconvert_role",),
    EngineName.KUBERNETES: ("kubernetes_namespace", "kubernetes_image"),
}


def available_engines() -> tuple[EngineName, ...]:
    """The engines that this installation can run: those with a task in the ``transcode_video`` DAG."""
    return tuple(engine for engine in _SWITCHES if not missing_settings(engine))


def missing_settings(engine: EngineName) -> list[str]:
    """The variables that would make an engine available and are not set; none when it is."""
    settings = get_settings()
    return [f"VODFLOW_{need.upper()}" for need in _SWITCHES[engine] if not getattr(settings, need)]


def dividing_engine() -> EngineName | None:
    """The engine for whose divided plans the ``transcode_video`` DAG has a task for each part; none where it has none.

    Pods are worth it wherever there are any. One machine gains nothing, so it needs to be asked for; where there are
    pods, it carries divided plans out in one task.
    """
    strategy, engines = get_settings().strategy, available_engines()
    if EngineName.KUBERNETES in engines and strategy != "single":
        return EngineName.KUBERNETES
    return EngineName.LOCAL if strategy in {"renditions", "chunks"} else None


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
        needs = missing_settings(EngineName(engine)) if engine in _SWITCHES else []
        missing = f" (set {' and '.join(needs)})" if needs else ""
        raise ValueError(f"engine {engine} is not available here{missing}; choose {', '.join(known)}")
    return EngineName(engine)

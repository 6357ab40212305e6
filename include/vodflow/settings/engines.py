"""Which engines this installation can run."""

from __future__ import annotations

from typing import Final

from vodflow.contract.engine_names import EngineName
from vodflow.settings import get_settings

#: What must be set for an engine that is not always there.
_NEEDS: Final = {EngineName.MEDIACONVERT: "VODFLOW_MEDIACONVERT_ROLE"}


def available_engines() -> tuple[EngineName, ...]:
    """The engines that this installation can run: those with a task in the ``transcode_video`` DAG.

    MediaConvert is one as soon as the settings name the role that it takes on.
    """
    role = get_settings().mediaconvert_role
    return (EngineName.LOCAL, EngineName.MEDIACONVERT) if role else (EngineName.LOCAL,)


def available(engine: EngineName) -> EngineName:
    """The engine, if this installation can run it.

    :raises ValueError: naming those that it can run, and what is missing
    """
    known = available_engines()
    if engine not in known:
        missing = f" (set {_NEEDS[engine]})" if engine in _NEEDS else ""
        raise ValueError(f"engine {engine.value} is not available here{missing}; choose {', '.join(known)}")
    return engine

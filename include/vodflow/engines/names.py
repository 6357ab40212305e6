"""The engines a job can name, and those that this installation can run."""

from __future__ import annotations

from enum import StrEnum


class EngineName(StrEnum):
    """Who carries a plan out, as stored in ``job.engine``."""

    LOCAL = "local"
    MEDIACONVERT = "mediaconvert"
    KUBERNETES = "kubernetes"


#: Engines with a task in the ``transcode_video`` DAG.
AVAILABLE_ENGINES = (EngineName.LOCAL,)


def available(engine: EngineName) -> EngineName:
    """The engine, if this installation can run it.

    :raises ValueError: naming those that it can run
    """
    if engine not in AVAILABLE_ENGINES:
        raise ValueError(f"engine {engine.value} is not available here; choose {', '.join(AVAILABLE_ENGINES)}")
    return engine

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

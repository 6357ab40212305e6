"""The engines a job can name, and the words by which MediaConvert's events are known."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

#: What EventBridge calls the sender and the kind of MediaConvert's events.
MEDIACONVERT_SOURCE: Final = "aws.mediaconvert"
MEDIACONVERT_DETAIL_TYPE: Final = "MediaConvert Job State Change"


class EngineName(StrEnum):
    """Who carries a plan out, as stored in ``job.engine``."""

    LOCAL = "local"
    MEDIACONVERT = "mediaconvert"
    KUBERNETES = "kubernetes"

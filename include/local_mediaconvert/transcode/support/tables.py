"""All tables together."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support import audio, captions, containers, groups, inputs, preprocessors, video
from local_mediaconvert.transcode.support.rules import Members

#: Rules by shape of the service model, then by member.
RULES: Final[dict[str, Members]] = {
    **inputs.RULES,
    **groups.RULES,
    **containers.RULES,
    **video.RULES,
    **preprocessors.RULES,
    **audio.RULES,
    **captions.RULES,
}

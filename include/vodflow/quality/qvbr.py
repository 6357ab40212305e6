"""MediaConvert's own scores of quality, as its COMPLETE event tells them of each output. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from vodflow.contract import layout
from vodflow.contract.plan import VideoRendition
from vodflow.engines.mediaconvert.events import output_groups


def scores(details: Iterable[Mapping[str, Any]], rung: VideoRendition) -> dict[str, float]:
    """``qvbr_avg`` and ``qvbr_min`` of a rung; those that the service did not tell are missing.

    :param details: of the job's COMPLETE events
    """
    track = layout.track_name(rung)
    outputs = [
        output
        for detail in details
        for group in output_groups(detail)
        for output in group.outputs
        if any(PurePosixPath(path).stem.endswith(track) for path in output.paths)
    ]
    average = [output.quality for output in outputs if output.quality is not None]
    lowest = [output.lowest_quality for output in outputs if output.lowest_quality is not None]
    return ({"qvbr_avg": average[0]} if average else {}) | ({"qvbr_min": min(lowest)} if lowest else {})

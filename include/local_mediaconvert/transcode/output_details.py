"""What a job's outputs are, as GetJob and the COMPLETE event tell them (user guide, "Output file names and paths")."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_mediaconvert.transcode.packaging import Made
from local_mediaconvert.transcode.plan import Encode, GroupPlan, JobPlan, OutputPlan


def output_groups(plan: JobPlan) -> list[dict[str, Any]]:
    """Botocore's ``OutputGroupDetails``: durations and sizes, no paths."""
    return [{"OutputDetails": [_details(plan, output) for output in group.outputs]} for group in plan.groups]


def _details(plan: JobPlan, output: OutputPlan) -> dict[str, Any]:
    found: dict[str, Any] = {"DurationInMs": _duration(plan)}
    if output.video:
        frame = output.video.frame
        found["VideoDetails"] = {"WidthInPx": frame.width, "HeightInPx": frame.height}
    return found


def event_groups(plan: JobPlan, made: Mapping[int, Made], tracks: Mapping[Encode, Path]) -> list[dict[str, Any]]:
    """``outputGroupDetails`` of the COMPLETE event, with paths.

    QVBR scores are absent: nothing measures them here.

    :param made: by number of the group
    """
    return [_event_group(plan, group, made[group.number], tracks) for group in plan.groups]


def _event_group(plan: JobPlan, group: GroupPlan, made: Made, tracks: Mapping[Encode, Path]) -> dict[str, Any]:
    details = []
    for output in group.outputs:
        entry: dict[str, Any] = {}
        if made.files.get(output.number):
            entry["outputFilePaths"] = [group.place.uri(name) for name in made.files[output.number]]
        entry["durationInMs"] = _duration(plan)
        if output.video:
            entry["videoDetails"] = _video(plan, output, tracks)
        details.append(entry)
    result: dict[str, Any] = {"outputDetails": details}
    if made.playlists:
        result["playlistFilePaths"] = [group.place.uri(name) for name in made.playlists]
    return result | {"type": f"{group.type}_GROUP"}


def _video(plan: JobPlan, output: OutputPlan, tracks: Mapping[Encode, Path]) -> dict[str, Any]:
    assert output.video is not None  # noqa: S101 - the caller looked
    found: dict[str, Any] = {"widthInPx": output.video.frame.width, "heightInPx": output.video.frame.height}
    path = tracks[output.video.encode]
    if output.video.encode.kind == "video" and plan.duration:
        # The container of one track adds less than a percent.
        found["averageBitrate"] = round(path.stat().st_size * 8 / plan.duration)
    return found


def _duration(plan: JobPlan) -> int:
    """Milliseconds."""
    return round(plan.duration * 1000)

"""Captions: sidecar files and text tracks, converted to what the outputs want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vodflow.local.mediaconvert.transcode.contract import ErrorCode, JobFailed
from vodflow.local.mediaconvert.transcode.plan import OutputPlan


@dataclass
class CaptionFiles:
    """Converted captions by selector and format."""

    paths: Mapping[tuple[str, str], Path] = field(default_factory=dict)


def write_captions(captions: CaptionFiles, output: OutputPlan, folder: Path) -> str:
    """A sidecar output of a file group; its name."""
    if not output.captions:
        raise JobFailed(ErrorCode.JOB_SETTINGS, "An output has neither video nor audio nor captions.")
    part = output.captions[0]
    path = captions.paths[part.selector, part.format]
    name = f"{output.stem}.{output.extension}"
    (folder / name).write_bytes(path.read_bytes())
    return name

"""Options that several commands about jobs share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs; see docs/library.md.")]
Profile = Annotated[str | None, typer.Option(help="Encoding profile; the watch rule's or the default one otherwise.")]
Outputs = Annotated[str | None, typer.Option(help="Any of hls, dash, mp4, with commas; the profile's otherwise.")]
Qualities = Annotated[
    str | None, typer.Option(help="Rungs of the ladder, as 1080p,720p; all that fit the source otherwise.")
]
Engine = Annotated[str | None, typer.Option(help="Who encodes: local or mediaconvert; the profile's otherwise.")]
Priority = Annotated[int, typer.Option(min=0, max=100, help="Higher first.")]
Timeout = Annotated[float | None, typer.Option(min=0, help="Seconds to wait; for ever otherwise.")]


def as_list(value: str | None) -> list[str] | None:
    """The items of ``a,b c``; none when nothing was given."""
    return None if value is None else [item for item in re.split(r"[\s,;]+", value) if item]

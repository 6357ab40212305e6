"""Where players find what is published of a job. Pure but for the settings' names of hosts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from vodflow.publication.manifest import public_url
from vodflow.publication.player import player_url


@dataclasses.dataclass(frozen=True)
class Media:
    """Addresses; none of what was not made.

    :param pictures: of the seek bar, in their order
    :param interval: seconds between two of them
    """

    hls: str | None
    dash: str | None
    mp4: list[str]
    poster: str | None
    manifest: str | None
    page: str | None
    pictures: list[str]
    interval: float


def media_of(job: Mapping[str, Any], artifacts: Iterable[Mapping[str, Any]]) -> Media | None:
    """Of a published job's row and its artifacts; none where watching needs a token."""
    host = public_url(job["bucket"])
    if host is None:
        return None
    base = f"{host}/{quote(job['prefix'])}"
    kinds: dict[str, list[str]] = {}
    for row in artifacts:
        kinds.setdefault(row["kind"], []).append(f"{base}/{quote(row['name'])}")

    def one(kind: str, end: str) -> str | None:
        return next((url for url in kinds.get(kind, []) if url.endswith(end)), None)

    manifest = f"{job['prefix']}/manifest.json"
    return Media(
        hls=one("hls", "master.m3u8"),
        dash=one("dash", ".mpd"),
        mp4=kinds.get("mp4", []),
        poster=one("poster", ""),
        manifest=f"{host}/{quote(manifest)}",
        page=player_url(host, manifest),
        pictures=sorted(kinds.get("thumbnail", [])),
        interval=float((job["plan"].get("thumbnails") or {}).get("interval") or 0),
    )


def picture_track(media: Media, duration: float) -> str:
    """The pictures as WebVTT, which players show above the seek bar."""
    cues = ["WEBVTT"]
    for number, url in enumerate(media.pictures):
        begin, end = number * media.interval, min((number + 1) * media.interval, duration)
        if begin < end:
            cues.append(f"{_clock(begin)} --> {_clock(end)}\n{url}")
    return "\n\n".join(cues) + "\n"


def _clock(seconds: float) -> str:
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{rest:03}"

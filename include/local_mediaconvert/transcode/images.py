"""Still images over pictures: ``ImageInserter`` of inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import ffmpeg
from vodflow.ffmpeg.picture_filters import SCALER, Stream

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.timecodes import frame_number

#: Per cent, where the settings do not say (API reference, InsertableImage.Opacity).
_OPACITY: Final = 50


@dataclass(frozen=True)
class Insertion:
    """One image over the pictures.

    :param size: width and height in pixels; 0 means the image's own
    :param at: left and top in pixels
    :param opacity: 0 to 1
    :param start: seconds after the first picture
    :param end: seconds; none means until the end
    :param fades: seconds of fading in and out
    """

    path: Path
    size: tuple[int, int]
    at: tuple[int, int]
    opacity: float
    start: float
    end: float | None
    fades: tuple[float, float]
    rate: Fraction

    def apply(self, stream: Stream) -> Stream:
        """The pictures with the image on them."""
        # An image that fades is a stream of its own; any other is one picture that stands still.
        fading = any(self.fades)
        moving: dict[str, Any] = {"loop": 1, "framerate": f"{self.rate}"} if fading else {}
        image = ffmpeg.input(str(self.path), protocol_whitelist="file", **moving)["v:0"]
        if any(self.size):
            image = image.filter("scale", self.size[0] or -1, self.size[1] or -1, flags=SCALER)
        image = image.filter("format", "rgba").filter("colorchannelmixer", aa=f"{self.opacity:.4g}")
        if self.fades[0]:
            image = image.filter("fade", t="in", st=f"{self.start:.4f}", d=f"{self.fades[0]:.4f}", alpha=1)
        if self.fades[1] and self.end is not None:
            begin = self.end - self.fades[1]
            image = image.filter("fade", t="out", st=f"{begin:.4f}", d=f"{self.fades[1]:.4f}", alpha=1)
        options: dict[str, Any] = {"x": self.at[0], "y": self.at[1], "format": "auto"}
        options |= {"shortest": 1} if fading else {"eof_action": "repeat"}
        if self.start or self.end is not None:
            end = f"*lt(t,{self.end:.4f})" if self.end is not None else ""
            options["enable"] = f"gte(t,{self.start:.4f}){end}"
        return ffmpeg.filter([stream, image], "overlay", **options)


def insertions(settings: Document | None, images: Mapping[str, Path], rate: Fraction) -> list[Insertion]:
    """The images of an ``ImageInserter``, the lowest layer first.

    :param images: downloaded images by URI
    :param rate: frames a second, for time codes
    """
    listed = sorted((settings or {}).get("InsertableImages", ()), key=lambda item: int(item.get("Layer", 0)))
    return [_insertion(item, images[str(item["ImageInserterInput"])], rate) for item in listed if uri(item)]


def image_uris(settings: Document) -> list[str]:
    """Every image that a job names, once."""
    return list(dict.fromkeys(_uris(settings)))


def _uris(settings: Document) -> Iterator[str]:
    holders = [item.get("ImageInserter") for item in settings.get("Inputs", ())]
    for group in settings.get("OutputGroups", ()):
        for output in group.get("Outputs", ()):
            preprocessors = output.get("VideoDescription", {}).get("VideoPreprocessors", {})
            holders.append(preprocessors.get("ImageInserter"))
    for holder in holders:
        for item in (holder or {}).get("InsertableImages", ()):
            if uri(item):
                yield uri(item)


def uri(item: Document) -> str:
    """Where an image is; empty when it is not said."""
    return str(item.get("ImageInserterInput") or "")


def _insertion(item: Document, path: Path, rate: Fraction) -> Insertion:
    start = float(frame_number(item["StartTime"], rate) / rate) if item.get("StartTime") else 0.0
    duration = int(item.get("Duration", 0)) / 1000
    return Insertion(
        path=path,
        size=(int(item.get("Width", 0)), int(item.get("Height", 0))),
        at=(int(item.get("ImageX", 0)), int(item.get("ImageY", 0))),
        opacity=int(item.get("Opacity", _OPACITY)) / 100,
        start=start,
        end=start + duration if duration else None,
        fades=(int(item.get("FadeIn", 0)) / 1000, int(item.get("FadeOut", 0)) / 1000),
        rate=rate,
    )

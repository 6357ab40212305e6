"""What verification measured: input of the catalog and of ``manifest.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MeasuredRendition(_Value):
    """One rendition as found in the outputs.

    :param name: the rendition's name in the plan
    :param codec: RFC 6381 name found in the bitstream
    :param bytes: of all its segments, or of its MP4 track where there are no segments
    :param duration: seconds
    :param segments: number of segments; 0 where there are none
    :param average_bitrate: bits a second
    :param peak_bitrate: bits a second, as RFC 8216 defines the peak segment bit rate
    :param frame_rate: frames a second as ``num/den``
    :param mp4_bytes: bytes of the rung's MP4 file, where there is one
    """

    name: str
    kind: Literal["video", "audio"]
    codec: str
    bytes: int = Field(ge=0)
    duration: float = Field(ge=0)
    segments: int = Field(ge=0)
    average_bitrate: int = Field(ge=0)
    peak_bitrate: int = Field(ge=0)
    width: int | None = None
    height: int | None = None
    frame_rate: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    mp4_bytes: int | None = None


class Verification(_Value):
    """Outputs that keep every rule.

    :param rules: names of the rules that were checked
    :param duration: seconds of the longest video rendition
    :param bytes: of all objects
    :param sizes: bytes by object name, relative to the prefix
    :param thumbnails: names of the thumbnails in order
    """

    bucket: str
    prefix: str
    rules: tuple[str, ...]
    renditions: tuple[MeasuredRendition, ...]
    duration: float
    objects: int
    bytes: int
    sizes: dict[str, int]
    thumbnails: tuple[str, ...] = ()

    def rendition(self, name: str) -> MeasuredRendition:
        """The measurements of one rendition of the plan.

        :raises KeyError: when there is none of that name
        """
        for rendition in self.renditions:
            if rendition.name == name:
                return rendition
        raise KeyError(name)

"""The plan: the contract between planning, every engine and the verifier.

A :class:`TranscodePlan` is pure data computed from a source's :class:`~vodflow.contract.media_info.MediaInfo` and a
profile. Every engine takes the same plan; the same verifier checks every engine's output. Its hash names the
output prefix, so outputs are immutable and a repeated run finds its own work done.

Units: sizes in pixels, rates in bits a second, times in seconds.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vodflow.contract.media_info import MediaInfo, Rational
from vodflow.contract.protection import Access, Encryption, obstacles
from vodflow.contract.strategy import SINGLE, Strategy

#: Raised when the meaning of an existing field changes; part of the hash.
PLAN_SCHEMA_VERSION: Final = 1

#: Hex digits of the SHA-256 that name a plan: 64 bits, far from collisions within one source.
PLAN_HASH_DIGITS = 16


class Output(StrEnum):
    """What players get."""

    HLS = "hls"
    DASH = "dash"
    MP4 = "mp4"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceRef(_Value):
    """One version of one object: the identity of the bytes that are transcoded.

    :param version: S3 version id, or the ETag where the bucket keeps no versions
    :param version_id: S3 version id, where the bucket keeps versions
    :param size: bytes
    """

    bucket: str
    key: str
    version: str
    version_id: str | None = None
    size: int = Field(ge=0)

    @property
    def uri(self) -> str:
        """``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


class VideoRendition(_Value):
    """One rung of the ladder.

    :param name: ``1080p``, from the rung's nominal height; unique in the plan
    :param bitrate: average, bits a second
    :param max_bitrate: VBV peak, bits a second
    :param buffer_size: VBV buffer, bits
    :param gop: frames between IDR pictures, the same time in every rung
    :param reference_frames: x264's ``ref``, so that the level's picture buffer holds them
    :param audio: name of the :class:`AudioRendition` that goes with this rung
    """

    name: str
    codec: Literal["h264"] = "h264"
    width: int = Field(gt=0, multiple_of=2)
    height: int = Field(gt=0, multiple_of=2)
    frame_rate: Rational
    gop: int = Field(gt=0)
    bitrate: int = Field(gt=0)
    max_bitrate: int = Field(gt=0)
    buffer_size: int = Field(gt=0)
    h264_profile: Literal["baseline", "main", "high"] = "high"
    h264_level: str
    preset: str = "medium"
    reference_frames: int = Field(default=3, ge=1, le=16)
    audio: str | None = None

    @property
    def fps(self) -> Fraction:
        """Frames a second as an exact fraction."""
        return Fraction(self.frame_rate)


class AudioRendition(_Value):
    """One encoded audio track.

    :param name: ``audio`` for the main one, ``audio_96k`` for a lower rate; unique in the plan
    :param source_index: stream index in the source
    :param source_channels: channels of that stream, to choose downmix coefficients
    :param source_layout: its channel layout
    :param mono_sources: stream indexes of mono tracks that are its channels, in the order of the layout; none where it
        is made of one track
    :param bitrate: bits a second
    """

    name: str
    codec: Literal["aac"] = "aac"
    source_index: int = Field(ge=0)
    source_channels: int = Field(gt=0)
    source_layout: str
    channels: int = Field(default=2, gt=0)
    sample_rate: int = Field(default=48_000, gt=0)
    bitrate: int = Field(gt=0)
    language: str | None = None
    mono_sources: tuple[int, ...] = Field(default=(), exclude_if=lambda sources: not sources)

    @property
    def sources(self) -> tuple[int, ...]:
        """Indexes of all streams that are heard in it."""
        return self.mono_sources or (self.source_index,)


class Packaging(_Value):
    """How encoded tracks become what players get.

    :param segment_duration: seconds; a whole number of GOPs
    :param hls_segments: container of HLS segments; ``fmp4`` shares CMAF segments with DASH
    :param encryption: of the segments; none means in the clear
    """

    outputs: tuple[Output, ...] = (Output.HLS, Output.DASH, Output.MP4)
    segment_duration: float = Field(default=6.0, gt=0)
    hls_segments: Literal["fmp4", "ts"] = "fmp4"
    encryption: Encryption | None = Field(default=None, exclude_if=lambda encryption: encryption is None)


class Thumbnails(_Value):
    """Still pictures.

    :param interval: seconds between thumbnails
    :param width: pixels, even
    :param height: pixels, even
    :param poster_time: seconds into the video
    """

    interval: float = Field(gt=0)
    width: int = Field(gt=0, multiple_of=2)
    height: int = Field(gt=0, multiple_of=2)
    poster_time: float = Field(ge=0)


class PlanWarning(_Value):
    """Something of the source that the outputs do not have or have otherwise, though they are right so.

    :param code: its name for programs, for example ``captions_left_out``
    :param message: one sentence for people
    :param track: stream index in the source, where it is about one stream
    """

    code: str
    message: str
    track: int | None = None


#: What does not change what is made, so that a plan keeps its hash, and a source its outputs.
_NOT_HASHED: Final[dict[str, Any]] = {
    "warnings": True,
    "strategy": True,
    "media": {"others": True, "video": {"alpha", "closed_captions", "dolby_vision"}, "audio": {"__all__": {"role"}}},
}


class TranscodePlan(_Value):
    """Everything an engine must make from one source, and nothing about how or where it runs.

    :param tenant: slug of the tenant, first part of the output prefix
    :param video: slug of the video, second part of the output prefix
    :param revision: 0, or a higher number when a person forces the same work again
    :param warnings: what is left out, see :mod:`vodflow.planning.warnings`
    :param strategy: how the encode is divided, and why
    :param access: who may fetch the outputs
    """

    schema_version: Literal[1] = PLAN_SCHEMA_VERSION
    source: SourceRef
    media: MediaInfo
    tenant: str
    video: str
    profile: str
    renditions: tuple[VideoRendition, ...] = Field(min_length=1)
    audio: tuple[AudioRendition, ...] = ()
    packaging: Packaging = Packaging()
    thumbnails: Thumbnails | None = None
    revision: int = Field(default=0, ge=0)
    warnings: tuple[PlanWarning, ...] = Field(default=(), exclude_if=lambda warnings: not warnings)
    strategy: Strategy = Field(default=SINGLE, exclude_if=lambda strategy: strategy == SINGLE)
    access: Access = Field(default=Access.PUBLIC, exclude_if=lambda access: access == Access.PUBLIC)

    @model_validator(mode="after")
    def _can_be_protected(self) -> Self:
        made = self.packaging
        if problem := next(obstacles(self.access, made.encryption, made.outputs, made.hls_segments), None):
            raise ValueError(problem)
        return self

    @property
    def hash(self) -> str:
        """The first 16 hex digits of the SHA-256 of the plan's canonical JSON, warnings and strategy left out."""
        return hashlib.sha256(self.model_dump_json(exclude=_NOT_HASHED).encode()).hexdigest()[:PLAN_HASH_DIGITS]

    @property
    def prefix(self) -> str:
        """``{tenant}/{video}/{plan}``: where the outputs live below the configured output prefix."""
        return f"{self.tenant}/{self.video}/{self.hash}"

    def to_json(self) -> str:
        """Canonical JSON: field order is the declaration order, no white space."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> TranscodePlan:
        """The inverse of :meth:`to_json`.

        :raises pydantic.ValidationError: when the text is not a plan of this schema version
        """
        return cls.model_validate_json(text)

"""What engines say: progress while they work, and a result when they are done.

Both are one JSON object a line on the worker's standard output (see ``vodflow worker``), the same on this
machine and in a pod's log.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from vodflow.contract.plan import AudioRendition, VideoRendition


class Stage(StrEnum):
    """What a worker is doing, as shown to people."""

    DOWNLOAD = "download"
    ENCODE = "encode"
    PACKAGE = "package"
    UPLOAD = "upload"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_Value):
    """How far a job is.

    :param percent: 0 to 100 of the whole job, never going back
    :param speed: encoded media seconds a wall second, while encoding
    :param eta: seconds until the engine is done, where it can be estimated
    """

    event: Literal["progress"] = "progress"
    stage: Stage
    percent: float = Field(ge=0, le=100)
    speed: float | None = None
    eta: float | None = None


class OutputObject(_Value):
    """One uploaded object.

    :param name: path below the job's prefix, for example ``hls/master.m3u8``
    :param size: bytes
    :param checksum: base64 of the CRC-32 (whole object), as S3 stores it
    :param composite: what S3 states in its place of an object that went up in parts: of the parts' checksums
    """

    name: str
    size: int = Field(ge=0)
    checksum: str | None = None
    composite: str | None = Field(default=None, exclude_if=lambda checksum: checksum is None)
    content_type: str

    @property
    def checksums(self) -> tuple[str, ...]:
        """What S3 may state of it."""
        return tuple(one for one in (self.checksum, self.composite) if one)


class EncodedTrack(_Value):
    """One encoded rendition.

    :param name: rendition name from the plan
    :param size: bytes of its segments
    :param duration: seconds
    :param bitrate: measured average, bits a second
    :param speed: media seconds encoded a wall second by the process that made it, which may have made other rungs,
        too; none where one process made all of them, or several one after the other: the result has theirs
    """

    name: str
    kind: Literal["video", "audio"]
    size: int = Field(ge=0)
    duration: float = Field(ge=0)
    bitrate: int = Field(ge=0)
    speed: float | None = Field(default=None, ge=0, exclude_if=lambda speed: speed is None)

    @classmethod
    def of(
        cls, rendition: VideoRendition | AudioRendition, size: int, duration: float, speed: float | None = None
    ) -> Self:
        """What a rendition has become."""
        return cls(
            name=rendition.name,
            kind="video" if isinstance(rendition, VideoRendition) else "audio",
            size=size,
            duration=round(duration, 3),
            bitrate=round(size * 8 / duration) if duration else 0,
            speed=speed,
        )


class EngineResult(_Value):
    """What an engine made.

    :param prefix: key prefix of the outputs in the media bucket
    :param encode_seconds: wall seconds of the encode
    :param cpu_seconds: user and system CPU seconds of all child processes
    :param wall_seconds: wall seconds of the whole worker
    :param speed: media seconds encoded a wall second
    """

    event: Literal["result"] = "result"
    bucket: str
    prefix: str
    objects: tuple[OutputObject, ...]
    tracks: tuple[EncodedTrack, ...]
    download_seconds: float = Field(ge=0)
    encode_seconds: float = Field(ge=0)
    package_seconds: float = Field(ge=0)
    upload_seconds: float = Field(ge=0)
    wall_seconds: float = Field(ge=0)
    cpu_seconds: float = Field(ge=0)
    speed: float = Field(ge=0)
    warnings: tuple[str, ...] = ()


class Failure(BaseModel):
    """Why a worker stopped without a result: the fields of :func:`vodflow.errors.to_document`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    event: Literal["failure"] = "failure"
    kind: str
    message: str

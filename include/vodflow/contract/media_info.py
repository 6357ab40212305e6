"""What came in: the facts about a source that planning and verification need.

All values are plain and JSON-serialisable; :mod:`vodflow.media.probe` makes them from ffprobe.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


#: A positive rational as ``"num/den"``, for example ``"30000/1001"``.
Rational = Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")]


class VideoTrack(_Value):
    """The video stream that is transcoded.

    :param index: stream index in the container
    :param width: coded width in pixels, before rotation and sample aspect ratio
    :param height: coded height in pixels, before rotation and sample aspect ratio
    :param display_width: width in square pixels as a player shows it, after rotation
    :param display_height: height in square pixels as a player shows it, after rotation
    :param rotation: clockwise degrees that a player applies: 0, 90, 180 or 270
    :param frame_rate: frames a second; of variable rates what keeps the motion of lively moments
    :param start: presentation time of the first frame, seconds
    :param duration: seconds
    :param bit_rate: bits a second, where known
    :param field_order: ``progressive`` or one of ffprobe's interlaced orders
    :param closed_captions: whether its pictures carry captions (CEA-608 or CEA-708)
    :param alpha: whether parts of it may be transparent
    :param dolby_vision: profile of its Dolby Vision and what the picture is without it: ``8.1``; 0 is nothing
    :param color_transfer: as ffprobe names it; ``smpte2084`` and ``arib-std-b67`` mean HDR
    """

    index: int = Field(ge=0)
    codec: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    display_width: int = Field(gt=0)
    display_height: int = Field(gt=0)
    sample_aspect_ratio: Rational = "1/1"
    rotation: Literal[0, 90, 180, 270] = 0
    frame_rate: Rational
    variable_frame_rate: bool = False
    start: float = 0.0
    duration: float = Field(gt=0)
    bit_rate: int | None = None
    pixel_format: str = "yuv420p"
    bit_depth: int = 8
    field_order: str = "progressive"
    color_primaries: str | None = None
    color_transfer: str | None = None
    color_space: str | None = None
    color_range: str | None = None
    closed_captions: bool = Field(default=False, exclude_if=lambda captions: not captions)
    alpha: bool = Field(default=False, exclude_if=lambda alpha: not alpha)
    dolby_vision: str | None = Field(default=None, exclude_if=lambda profile: profile is None)

    @property
    def fps(self) -> Fraction:
        """Frames a second as an exact fraction."""
        return Fraction(self.frame_rate)

    @property
    def interlaced(self) -> bool:
        """Whether the picture needs deinterlacing."""
        return self.field_order not in {"progressive", "unknown"}

    @property
    def hdr(self) -> bool:
        """Whether the transfer function is PQ or HLG (ITU-R BT.2100)."""
        return self.color_transfer in {"smpte2084", "arib-std-b67"}


class AudioTrack(_Value):
    """One audio stream.

    :param layout: ffprobe's channel layout, for example ``5.1``; guessed from the channels when absent
    :param start: presentation time of the first sample, seconds
    :param role: disposition that tells it from the main sound, as ffprobe names it, for example ``comment``
    :param pid: of a transport stream with several programmes, where track numbers mean different things to different
        programs
    """

    index: int = Field(ge=0)
    codec: str
    channels: int = Field(gt=0)
    layout: str
    sample_rate: int = Field(gt=0)
    language: str | None = None
    title: str | None = None
    default: bool = False
    start: float = 0.0
    duration: float | None = None
    bit_rate: int | None = None
    role: str | None = Field(default=None, exclude_if=lambda role: role is None)
    pid: int | None = Field(default=None, exclude_if=lambda pid: pid is None)


class CaptionTrack(_Value):
    """One subtitle or caption stream inside the container."""

    index: int = Field(ge=0)
    codec: str
    language: str | None = None
    title: str | None = None
    default: bool = False
    forced: bool = False


class OtherTrack(_Value):
    """A stream of which nothing is made.

    :param codec: as ffprobe names it, or the container's tag where FFmpeg does not know it
    """

    index: int = Field(ge=0)
    kind: Literal["video", "picture", "audio", "captions", "timecode", "data", "attachment"]
    codec: str


class Program(_Value):
    """A programme of a transport stream.

    :param number: ``program_number`` of its PMT
    :param name: of the service
    :param others: programmes of the same stream that are not taken
    """

    number: int
    name: str | None = None
    others: tuple[Program, ...] = Field(default=(), exclude_if=lambda others: not others)

    def __str__(self) -> str:
        return f"{self.number} ({self.name})" if self.name else str(self.number)


class MediaInfo(_Value):
    """Everything known about a source's content.

    :param container: ffprobe's format name
    :param duration: seconds from the start of the earliest to the end of the latest track of pictures or sound
    :param start: where FFmpeg has time 0, seconds on the container's clock: subtitles, time codes and unused tracks
        count, too
    :param size: bytes
    :param others: streams that are neither the video, nor usable sound, nor captions; ``picture`` is cover art
    :param longest_gap: seconds for which one track pauses while others go on, where FFmpeg would take that for a jump
        of the clock
    :param program: whose tracks these are, where the source holds other programmes as well
    """

    container: str
    duration: float = Field(gt=0)
    start: float | None = Field(default=None, exclude_if=lambda start: start is None)
    size: int = Field(gt=0)
    bit_rate: int | None = None
    video: VideoTrack
    audio: tuple[AudioTrack, ...] = ()
    captions: tuple[CaptionTrack, ...] = ()
    others: tuple[OtherTrack, ...] = Field(default=(), exclude_if=lambda others: not others)
    program: Program | None = Field(default=None, exclude_if=lambda program: program is None)
    longest_gap: float | None = Field(default=None, exclude_if=lambda gap: gap is None)

"""What a job makes: which tracks are encoded, once each, and which outputs are made of them. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal, get_args

from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.contract import Document, JobWarning
from local_mediaconvert.transcode.file_names import Place
from local_mediaconvert.transcode.filter_steps import Chain
from local_mediaconvert.transcode.frames import Frame
from local_mediaconvert.transcode.sound import Loudness
from local_mediaconvert.transcode.sources import Source

GroupType = Literal["HLS", "CMAF", "DASH_ISO", "FILE"]

#: Types of output groups that are made, by their names in settings.
GROUP_TYPES: Final[dict[str, GroupType]] = {f"{kind}_GROUP_SETTINGS": kind for kind in get_args(GroupType)}


@dataclass(frozen=True)
class Feed:
    """What one clip gives to a track.

    :param streams: stream indexes in the clip's file; none is silence
    :param external: URI of another file that the streams are in
    """

    streams: tuple[int, ...]
    chain: Chain
    external: str = ""


@dataclass(frozen=True)
class Encode:
    """One run of an encoder; equal ones are one.

    :param feeds: one for each clip of the job
    :param finish: filters of the joined clips
    :param options: of FFmpeg, without dashes
    :param suffix: of the intermediate file; frame captures are a folder of numbered ones
    :param loudness: correction, which needs a measurement first
    """

    kind: Literal["video", "audio", "pictures"]
    feeds: tuple[Feed, ...]
    finish: Chain
    options: tuple[tuple[str, Any], ...]
    suffix: str = ".mp4"
    loudness: Loudness | None = None


@dataclass(frozen=True)
class VideoPart:
    """The pictures of an output.

    :param gop: frames between key frames; 0 where they are not at fixed distances
    :param qvbr: the quality level asked for; none with other rate controls
    :param transfer: transfer function as ffprobe names it, where the source's is kept
    """

    encode: Encode
    codec: str
    frame: Frame
    bitrate: int
    gop: int
    qvbr: float | None = None
    transfer: str | None = None


@dataclass(frozen=True)
class AudioPart:
    """One audio track of an output.

    :param language: ISO 639-2 in lower case
    :param name: ``StreamName``
    """

    encode: Encode
    codec: str
    channels: int
    rate: int
    bitrate: int
    language: str | None
    name: str | None


@dataclass(frozen=True)
class CaptionPart:
    """One captions track of an output.

    :param source: ``SourceSettings`` of its selector in the first input
    """

    selector: str
    format: str
    source: Document
    language: str | None
    name: str | None
    settings: Document


@dataclass(frozen=True, eq=False)
class OutputPlan:
    """One output of a group.

    :param number: within the group, from 0
    :param stem: base and modifier: how all its names begin
    :param settings: the ``Output``
    :param segment_modifier: what stands between the stem and the counter of HLS segments
    """

    number: int
    stem: str
    settings: Document
    video: VideoPart | None
    audio: tuple[AudioPart, ...]
    captions: tuple[CaptionPart, ...] = ()
    extension: str = ""
    segment_modifier: str = ""

    @property
    def container(self) -> str:
        """``MP4``, ``CMFC``, …"""
        return str(self.settings.get("ContainerSettings", {}).get("Container", ""))

    @property
    def parts(self) -> tuple[VideoPart | AudioPart, ...]:
        """Its pictures and its audio tracks."""
        return (*((self.video,) if self.video else ()), *self.audio)


@dataclass(frozen=True, eq=False)
class GroupPlan:
    """One output group.

    :param number: within the job, from 0
    :param settings: ``HlsGroupSettings`` and the like
    """

    number: int
    type: GroupType
    settings: Document
    place: Place
    outputs: tuple[OutputPlan, ...]


@dataclass(frozen=True, eq=False)
class JobPlan:
    """Everything a job makes.

    :param externals: files besides the inputs, by URI
    """

    clips: tuple[Clip, ...]
    groups: tuple[GroupPlan, ...]
    encodes: dict[Encode, str] = field(default_factory=dict)
    externals: Mapping[str, Source] = field(default_factory=dict)
    warnings: tuple[JobWarning, ...] = ()

    @property
    def duration(self) -> Fraction:
        """Seconds of every output."""
        return sum((clip.length for clip in self.clips), Fraction(0))

"""What sources look like, and the plans that Vodflow's own planner makes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

PROFILES: Final = ("standard", "streaming", "sd", "hd", "uhd")
#: How often a tenant asks for each profile by default.
PROFILE_SHARES: Final = (0.46, 0.22, 0.14, 0.12, 0.06)

_KEY, _VERSION, _VIDEO, _TENANT = "@KEY@", "@VERSION@", "@VIDEO@", "@TENANT@"
_SIZE, _SECONDS = 987654321, 1234.5
_MARKS: Final = re.compile(f"{_KEY}|{_VERSION}|{_VIDEO}|{_TENANT}|{_SIZE}|{re.escape(str(_SECONDS))}")


@dataclass(frozen=True)
class Shape:
    """One kind of source.

    :param weight: how common it is
    :param bits: a second, of the container
    """

    weight: float
    container: str
    codec: str
    size: tuple[int, int]
    rate: str
    bits: int
    audio: str = "aac"
    languages: tuple[str | None, ...] = (None,)
    transfer: str | None = None
    order: str = "progressive"
    captions: bool = False

    @cached_property
    def media(self) -> MediaInfo:
        """Its facts, with marks where each source has its own."""
        width, height = self.size
        track = {
            "index": 0, "codec": self.codec, "width": width, "height": height, "display_width": width,
            "display_height": height, "frame_rate": self.rate, "duration": _SECONDS, "field_order": self.order,
            "color_transfer": self.transfer, "closed_captions": self.captions,
        }  # fmt: skip
        sound = [
            {"index": 1 + place, "codec": self.audio, "channels": 2, "layout": "stereo", "sample_rate": 48_000,
             "bit_rate": 192_000, "language": language, "default": not place}
            for place, language in enumerate(self.languages)
        ]  # fmt: skip
        document: dict[str, Any] = {
            "container": self.container, "duration": _SECONDS, "size": _SIZE, "bit_rate": self.bits, "video": track,
            "audio": sound,
        }  # fmt: skip
        return MediaInfo.model_validate(document)


_MP4, _MKV, _TS, _MXF = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "mxf"
SHAPES: Final = (
    Shape(28, _MP4, "h264", (1920, 1080), "25/1", 9_000_000),
    Shape(16, _MP4, "h264", (1920, 1080), "30000/1001", 8_000_000, languages=("eng",)),
    Shape(14, _MP4, "h264", (1280, 720), "30/1", 4_000_000),
    Shape(8, _MP4, "h264", (1080, 1920), "30/1", 7_000_000),
    Shape(6, _MP4, "hevc", (3840, 2160), "60/1", 28_000_000, transfer="arib-std-b67"),
    Shape(5, _MP4, "prores", (1920, 1080), "25/1", 120_000_000, audio="pcm_s24le", languages=("deu", "eng")),
    Shape(5, _MXF, "mpeg2video", (1920, 1080), "25/1", 50_000_000, audio="pcm_s24le", order="tt"),
    Shape(4, _TS, "h264", (1920, 1080), "25/1", 12_000_000, audio="ac3", languages=("fra",), captions=True),
    Shape(4, _MKV, "vp9", (2560, 1440), "60/1", 12_000_000, audio="opus"),
    Shape(4, _MP4, "h264", (854, 480), "25/1", 1_500_000),
    Shape(3, _MKV, "hevc", (3840, 2160), "24000/1001", 40_000_000, languages=("eng", "spa", "fra"),
          transfer="smpte2084"),
    Shape(2, _MP4, "mpeg4", (640, 480), "15/1", 1_200_000, audio="mp3"),
    Shape(1, _MP4, "h264", (1280, 720), "50/1", 5_000_000, languages=()),
)  # fmt: skip


class Template:
    """A JSON document of one shape, into which each row's own values go."""

    def __init__(self, document: str) -> None:
        self.document = document
        parts = _MARKS.split(document.replace("%", "%%"))
        names = {_KEY: "key", _VERSION: "version", _VIDEO: "video", _TENANT: "tenant", str(_SIZE): "size"}
        fields = [f"%({names.get(mark, 'seconds')})s" for mark in _MARKS.findall(document)]
        self._pattern = "".join(part + field for part, field in zip(parts, [*fields, ""], strict=True))

    def fill(self, **values: Any) -> str:
        """The document of one row: ``key``, ``version``, ``video``, ``tenant``, ``size``, ``seconds``."""
        return self._pattern % values


@dataclass(frozen=True)
class Planned:
    """The plan of one shape in one profile, and what stands in its outputs."""

    plan: TranscodePlan
    template: Template
    divided: Template

    @property
    def tracks(self) -> list[dict[str, Any]]:
        """A row of ``rendition`` for each track, without what is measured."""
        video = [
            {"name": one.name, "kind": "video", "codec": "avc1.640028" if one.height >= 720 else "avc1.64001e",
             "width": one.width, "height": one.height, "frame_rate": one.frame_rate, "bitrate": one.bitrate}
            for one in self.plan.renditions
        ]  # fmt: skip
        audio = [
            {"name": one.name, "kind": "audio", "codec": "mp4a.40.2", "channels": one.channels,
             "sample_rate": one.sample_rate, "bitrate": one.bitrate}
            for one in self.plan.audio
        ]  # fmt: skip
        return [*video, *audio]


def planned(shape: Shape, profile: str) -> Planned:
    """What the planner makes of this shape."""
    source = SourceRef(bucket="footage", key=_KEY, version=_VERSION, size=_SIZE)
    plan = make_plan(source, shape.media, load_profile(profile), tenant=_TENANT, video=_VIDEO)
    document = plan.to_json()
    strategy = (
        '"strategy":{"kind":"chunks","reason":"Long enough to divide.",'
        '"chunks":[{"first":0,"end":6000,"seek":0.0},{"first":6000,"end":null,"seek":240.0}]}'
    )
    return Planned(plan, Template(document), Template(f"{document[:-1]},{strategy}}}"))


def weights() -> Any:
    """How likely each shape is."""
    found = np.array([shape.weight for shape in SHAPES], dtype=float)
    return found / found.sum()

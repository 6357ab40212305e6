"""Encoding profiles: which ladder, audio, packaging and pictures a catalogue wants, as YAML.

A profile says what is wanted from an ideal source; :mod:`vodflow.planning.planner` fits it to a real one.
Rates may be written with a suffix: ``800k``, ``1.5M``. Unknown and repeated keys are refused.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output
from vodflow.contract.protection import Access, Encryption, obstacles
from vodflow.errors import ProfileError
from vodflow.settings import get_settings
from vodflow.settings.engines import available

_RATE = re.compile(r"^(\d+(?:\.\d+)?)\s*([kM])$")
_RATE_UNITS = {"k": 1_000, "M": 1_000_000}
_PROFILE_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]


def _rate(value: object) -> object:
    if isinstance(value, str) and (match := _RATE.match(value)):
        return round(float(match[1]) * _RATE_UNITS[match[2]])
    return value


#: Bits a second; YAML may say ``5M`` or ``800k``.
BitRate = Annotated[int, BeforeValidator(_rate), Field(strict=True)]


class _Schema(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rung(_Schema):
    """One wanted quality, for a 16:9 picture.

    :param name: of the rendition and in its paths
    :param height: lines of a 16:9 picture, even; the short side of a portrait one
    :param bitrate: average, bits a second
    :param max_ratio: VBV peak rate over the average; Apple's authoring rules allow 2.0 for VOD
    :param buffer_ratio: VBV buffer over one second at the average rate
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    height: int = Field(ge=96, le=4320, multiple_of=2)
    bitrate: BitRate = Field(ge=50_000, le=200_000_000)
    max_ratio: float = Field(default=1.5, ge=1.0, le=2.0)
    buffer_ratio: float = Field(default=2.0, ge=0.5, le=4.0)
    h264_profile: Literal["baseline", "main", "high"] = "high"
    preset: Preset | None = Field(default=None, description="x264 preset; none means the profile's")


#: What mono tracks are to each other, see :mod:`vodflow.planning.mono_tracks`.
MonoTracks = Literal["auto", "pairs", "surround", "separate"]


class AudioSettings(_Schema):
    """The sound that goes with the pictures: AAC-LC stereo at 48 kHz.

    :param bitrate: bits a second beside high rungs
    :param low_bitrate: bits a second beside rungs of at most ``low_height``
    :param low_height: lines
    :param max_languages: most languages taken from the source; the main track is always one of them
    :param mono_tracks: which mono tracks are one sound: ``auto`` by labels and practice, ``pairs`` and ``surround``
        (L, R, C, LFE, Ls, Rs) by their order, ``separate`` none
    """

    bitrate: BitRate = Field(default=128_000, ge=32_000, le=512_000)
    low_bitrate: BitRate = Field(default=96_000, ge=32_000, le=512_000)
    low_height: int = Field(default=480, ge=0)
    max_languages: int = Field(default=8, ge=1, le=32)
    mono_tracks: MonoTracks = "auto"

    @model_validator(mode="after")
    def _order(self) -> AudioSettings:
        if self.low_bitrate > self.bitrate:
            raise ValueError("low_bitrate must not be above bitrate")
        return self


class ThumbnailSettings(_Schema):
    """Still pictures.

    :param size: pixels of the longer side, even
    :param interval: seconds between pictures; none means the setting ``thumbnail_interval``
    """

    size: int = Field(default=320, ge=32, le=3840, multiple_of=2)
    interval: float | None = Field(default=None, gt=0)


class Profile(_Schema):
    """What to make from any source.

    :param name: the file's stem
    :param engine: who encodes when the run does not say
    :param rungs: the ladder, highest first
    :param gop_duration: seconds between IDR pictures (Apple's authoring rules: 2)
    :param segment_duration: seconds; a whole number of GOPs
    :param preset: x264 preset of every rung that names none
    :param pod: with the Kubernetes engine, what the pods want otherwise than ours and the installation's template
    :param strategy: how an encode is divided; none means the setting
    :param access: who may fetch the outputs; none means what the tenant's configuration says, else everybody
    :param encryption: of the segments; none means in the clear
    :param source_headroom: no rung gets more than this many times the source's own rate, corrected for its codec and
        the rung's size; none means no such cap
    """

    name: str
    description: str = Field(min_length=1)
    engine: EngineName = EngineName.LOCAL
    rungs: tuple[Rung, ...] = Field(min_length=1, max_length=16)
    preset: Preset = "medium"
    gop_duration: float = Field(default=2.0, ge=0.5, le=10.0)
    segment_duration: float = Field(default=6.0, ge=1.0, le=30.0)
    hls_segments: Literal["fmp4", "ts"] = "fmp4"
    outputs: tuple[Output, ...] = Field(default=(Output.HLS, Output.DASH, Output.MP4), min_length=1)
    access: Access | None = None
    encryption: Encryption | None = None
    source_headroom: float | None = Field(default=2.0, ge=1.0)
    audio: AudioSettings = AudioSettings()
    thumbnails: ThumbnailSettings | None = ThumbnailSettings()
    pod: dict[str, Any] = Field(default_factory=dict)
    strategy: Literal["auto", "single", "renditions", "chunks"] | None = None

    @field_validator("engine", mode="before")
    @classmethod
    def _is_available(cls, value: object) -> EngineName:
        return available(str(value))

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        names = [rung.name for rung in self.rungs]
        if len(set(names)) != len(names):
            raise ValueError("rungs must have different names")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError("outputs must not repeat")
        for upper, lower in pairwise(self.rungs):
            if lower.height >= upper.height or lower.bitrate >= upper.bitrate:
                raise ValueError(
                    f"rungs must go from the highest to the lowest: {lower.name} must have fewer lines and "
                    f"fewer bits than {upper.name}"
                )
        access = self.access or Access.PUBLIC
        found = obstacles(access, self.encryption, self.outputs, self.hls_segments, self.segment_duration)
        if problem := next(found, None):
            raise ValueError(problem)
        gops = self.segment_duration / self.gop_duration
        if abs(gops - round(gops)) > 1e-9 or round(gops) < 1:
            raise ValueError("segment_duration must be a whole number of gop_duration")
        return self


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice (YAML itself forbids it; PyYAML keeps the last)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    "a mapping", node.start_mark, f"key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_profile(name: str, directory: Path | None = None) -> Profile:
    """The profile of that name.

    :param name: stem of a file in the profile folder
    :param directory: folder of profile files; none means the configured one
    :raises ProfileError: when there is no such profile, or it breaks the schema; the message names file, field, rule
    """
    folder = directory or profiles_dir()
    path = folder / f"{name}.yaml"
    if not _PROFILE_NAME.match(name) or not path.is_file():
        known = ", ".join(profile_names(folder)) or "none"
        raise ProfileError(f"There is no profile {name!r}. Known profiles: {known}.")
    return parse_profile(path.read_text(encoding="utf-8"), path)


def parse_profile(text: str, path: Path) -> Profile:
    """The profile that a YAML text describes; the file's stem is its name.

    :param path: where the text came from, for messages
    :raises ProfileError: naming file, field and rule
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    except yaml.YAMLError as error:
        raise ProfileError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ProfileError(f"{path} must hold one mapping with the keys description and rungs.")
    if "name" in document:
        raise ProfileError(f"{path}: name: must be left out; the file's name is the profile's name.")
    try:
        return Profile.model_validate({**document, "name": path.stem})
    except ValidationError as error:
        raise ProfileError(f"{path}: {_problems(error)}.") from error


def profile_names(directory: Path | None = None) -> tuple[str, ...]:
    """Names of all profiles in the folder, sorted."""
    paths = (directory or profiles_dir()).glob("*.yaml")
    return tuple(sorted(path.stem for path in paths if _PROFILE_NAME.match(path.stem)))


def profiles_dir() -> Path:
    """The configured folder of profiles, or the shipped one.

    In a wheel the shipped profiles lie inside the package, in a checkout beside it.

    :raises ProfileError: when the configured folder does not exist
    """
    configured = get_settings().profiles_dir
    if configured is not None:
        if not configured.is_dir():
            raise ProfileError(f"The profile folder {configured} does not exist. Correct VODFLOW_PROFILES_DIR.")
        return configured
    package = Path(__file__).resolve().parent.parent
    inside = package / "profiles"
    return inside if inside.is_dir() else package.parent / "profiles"


def _problems(error: ValidationError) -> str:
    found = error.errors()
    # A wrong item also makes its list too short in pydantic's eyes; the item is what a person wants to hear of.
    causes = [
        item
        for item in found
        if not any(other["loc"][: len(item["loc"])] == item["loc"] and other is not item for other in found)
    ]
    return "; ".join(f"{_field(item['loc'])}: {_rule(item)}" for item in causes)


def _rule(item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return "is not a known key"
    return item["msg"].removeprefix("Value error, ")


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "profile"

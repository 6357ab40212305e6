"""What MediaConvert can be told beyond the plan: how it encodes, protects and subtitles, and how the job is run.

Every default keeps a job in the Basic pricing tier where the source allows it, and makes what the local engine makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from vodflow.settings.status_interval import StatusInterval


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Loudness(_Value):
    """Loudness correction of all audio: a Professional add-on that is billed by the minute.

    :param target: LKFS; EBU R 128 asks for -23, streaming services for -14 to -16
    :param true_peak: dBTP that the limiter keeps to
    :param algorithm: edition of ITU-R BS.1770
    """

    target: float = Field(default=-23.0, ge=-59, le=0)
    true_peak: float = Field(default=-1.0, ge=-8, le=0)
    algorithm: Literal[1, 2, 3, 4] = 4


#: ``CaptionSourceType`` by suffix of a sidecar file (API reference, FileSourceSettings.SourceFile).
SIDECAR_TYPES: Final = {
    ".vtt": "WEBVTT",
    ".webvtt": "WEBVTT",
    ".srt": "SRT",
    ".ttml": "TTML",
    ".dfxp": "TTML",
    ".xml": "IMSC",
    ".scc": "SCC",
    ".stl": "STL",
    ".smi": "SMI",
}


class Captions(_Value):
    """One captions track: a sidecar file, or a text track inside the source.

    :param language: ISO 639 code, as in the plan's audio
    :param label: what players show; none means the language
    :param uri: ``s3://`` or ``https://`` of a sidecar file
    :param track: number of the captions track inside the source, from 1; for ``embedded`` the CEA-608 channel, 1 to 4
    :param track_format: of a track inside the source
    :param offset: milliseconds added to the times of a sidecar file
    :param accessibility: for the deaf and hard of hearing: describes sounds too
    """

    language: str = Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z-]+)?$")
    label: str | None = None
    uri: str | None = None
    track: int | None = Field(default=None, ge=1)
    track_format: Literal["imsc", "tt_3gpp", "embedded"] = "tt_3gpp"
    format: Literal["webvtt", "imsc"] = "webvtt"
    offset: int = 0
    accessibility: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.uri is None) == (self.track is None):
            raise ValueError("give exactly one of uri (sidecar file) and track (captions track inside the source)")
        if self.uri is not None and self.source_type not in SIDECAR_TYPES.values():
            raise ValueError(f"uri must end with one of {', '.join(SIDECAR_TYPES)}")
        if self.track_format == "embedded" and (self.track or 0) > 4:
            raise ValueError("track must be a CEA-608 channel, 1 to 4, for embedded captions")
        return self

    @property
    def source_type(self) -> str:
        """MediaConvert's name for the format of the source."""
        if self.uri is None:
            return self.track_format.upper()
        return SIDECAR_TYPES.get(PurePosixPath(self.uri.partition("?")[0]).suffix.lower(), "")


class StaticKey(_Value):
    """One key for everything, given by the caller; players fetch it from ``url``.

    :param key: 32 hex digits
    :param url: where players get the key
    :param method: ``aes_128`` for HLS in MPEG-TS only, ``sample_aes`` for any HLS, ``aes_ctr`` for CMAF only
    :param initialization_vector: 32 hex digits; none means MediaConvert's choice
    """

    kind: Literal["static"] = "static"
    key: SecretStr
    url: str
    method: Literal["aes_128", "sample_aes", "aes_ctr"] = "sample_aes"
    initialization_vector: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{32}$")
    key_format: str = "identity"
    key_format_versions: str = "1"

    @field_validator("key")
    @classmethod
    def _is_hex(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if len(key) != 32 or not set(key) <= set("0123456789abcdefABCDEF"):
            raise ValueError("must be 32 hex digits")
        return value


class Speke(_Value):
    """Keys from a DRM provider that speaks SPEKE.

    :param url: the provider's endpoint, or an API Gateway in front of it
    :param resource_id: the provider's content id
    :param hls_systems: DRM system ids signalled in HLS
    :param dash_systems: DRM system ids signalled in DASH
    :param certificate: ACM certificate for encrypted document keys
    :param video_preset: SPEKE 2.0 encryption contract of the video; needs ``audio_preset`` too
    """

    kind: Literal["speke"] = "speke"
    url: str = Field(pattern=r"^https://")
    resource_id: str = Field(pattern=r"^[\w-]+$")
    hls_systems: tuple[str, ...] = ()
    dash_systems: tuple[str, ...] = ()
    method: Literal["sample_aes", "aes_ctr"] = "sample_aes"
    certificate: str | None = None
    video_preset: str | None = None
    audio_preset: str | None = None

    @model_validator(mode="after")
    def _contract(self) -> Self:
        if not self.hls_systems and not self.dash_systems:
            raise ValueError("name at least one DRM system in hls_systems or dash_systems")
        if (self.video_preset is None) != (self.audio_preset is None):
            raise ValueError("give both video_preset and audio_preset (SPEKE 2.0), or neither")
        return self


Encryption = Annotated[StaticKey | Speke, Field(discriminator="kind")]


class Storage(_Value):
    """How output objects are stored.

    :param kms_key: ARN of a KMS key; none with ``encrypted`` means S3's own keys
    :param acl: canned ACL, for buckets of another account
    """

    encrypted: bool = False
    kms_key: str | None = None
    acl: Literal["PUBLIC_READ", "AUTHENTICATED_READ", "BUCKET_OWNER_READ", "BUCKET_OWNER_FULL_CONTROL"] | None = None
    storage_class: str | None = None


class OutputPreset(_Value):
    """A preset of the account, or one of AWS's, instead of our own settings of an output.

    :param overrides: settings of the output (``VideoDescription``, …) that win over the preset's
    """

    name: str = Field(min_length=1)
    overrides: Mapping[str, Any] = Field(default_factory=dict)


class EncodeOptions(_Value):
    """How MediaConvert encodes and packages a plan.

    :param rate_control: QVBR keeps to a quality below the rung's peak; VBR and CBR to the rung's average
    :param qvbr_quality: level by rendition name, 1 to 10; others by their height
    :param quality_tuning: ``multi_pass_hq`` is a Professional feature
    :param dash: ``cmaf`` shares segments with HLS, ``iso`` makes DASH segments of its own
    :param deinterlace: ``auto`` only when the source is interlaced, which needs the Professional tier
    :param audio_selection: ``language`` selects tracks by their language where it tells them apart
    :param tone_mapper: for HDR sources
    :param iframe_playlists: HLS I-frame playlists for trick play
    :param picture_quality: JPEG quality of thumbnails and poster, 1 to 100
    :param presets: by rendition name
    """

    rate_control: Literal["qvbr", "vbr", "cbr"] = "qvbr"
    qvbr_quality: Mapping[str, Annotated[float, Field(ge=1, le=10)]] = Field(default_factory=dict)
    quality_tuning: Literal["single_pass", "single_pass_hq", "multi_pass_hq"] = "single_pass_hq"
    dash: Literal["cmaf", "iso"] = "cmaf"
    deinterlace: Literal["auto", "never", "adaptive"] = "auto"
    audio_selection: Literal["track", "language"] = "track"
    tone_mapper: Literal["PRESERVE_DETAILS", "VIBRANT"] = "PRESERVE_DETAILS"
    iframe_playlists: bool = True
    picture_quality: int = Field(default=90, ge=1, le=100)
    loudness: Loudness | None = None
    captions: tuple[Captions, ...] = ()
    encryption: Encryption | None = None
    storage: Storage | None = None
    presets: Mapping[str, OutputPreset] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct_captions(self) -> Self:
        names = [item.language.lower() for item in self.captions]
        if len(set(names)) != len(names):
            raise ValueError("captions must be in different languages")
        return self


class Hop(_Value):
    """Another queue that takes the job over when it waits too long.

    :param priority: 0 to 100 there; none means the same
    """

    queue: str
    wait_minutes: int = Field(ge=1, le=4320)
    priority: int | None = Field(default=None, ge=0, le=100)


class JobTemplate(_Value):
    """A job template of the account.

    :param outputs: ``plan`` sends the plan's output groups, which win over the template's; ``template`` sends inputs
        only and leaves the outputs, and with them the layout, to the template
    """

    name: str = Field(min_length=1)
    outputs: Literal["plan", "template"] = "plan"


class JobOptions(_Value):
    """How one job is run.

    :param role: ARN of the IAM role that MediaConvert takes on to read the source and write the outputs
    :param job_id: the catalog's job
    :param attempt: which submission of the job this is, from 1; a new attempt is a new MediaConvert job
    :param queue: name or ARN; none means the account's default queue
    :param priority: 0 to 100, as everywhere in Vodflow
    :param acceleration: a Professional feature; ``preferred`` falls back where it cannot work
    :param status_interval: seconds between STATUS_UPDATE events
    :param tags: AWS tags of the job, also for billing
    :param metadata: further ``UserMetadata``
    :param overrides: a merge patch on the settings, applied last: objects merge, lists merge item by item, null removes
    """

    role: str = Field(pattern=r"^arn:aws(-[a-z-]+)?:iam::\d{12}:role/.+$")
    job_id: int = Field(gt=0)
    attempt: int = Field(default=1, ge=1)
    queue: str | None = None
    priority: int = Field(default=50, ge=0, le=100)
    hops: tuple[Hop, ...] = ()
    acceleration: Literal["disabled", "preferred", "enabled"] = "disabled"
    status_interval: StatusInterval = 60
    tags: Mapping[str, str] = Field(default_factory=dict)
    billing_tags: Literal["QUEUE", "PRESET", "JOB_TEMPLATE", "JOB"] = "JOB"
    metadata: Mapping[str, str] = Field(default_factory=dict)
    template: JobTemplate | None = None
    overrides: Mapping[str, Any] = Field(default_factory=dict)

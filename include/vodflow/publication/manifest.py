"""``manifest.json``: everything a client needs to know of one published video. See ``docs/manifest.md``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol
from urllib.parse import quote

from jsonschema import Draft202012Validator

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.contract.result import EngineResult
from vodflow.errors import PublicationError
from vodflow.settings import Settings, get_settings
from vodflow.verification.result import Verification

#: Raised when the meaning of an existing field changes; new fields do not raise it.
MANIFEST_SCHEMA_VERSION = 1


class PublishedJob(Protocol):
    """What the manifest takes from a job; the catalog's row has it."""

    @property
    def plan(self) -> TranscodePlan:
        """The plan that was carried out."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def bucket(self) -> str:
        """The media bucket."""

    @property
    def prefix(self) -> str:
        """Key prefix of the outputs, without a slash at the end."""

    @property
    def queued_at(self) -> datetime:
        """When the job was opened."""

    @property
    def encoded_at(self) -> datetime | None:
        """When the engine was done."""

    @property
    def verified_at(self) -> datetime | None:
        """When the outputs were found good."""

    @property
    def finished_at(self) -> datetime | None:
        """When the job was published."""


def bucket_url(bucket: str, settings: Settings | None = None) -> str:
    """The URL below which players find the objects of the media bucket, without a slash at the end.

    A CDN where one is set, otherwise the local endpoint (path style) or S3 itself (virtual-hosted style).
    """
    used = settings or get_settings()
    if used.public_base_url:
        return used.public_base_url.rstrip("/")
    if used.aws_endpoint_url:
        return f"{used.aws_endpoint_url.rstrip('/')}/{bucket}"
    return f"https://{bucket}.s3.{used.aws_region}.amazonaws.com"


def public_url(bucket: str, settings: Settings | None = None) -> str | None:
    """:func:`bucket_url` of a bucket that players may read; none of the private one, to which tokens are the way."""
    used = settings or get_settings()
    return None if bucket == used.protected_bucket else bucket_url(bucket, used)


def build_manifest(
    job: PublishedJob, verification: Verification, result: EngineResult, *, base_url: str | None = None
) -> dict[str, Any]:
    """The manifest as JSON-serialisable values: pure, so that writing it again writes the same bytes.

    Every object is named by its ``path``, relative to the manifest, and, with ``base_url``, also by its ``url``.

    :param base_url: URL that serves the bucket, see :func:`public_url`
    :raises PublicationError: when the result would break the manifest's schema
    """
    plan, names = job.plan, _Names(job.prefix, base_url)
    manifest: dict[str, Any] = {
        "schema_version": MANIFEST_SCHEMA_VERSION,
        "video": {"tenant": plan.tenant, "name": plan.video, "title": _title(plan.source.key)},
        "source": _source(plan),
        "plan": {"hash": plan.hash, "profile": plan.profile, "revision": plan.revision},
        "access": plan.access,
        "encryption": _encryption(plan),
        "engine": {
            "name": str(job.engine),
            "encode_seconds": result.encode_seconds,
            "cpu_seconds": result.cpu_seconds,
            "speed": result.speed,
        },
        "times": {
            "queued": _time(job.queued_at),
            "encoded": _time(job.encoded_at),
            "verified": _time(job.verified_at),
            "published": _time(job.finished_at),
        },
        "duration": verification.duration,
        "bytes": verification.bytes,
        "outputs": _outputs(plan, verification, names),
        "renditions": [_video(item, verification) for item in plan.renditions],
        "audio": [_audio(item, verification) for item in plan.audio],
        "poster": names.of(layout.POSTER) if plan.thumbnails else None,
        "thumbnails": _thumbnails(plan, verification, names),
        "warnings": [item.model_dump(mode="json") for item in plan.warnings],
        "verification": {"rules": list(verification.rules)},
        "objects": [
            {"path": item.name, "bytes": item.size, "crc32": item.checksum, "content_type": item.content_type}
            for item in sorted(result.objects, key=lambda item: item.name)
        ],
    }
    validate_manifest(manifest)
    return manifest


def validate_manifest(manifest: dict[str, Any]) -> None:
    """Hold a manifest against its schema.

    :raises PublicationError: naming the first field that breaks it
    """
    error = next(iter(manifest_validator().iter_errors(manifest)), None)
    if error is not None:
        field = "/".join(str(part) for part in error.absolute_path) or "(top)"
        raise PublicationError(f"The manifest's field {field} breaks its schema: {error.message}")


def manifest_schema() -> dict[str, Any]:
    """The JSON schema of manifests."""
    schema: dict[str, Any] = json.loads(
        files("vodflow.publication").joinpath("manifest.schema.json").read_text("utf-8")
    )
    return schema


@lru_cache(maxsize=1)
def manifest_validator() -> Draft202012Validator:
    """What holds a manifest against its schema."""
    return Draft202012Validator(manifest_schema())


class _Names:
    """Names objects for clients."""

    def __init__(self, prefix: str, base_url: str | None) -> None:
        self._base = f"{base_url.rstrip('/')}/{quote(prefix)}" if base_url else None

    def of(self, name: str) -> dict[str, Any]:
        return {"path": name, "url": f"{self._base}/{quote(name)}"} if self._base else {"path": name}


def _title(key: str) -> str:
    """What a person would call the video: the file's name without its suffix."""
    name = key.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] or name


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _source(plan: TranscodePlan) -> dict[str, Any]:
    video = plan.media.video
    return {
        "bucket": plan.source.bucket,
        "key": plan.source.key,
        "version": plan.source.version,
        "bytes": plan.source.size,
        "duration": plan.media.duration,
        "width": video.display_width,
        "height": video.display_height,
        "frame_rate": video.frame_rate,
        "codec": video.codec,
    }


def _encryption(plan: TranscodePlan) -> dict[str, Any] | None:
    used = plan.packaging.encryption
    return {"scheme": used.scheme, "systems": list(used.systems)} if used else None


def _outputs(plan: TranscodePlan, verification: Verification, names: _Names) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    if Output.HLS in plan.packaging.outputs:
        outputs["hls"] = names.of(layout.HLS_MASTER)
    if Output.DASH in plan.packaging.outputs:
        outputs["dash"] = names.of(layout.DASH_MANIFEST)
    if Output.MP4 in plan.packaging.outputs:
        outputs["mp4"] = [
            {
                "rendition": item.name,
                "bytes": verification.rendition(item.name).mp4_bytes,
                **names.of(layout.mp4_file(item)),
            }
            for item in plan.renditions
        ]
    return outputs


def _measured(name: str, verification: Verification) -> dict[str, Any]:
    found = verification.rendition(name)
    return {
        "name": name,
        "codec": found.codec,
        "bytes": found.bytes,
        "duration": found.duration,
        "segments": found.segments,
        "average_bitrate": found.average_bitrate,
        "peak_bitrate": found.peak_bitrate,
    }


def _video(rendition: VideoRendition, verification: Verification) -> dict[str, Any]:
    found = verification.rendition(rendition.name)
    size = {"width": found.width, "height": found.height, "frame_rate": found.frame_rate}
    return {**_measured(rendition.name, verification), **size, "bitrate": rendition.bitrate, "audio": rendition.audio}


def _audio(rendition: AudioRendition, verification: Verification) -> dict[str, Any]:
    found = verification.rendition(rendition.name)
    sound = {"channels": found.channels, "sample_rate": found.sample_rate, "language": rendition.language}
    return {**_measured(rendition.name, verification), **sound, "bitrate": rendition.bitrate}


def _thumbnails(plan: TranscodePlan, verification: Verification, names: _Names) -> dict[str, Any] | None:
    if plan.thumbnails is None:
        return None
    return {
        "interval": plan.thumbnails.interval,
        "width": plan.thumbnails.width,
        "height": plan.thumbnails.height,
        "images": [names.of(name) for name in verification.thumbnails],
    }

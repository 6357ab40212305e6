"""What a video's item says: from the catalog's state to plain attributes. Pure.

Every attribute is described in ``docs/metadata.md``. An attribute without a value is none here and removed from the
item; attributes of other writers are never touched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from vodflow.catalog.states import ArtifactKind, SourceStatus
from vodflow.contract import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vodflow.catalog.rows import JobRow, SourceRow
    from vodflow.catalog.video_states import PublicOutputs, VideoState

#: The attribute that orders updates.
VERSION: Final = "vodflow_version"

#: Raised when the meaning of an existing attribute changes; new attributes do not raise it.
SCHEMA_VERSION: Final = 1

#: Given up first when an item would be too large; what remains is what a player and an operator need.
EXPENDABLE: Final = ("renditions", "outputs", "error", "rejection", "unreadable")

_RUNG: Final = "video_"


def item(state: VideoState, base_url: str | None) -> dict[str, Any]:
    """Every attribute of the item but its key: text, numbers, lists and maps; none where there is no value.

    :param base_url: URL that serves the bucket of the outputs, see :func:`vodflow.publication.manifest.public_url`;
        none when nothing is public
    """
    return {
        VERSION: state.version,
        "schema_version": SCHEMA_VERSION,
        **_source(state.source),
        **_work(state.source, state.job),
        **_public(state.published, base_url),
    }


def key_values(source: SourceRow) -> dict[str, object]:
    """What a key's template may name, see :data:`vodflow.settings.key_attributes.PLACEHOLDERS`."""
    path = PurePosixPath(source.key)
    return {
        "tenant": source.tenant,
        "video": source.video_slug,
        "video_id": source.video_id,
        "bucket": source.bucket,
        "key": source.key,
        "name": path.name,
        "stem": path.stem,
    }


def _source(source: SourceRow) -> dict[str, Any]:
    info, unreadable = source.media_info, source.status == SourceStatus.UNREADABLE
    return {
        "tenant": source.tenant,
        "source_uri": f"s3://{source.bucket}/{source.key}",
        "source_version": source.version,
        "source_bytes": source.size_bytes,
        "duration": None if info is None else round(info.duration, 3),
        "width": None if info is None or info.video is None else info.video.display_width,
        "height": None if info is None or info.video is None else info.video.display_height,
        "registered_at": _time(source.registered_at),
        "rejection": _reason(source.rejection_reason, source.rejection_detail),
        "unreadable": _reason(source.unreadable_reason, source.unreadable_detail) if unreadable else None,
    }


def _reason(name: StrEnum | None, detail: str | None) -> dict[str, Any] | None:
    return None if name is None else {"reason": name.value, "detail": detail or ""}


def _work(source: SourceRow, job: JobRow | None) -> dict[str, Any]:
    if job is None:
        names = (
            "progress", "stage", "engine", "profile", "job_id", "external_id", "run_id", "plan_hash", "error",
            "queued_at", "started_at", "finished_at", "encode_seconds",
        )  # fmt: skip
        return {"status": source.status.value, **dict.fromkeys(names)}
    return {
        "status": job.status.value,
        "progress": round(job.progress, 1),
        "stage": job.stage,
        "engine": job.engine.value,
        "profile": job.profile,
        "job_id": job.id,
        "external_id": job.external_id,
        "run_id": job.run_id,
        "plan_hash": job.plan_hash,
        "error": _error(job),
        "queued_at": _time(job.queued_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "encode_seconds": job.encode_seconds,
    }


def _error(job: JobRow) -> dict[str, Any] | None:
    if job.error_class is None:
        return None
    return {
        "class": job.error_class.value,
        "code": job.error_code or "",
        "message": job.error_message or "",
        "retryable": bool(job.retryable),
    }


def _public(public: PublicOutputs | None, base_url: str | None) -> dict[str, Any]:
    if public is None:
        names = ("published_job_id", "published_at", "manifest_uri", "manifest_url", "outputs", "thumbnails")
        return dict.fromkeys((*names, "renditions", "published_duration"))
    url = f"{base_url}/{quote(public.prefix)}" if base_url else None
    return {
        "published_job_id": public.job_id,
        "published_at": _time(public.published_at),
        "published_duration": _longest(public),
        "manifest_uri": public.manifest_uri,
        "manifest_url": url and f"{url}/{layout.MANIFEST}",
        "outputs": _outputs(public, url),
        "thumbnails": _thumbnails(public, url),
        "renditions": {row["name"]: _rendition(row) for row in public.renditions},
    }


def _longest(public: PublicOutputs) -> float | None:
    return max((round(row["duration"], 3) for row in public.renditions if row["kind"] == "video"), default=None)


def _rendition(row: Any) -> dict[str, Any]:
    wanted = ("kind", "codec", "width", "height", "frame_rate", "channels", "measured_bitrate", "size_bytes")
    found = {name: row[name] for name in wanted if row[name] is not None}
    return {**found, "duration": round(row["duration"], 3)}


def _outputs(public: PublicOutputs, url: str | None) -> dict[str, Any]:
    """Paths by format and quality: ``{"hls": {"uri": …, "url": …, "qualities": {"1080p": "s3://…"}}}``."""
    found: dict[str, Any] = {}
    for row in public.artifacts:
        kind, path = ArtifactKind(row["kind"]), PurePosixPath(row["name"])
        if kind not in {ArtifactKind.HLS, ArtifactKind.DASH, ArtifactKind.MP4}:
            continue
        output = found.setdefault(kind.value, {})
        if row["name"] in {layout.HLS_MASTER, layout.DASH_MANIFEST}:
            output["uri"] = row["uri"]
            output |= {"url": f"{url}/{quote(row['name'])}"} if url else {}
        elif path.stem.startswith(_RUNG):
            output.setdefault("qualities", {})[path.stem.removeprefix(_RUNG)] = row["uri"]
        elif not path.stem.startswith("iframe_"):
            output.setdefault("audio", {})[path.stem] = row["uri"]
    return found


def _thumbnails(public: PublicOutputs, url: str | None) -> dict[str, Any] | None:
    """The poster, and the numbered pictures as a pattern with their count: a long video has thousands."""
    names = {row["name"] for row in public.artifacts}
    count = sum(_is_thumbnail(row) for row in public.artifacts)
    if layout.POSTER not in names and not count:
        return None
    base = f"s3://{public.bucket}/{public.prefix}"
    found: dict[str, Any] = {"count": count}
    if layout.POSTER in names:
        found["poster_uri"] = f"{base}/{layout.POSTER}"
        found |= {"poster_url": f"{url}/{layout.POSTER}"} if url else {}
    if count:
        found["pattern"] = f"{base}/{layout.THUMBNAIL_PATTERN}"
    return found


def _is_thumbnail(row: Any) -> bool:
    return ArtifactKind(row["kind"]) is ArtifactKind.THUMBNAIL and row["name"] != layout.POSTER


def without(attributes: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The same item with these attributes removed, and a note that it is not complete."""
    return {**attributes, **dict.fromkeys(names), "incomplete": True}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")

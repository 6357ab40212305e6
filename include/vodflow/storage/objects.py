"""Objects in S3: naming, resolving, listing and small writes.

Large transfers are in :mod:`vodflow.storage.download` and :mod:`vodflow.storage.upload`. Timeouts and retries of
every call come from :mod:`vodflow.storage.clients`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.contract import layout
from vodflow.contract.plan import SourceRef
from vodflow.contract.video_objects import NULL_VERSION
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client, signing_client
from vodflow.storage.faults import archived, storage_error

#: Storage classes, and access tiers of INTELLIGENT_TIERING, from which an object must be restored to be read.
ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One entry of a listing.

    :param size: bytes
    :param etag: unquoted
    :param version_id: none where the bucket keeps no versions
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None = None
    storage_class: str | None = None

    @property
    def version(self) -> str:
        """What identifies these bytes: the version id, or the ETag without versioning."""
        return self.version_id or self.etag


@dataclass(frozen=True)
class SourceObject:
    """One version of one object as S3 describes it.

    :param etag: unquoted
    :param metadata: the uploader's own, names in lower case
    :param content_type: as the uploader said
    :param seen_at: when this was the current version; none when another one may be
    :param archived: one sentence on where it lies, when nobody can read it there
    """

    ref: SourceRef
    etag: str
    last_modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    seen_at: datetime | None = None
    archived: str | None = None
    content_type: str | None = None

    @property
    def listed(self) -> ListedObject:
        """The same as an entry of a listing."""
        return ListedObject(self.ref.key, self.ref.size, self.etag, self.last_modified, self.ref.version_id)


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``; the key is taken as it stands, without URL decoding.

    :raises ConfigurationError: when it is no URI of an object
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.lower() != "s3":
        raise ConfigurationError(f"{uri!r} is not an S3 URI; write s3://bucket/key.")
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise ConfigurationError(f"{uri!r} names no bucket; write s3://bucket/key.")
    if not key or key.endswith("/"):
        raise ConfigurationError(f"{uri!r} names no object, only a bucket or folder; write s3://bucket/key.")
    return bucket, key


def resolve_source(
    bucket: str, key: str, version_id: str | None = None, *, settings: Settings | None = None
) -> SourceObject:
    """The current version of an object, or the one given, pinned so that its bytes can be named for ever.

    :raises SourceNotFound: when there is no such object or version
    :raises ConfigurationError: when S3 refuses access
    """
    pinned = {"VersionId": version_id} if version_id else {}
    looked = datetime.now(UTC)
    try:
        head = s3_client(settings).head_object(Bucket=bucket, Key=key, **pinned)  # type: ignore[arg-type]
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "read", f"s3://{bucket}/{key}") from error
    etag = head["ETag"].strip('"')
    found = head.get("VersionId")
    version = found if found and found != NULL_VERSION else None
    ref = SourceRef(
        bucket=bucket, key=key, version=version or etag, version_id=version, size=int(head["ContentLength"])
    )
    metadata = {name.lower(): value for name, value in head.get("Metadata", {}).items()}
    tier, restore = head.get("ArchiveStatus") or head.get("StorageClass", ""), head.get("Restore", "")
    away = tier in ARCHIVES and 'ongoing-request="false"' not in restore
    return SourceObject(
        ref=ref,
        etag=etag,
        last_modified=head["LastModified"],
        metadata=metadata,
        seen_at=None if version_id else looked,
        archived=archived(ref.uri, tier, restoring=bool(restore)) if away else None,
        content_type=head.get("ContentType"),
    )


def pin(ref: SourceRef) -> dict[str, str]:
    """GetObject arguments that make S3 answer with this version's bytes or not at all."""
    return {"VersionId": ref.version_id} if ref.version_id else {"IfMatch": f'"{ref.version}"'}


def readable_url(ref: SourceRef) -> str | None:
    """A URL that reads this version for an hour; none when it is gone, overwritten, archived or cannot be read now."""
    try:
        found = resolve_source(ref.bucket, ref.key, ref.version_id)
    except VodflowError:
        return None
    return presigned_get(ref) if found.ref.version == ref.version and not found.archived else None


def presigned_get(ref: SourceRef, seconds: int = 3600) -> str:
    """A URL that reads this version for ``seconds`` without credentials.

    Without bucket versioning the URL reads whatever is current: a signed ``If-Match`` would have to be sent by
    the reader, and ffprobe sends none.
    """
    arguments = {"Bucket": ref.bucket, "Key": ref.key}
    if ref.version_id:
        arguments["VersionId"] = ref.version_id
    return signing_client().generate_presigned_url("get_object", Params=arguments, ExpiresIn=seconds)


def iterate_objects(bucket: str, prefix: str = "", *, settings: Settings | None = None) -> Iterator[list[ListedObject]]:
    """A bucket's objects, one page (up to 1,000) at a time, in key order; memory does not grow with the bucket.

    :raises SourceNotFound: when there is no such bucket
    """
    pages = s3_client(settings).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            yield [listed(item) for item in page.get("Contents", ())]
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "list", f"s3://{bucket}/{prefix}") from error


def listed(item: Mapping[str, Any]) -> ListedObject:
    """An entry of a page of ListObjectsV2 or, with its version, of ListObjectVersions."""
    version = item.get("VersionId")
    return ListedObject(
        item["Key"],
        item["Size"],
        item["ETag"].strip('"'),
        item["LastModified"],
        None if version == NULL_VERSION else version,
        item.get("StorageClass"),
    )


def list_objects(bucket: str, prefix: str, *, settings: Settings | None = None) -> dict[str, int]:
    """Sizes in bytes of all objects below ``prefix``, by their path below it (``hls/master.m3u8``)."""
    base = f"{prefix.rstrip('/')}/" if prefix else ""
    pages = iterate_objects(bucket, base, settings=settings)
    return {item.key.removeprefix(base): item.size for page in pages for item in page}


def put_json(bucket: str, key: str, value: Any) -> None:
    """Write a JSON document with the content type and cache lifetime of manifests."""
    body = json.dumps(value, indent=2, ensure_ascii=False).encode()
    try:
        s3_client().put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=layout.CONTENT_TYPES[".json"],
            CacheControl=get_settings().manifest_cache_control,
            ChecksumAlgorithm="CRC32",
        )
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "write", f"s3://{bucket}/{key}") from error

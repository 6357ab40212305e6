"""What lies in a bucket now, page by page: the newest version of each key and its identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.sensing.notices import NULL_VERSION
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import iterate_objects


@dataclass(frozen=True, slots=True)
class FoundObject:
    """The newest version of one key.

    :param size: bytes
    :param etag: unquoted
    :param version_id: none where the bucket keeps no versions
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None = None

    @property
    def version(self) -> str:
        """What identifies these bytes: the version id, or the ETag without versioning."""
        return self.version_id or self.etag


def newest_objects(bucket: str, prefix: str, *, settings: Settings | None = None) -> Iterator[list[FoundObject]]:
    """The newest version of every key below ``prefix``, a page (up to 1,000 entries) at a time.

    A plain listing does not tell version ids, so a bucket that has versioning is listed by versions.

    :raises SourceNotFound: when there is no such bucket
    :raises ConfigurationError: when S3 refuses access
    """
    if _keeps_versions(bucket, settings):
        yield from _newest_versions(bucket, prefix, settings)
        return
    for page in iterate_objects(bucket, prefix, settings=settings):
        yield [FoundObject(item.key, item.size, item.etag, item.last_modified) for item in page]


def _keeps_versions(bucket: str, settings: Settings | None) -> bool:
    try:
        # Empty for a bucket that never had it; a suspended one still holds versions.
        return bool(s3_client(settings).get_bucket_versioning(Bucket=bucket).get("Status"))
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "read the versioning of", f"s3://{bucket}") from error


def _newest_versions(bucket: str, prefix: str, settings: Settings | None) -> Iterator[list[FoundObject]]:
    pages = s3_client(settings).get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            yield [
                FoundObject(
                    item["Key"],
                    item["Size"],
                    item["ETag"].strip('"'),
                    item["LastModified"],
                    None if item["VersionId"] == NULL_VERSION else item["VersionId"],
                )
                for item in page.get("Versions", ())
                if item["IsLatest"]
            ]
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "list", f"s3://{bucket}/{prefix}") from error

"""What lies in a bucket now, page by page: the newest version of each key and its identity."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.settings import Settings
from vodflow.storage.clearing import keeps_versions
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import ListedObject, iterate_objects, listed


def newest_objects(bucket: str, prefix: str, *, settings: Settings | None = None) -> Iterator[list[ListedObject]]:
    """The newest version of every key below ``prefix``, a page (up to 1,000 entries) at a time.

    A plain listing does not tell version ids, so a bucket that has versioning is listed by versions.

    :raises SourceNotFound: when there is no such bucket
    :raises ConfigurationError: when S3 refuses access
    """
    if keeps_versions(bucket, settings):
        yield from _newest_versions(bucket, prefix, settings)
    else:
        yield from iterate_objects(bucket, prefix, settings=settings)


def _newest_versions(bucket: str, prefix: str, settings: Settings | None) -> Iterator[list[ListedObject]]:
    pages = s3_client(settings).get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            yield [listed(item) for item in page.get("Versions", ()) if item["IsLatest"]]
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "list", f"s3://{bucket}/{prefix}") from error

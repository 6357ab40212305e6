"""Removing what is in S3, in all its versions: of a place, or of keys. What is gone already is no error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error

#: Objects that one request removes at most (S3's API reference, DeleteObjects).
_BATCH: Final = 1000


def keeps_versions(bucket: str, settings: Settings | None) -> bool:
    """Whether a bucket holds versions; a suspended one still does.

    :raises SourceNotFound: when there is no such bucket
    :raises ConfigurationError: when S3 refuses access
    """
    try:
        return bool(s3_client(settings).get_bucket_versioning(Bucket=bucket).get("Status"))
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "read the versioning of", f"s3://{bucket}") from error


def clear_place(bucket: str, prefix: str, settings: Settings, *, whole: bool = False) -> int:
    """Remove every object below a prefix, and give up uploads that are open there; returns how many objects.

    :param whole: an empty prefix is meant: everything in the bucket
    :raises ValueError: there is no prefix, or it ends within a name
    :raises VodflowError: S3 does not answer or refuses; run it again
    """
    if not prefix.endswith("/") and not (whole and not prefix):
        raise ValueError(f"s3://{bucket}/{prefix} is no place to be cleared: it does not end with a slash")
    removed = sum(_remove(bucket, page, settings) for page in _stored(bucket, prefix, settings))
    _abort(bucket, prefix, settings)
    return removed


def keys_below(bucket: str, prefix: str, settings: Settings) -> set[str]:
    """Keys below a prefix of which anything is stored, an old version too. Whoever may clear may ask.

    :raises VodflowError: S3 does not answer or refuses
    """
    return {entry["Key"] for page in _stored(bucket, prefix, settings) for entry in page}


def clear_keys(bucket: str, keys: Iterable[str], settings: Settings) -> int:
    """Remove objects by their keys; returns how many keys there were.

    :raises VodflowError: S3 does not answer or refuses; run it again
    """
    versioned, removed = keeps_versions(bucket, settings), 0
    for some in _batches(keys):
        entries = [{"Key": key} for key in some]
        if versioned:
            entries = [
                one for key in some for page in _stored(bucket, key, settings) for one in page if one["Key"] == key
            ]
        _remove(bucket, entries, settings)
        removed += len(some)
    return removed


def _stored(bucket: str, prefix: str, settings: Settings) -> Iterator[list[dict[str, str]]]:
    """Every version and every mark of a deletion, page by page."""
    pages = s3_client(settings).get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "list", f"s3://{bucket}/{prefix}") from error


def _remove(bucket: str, entries: Sequence[dict[str, str]], settings: Settings) -> int:
    for some in _batches(entries):
        batch: Any = {"Objects": some, "Quiet": True}
        try:
            answer = s3_client(settings).delete_objects(Bucket=bucket, Delete=batch)
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "remove objects of", f"s3://{bucket}") from error
        for failed in answer.get("Errors", ()):
            refusal = ClientError({"Error": {"Code": failed.get("Code", "")}}, "DeleteObjects")
            raise storage_error(refusal, "remove", f"s3://{bucket}/{failed.get('Key')}")
    return len(entries)


def _abort(bucket: str, prefix: str, settings: Settings) -> None:
    client = s3_client(settings)
    try:
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Uploads", ()):
                client.abort_multipart_upload(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "give up uploads below", f"s3://{bucket}/{prefix}") from error


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    held: list[Any] = []
    for item in items:
        held.append(item)
        if len(held) == _BATCH:
            yield held
            held = []
    if held:
        yield held

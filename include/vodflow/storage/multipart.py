"""Multipart uploads that live longer than one process: begun, looked at, completed and aborted by their id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error


@dataclass(frozen=True, slots=True)
class Part:
    """A part that S3 has.

    :param number: from 1
    :param size: bytes
    :param crc32: base64; none where it was sent without
    """

    number: int
    size: int
    etag: str
    crc32: str | None = None


class NoSuchUpload(SourceNotFound):
    """The multipart upload was completed or aborted, or S3 has removed it."""


def begin(
    bucket: str, key: str, *, content_type: str, metadata: Mapping[str, str], checksums: bool, settings: Settings
) -> str:
    """Begin an upload in parts, and return S3's id of it.

    :param checksums: whether every part must come with its CRC-32
    """
    sums: dict[str, Any] = {"ChecksumAlgorithm": "CRC32"} if checksums else {}
    with _faults("upload", bucket, key):
        answer = s3_client(settings).create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=content_type, Metadata=metadata, **sums
        )
    return answer["UploadId"]


def received(bucket: str, key: str, multipart_id: str, settings: Settings) -> list[Part]:
    """The parts that S3 has, by number.

    :raises NoSuchUpload: it is over
    """
    pages = s3_client(settings).get_paginator("list_parts")
    with _faults("look at the upload of", bucket, key):
        return [
            Part(one["PartNumber"], one["Size"], one["ETag"], one.get("ChecksumCRC32"))
            for page in pages.paginate(Bucket=bucket, Key=key, UploadId=multipart_id)
            for one in page.get("Parts", ())
        ]


def put_part(bucket: str, key: str, multipart_id: str, number: int, body: bytes, settings: Settings) -> None:
    """Send one part, with a checksum that S3 compares.

    :raises NoSuchUpload: it is over
    """
    with _faults("upload", bucket, key):
        s3_client(settings).upload_part(
            Bucket=bucket, Key=key, UploadId=multipart_id, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32"
        )


def complete(bucket: str, key: str, multipart_id: str, parts: Sequence[Part], settings: Settings) -> None:
    """Make the object of its parts.

    :raises NoSuchUpload: it is over: completed by somebody else, perhaps
    """
    named: list[Any] = [
        {"PartNumber": part.number, "ETag": part.etag} | ({"ChecksumCRC32": part.crc32} if part.crc32 else {})
        for part in parts
    ]
    with _faults("complete the upload of", bucket, key):
        s3_client(settings).complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=multipart_id, MultipartUpload={"Parts": named}
        )


def abort(bucket: str, key: str, multipart_id: str, settings: Settings) -> None:
    """Forget the upload and its parts. Safe to run twice, and where the bucket is gone."""
    with suppress(SourceNotFound), _faults("abort the upload of", bucket, key):
        s3_client(settings).abort_multipart_upload(Bucket=bucket, Key=key, UploadId=multipart_id)


@contextmanager
def _faults(action: str, bucket: str, key: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        uri = f"s3://{bucket}/{key}"
        if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "NoSuchUpload":
            raise NoSuchUpload(f"The upload of {uri} is over, or was removed by S3.", code="NoSuchUpload") from error
        raise storage_error(error, action, uri) from error

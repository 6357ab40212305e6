"""Addresses that let somebody else send bytes to S3 for a while, and nothing but the bytes that were agreed on.

Size, type, metadata and checksum are headers that the signature covers: S3 refuses a request that has others
(AWS Signature Version 4, "Authenticating requests: using query parameters", ``X-Amz-SignedHeaders``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.settings import Settings
from vodflow.storage.clients import signing_client
from vodflow.storage.faults import storage_error


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request that S3 takes from whoever sends it.

    :param headers: to be sent as they are; ``Content-Length``, which every sender adds by itself, is left out
    :param size: bytes that its body must have
    """

    method: str
    url: str
    headers: Mapping[str, str]
    size: int
    expires_at: datetime


def sign_put(
    bucket: str,
    key: str,
    size: int,
    *,
    content_type: str,
    metadata: Mapping[str, str],
    crc32: str | None,
    replaces: str | None,
    seconds: float,
    settings: Settings,
) -> SignedRequest:
    """A request that puts an object of exactly this size and type.

    :param size: bytes
    :param crc32: base64 of the CRC-32 of its bytes, which S3 compares; none means that nobody does
    :param replaces: ETag of the object that it takes the place of; none where there must be none. So it is good for
        one write, however long the address lives
    :param seconds: for which it is good
    """
    headers = {"Content-Type": content_type} | {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    arguments: dict[str, Any] = {"ContentType": content_type, "Metadata": dict(metadata), "ContentLength": size}
    if crc32 is not None:
        headers["x-amz-checksum-crc32"] = arguments["ChecksumCRC32"] = crc32
    if replaces is None:
        headers["If-None-Match"] = arguments["IfNoneMatch"] = "*"
    else:
        headers["If-Match"] = arguments["IfMatch"] = f'"{replaces}"'
    return _signed("put_object", bucket, key, size, headers, arguments, seconds, settings)


def sign_part(
    bucket: str,
    key: str,
    multipart_id: str,
    number: int,
    size: int,
    *,
    crc32: str | None,
    seconds: float,
    settings: Settings,
) -> SignedRequest:
    """A request that sends one part of exactly this size.

    :param number: from 1
    :param size: bytes
    :param crc32: base64 of the CRC-32 of its bytes; for uploads that were begun with checksums, and only for those
    :param seconds: for which it is good
    """
    arguments: dict[str, Any] = {"UploadId": multipart_id, "PartNumber": number, "ContentLength": size}
    headers = {}
    if crc32 is not None:
        headers["x-amz-checksum-crc32"] = arguments["ChecksumCRC32"] = crc32
    return _signed("upload_part", bucket, key, size, headers, arguments, seconds, settings)


def _signed(
    operation: str,
    bucket: str,
    key: str,
    size: int,
    headers: Mapping[str, str],
    arguments: Mapping[str, Any],
    seconds: float,
    settings: Settings,
) -> SignedRequest:
    expires_at = datetime.now(UTC) + timedelta(seconds=int(seconds))
    try:
        url = signing_client(settings).generate_presigned_url(
            operation, Params={"Bucket": bucket, "Key": key, **arguments}, ExpiresIn=int(seconds)
        )
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "sign a request for", f"s3://{bucket}/{key}") from error
    return SignedRequest("PUT", url, headers, size, expires_at)

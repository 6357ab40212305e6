"""Copies within one bucket, made by S3 itself: no byte passes through this machine."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.contract import layout
from vodflow.contract.result import OutputObject
from vodflow.errors import SourceNotFound
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.upload import cache_control

#: Bytes up to which S3 copies an object in one request (CopyObject, API reference).
LARGEST_COPY: Final = 5 * 1024**3
#: Bytes of a part of a larger copy.
_PART: Final = 512 * 1024**2
#: Keys that one DeleteObjects request takes.
_DELETE_BATCH: Final = 1000

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Outputs:
    """The objects below one job's prefix, as somebody who rearranges them sees them.

    :param stored: further arguments of every object that is written, for example its storage class
    """

    bucket: str
    prefix: str
    settings: Settings | None = None
    stored: Mapping[str, Any] | None = None

    def copy(self, names: Mapping[str, str], sizes: Mapping[str, int]) -> list[OutputObject]:
        """Copy objects to their new names, with the headers of outputs; one to its own name gets the headers.

        :param names: old name → new name, below the prefix
        :param sizes: bytes by new name
        :raises SourceNotFound: when an object is gone
        :raises EngineError: when S3 does not answer (retryable)
        """
        return self._all(lambda pair: self._copy(*pair, sizes[pair[1]]), names.items())

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Whole small objects by name.

        :raises SourceNotFound: when one is gone
        :raises EngineError: when S3 does not answer (retryable)
        """
        listed = list(names)
        return dict(zip(listed, self._all(self._read, listed), strict=True))

    def unchanged(self, wanted: Mapping[str, Collection[str]]) -> set[str]:
        """Names of the objects that are there with a checksum that they may have.

        :param wanted: name → base64 of CRC-32 values, see :attr:`~vodflow.contract.result.OutputObject.checksums`
        :raises EngineError: when S3 does not answer (retryable)
        """
        stated = dict(zip(wanted, self._all(self._stated, wanted), strict=True))
        return {name for name, checksums in wanted.items() if stated[name] in checksums}

    def write(self, name: str, body: bytes) -> OutputObject:
        """Write a small object with the headers of outputs, checked by its CRC-32.

        :raises EngineError: when S3 does not take it
        """
        checksum = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        try:
            s3_client(self.settings).put_object(
                Bucket=self.bucket, Key=self._key(name), Body=body, **self._headers(name), ChecksumCRC32=checksum
            )
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "write", self._uri(name)) from error
        return OutputObject(name=name, size=len(body), checksum=checksum, content_type=layout.content_type(name))

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; one that is gone already is no error.

        :raises EngineError: when S3 does not answer or refuses one
        """
        listed = [{"Key": self._key(name)} for name in names]
        for start in range(0, len(listed), _DELETE_BATCH):
            batch: Any = {"Objects": listed[start : start + _DELETE_BATCH], "Quiet": True}
            try:
                answer = s3_client(self.settings).delete_objects(Bucket=self.bucket, Delete=batch)
            except (ClientError, BotoCoreError) as error:
                raise storage_error(error, "remove objects below", self._uri("")) from error
            for failed in answer.get("Errors", ()):
                refusal = ClientError({"Error": {"Code": failed.get("Code", "")}}, "DeleteObjects")
                raise storage_error(refusal, "remove", f"s3://{self.bucket}/{failed.get('Key')}")

    def _copy(self, old: str, new: str, size: int) -> OutputObject:
        client = s3_client(self.settings)
        source: Any = {"Bucket": self.bucket, "Key": self._key(old)}
        extra = {**self._headers(new), "MetadataDirective": "REPLACE", "ChecksumAlgorithm": "CRC32"}
        checksum = None
        try:
            if size <= LARGEST_COPY:
                answer = client.copy_object(Bucket=self.bucket, Key=self._key(new), CopySource=source, **extra)
                checksum = answer["CopyObjectResult"].get("ChecksumCRC32")
            else:
                limits = TransferConfig(multipart_threshold=LARGEST_COPY, multipart_chunksize=_PART)
                client.copy(source, self.bucket, self._key(new), ExtraArgs=extra, Config=limits)
            checksum = checksum or self._stored_checksum(new)
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "copy", self._uri(old)) from error
        return OutputObject(name=new, size=size, checksum=checksum, content_type=layout.content_type(new))

    def _stored_checksum(self, name: str) -> str | None:
        head = s3_client(self.settings).head_object(Bucket=self.bucket, Key=self._key(name), ChecksumMode="ENABLED")
        # A checksum of parts says nothing about the whole.
        return head.get("ChecksumCRC32") if head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" else None

    def _stated(self, name: str) -> str | None:
        client = s3_client(self.settings)
        try:
            head = client.head_object(Bucket=self.bucket, Key=self._key(name), ChecksumMode="ENABLED")
        except (ClientError, BotoCoreError) as error:
            failure = storage_error(error, "read", self._uri(name))
            if isinstance(failure, SourceNotFound):
                return None
            raise failure from error
        return head.get("ChecksumCRC32")

    def _read(self, name: str) -> bytes:
        try:
            return s3_client(self.settings).get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "read", self._uri(name)) from error

    def _all(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        used = self.settings or get_settings()
        with ThreadPoolExecutor(used.upload_concurrency, thread_name_prefix="vodflow-copy") as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _headers(self, name: str) -> dict[str, Any]:
        used = self.settings or get_settings()
        return {
            "ContentType": layout.content_type(name),
            "CacheControl": cache_control(name, used),
            **(self.stored or {}),
        }

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

"""Where verification reads from: S3, or a folder of this machine with the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import list_objects


class ObjectStore(Protocol):
    """What verification needs of an object store."""

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Bytes of every object below ``prefix``, by its name relative to ``prefix``."""

    def read(self, bucket: str, key: str, start: int = 0, length: int | None = None) -> bytes:
        """``length`` bytes from ``start`` (fewer at the end of the object), or all that follow.

        :raises FileNotFoundError: when there is no such object
        """

    def uri(self, bucket: str, key: str) -> str:
        """How messages name an object."""


def join_key(prefix: str, name: str) -> str:
    """``prefix/name``, or ``name`` at the top."""
    return f"{prefix.rstrip('/')}/{name}" if prefix.rstrip("/") else name


class S3Store:
    """Reads from S3 with the project's client settings (timeouts, retries, endpoint)."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Lists page by page."""
        return list_objects(bucket, prefix, settings=self._settings)

    def read(self, bucket: str, key: str, start: int = 0, length: int | None = None) -> bytes:
        """One ranged GetObject."""
        extra = {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"} if start or length else {}
        try:
            answer = s3_client(self._settings).get_object(Bucket=bucket, Key=key, **extra)  # type: ignore[arg-type]
            return answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise FileNotFoundError(self.uri(bucket, key)) from error
            if error.response["Error"]["Code"] in {"InvalidRange", "416"}:
                return b""
            raise storage_error(error, "read", self.uri(bucket, key)) from error
        except BotoCoreError as error:
            raise storage_error(error, "read", self.uri(bucket, key)) from error

    def uri(self, bucket: str, key: str) -> str:
        """``s3://bucket/key``."""
        return f"s3://{bucket}/{key}"


class DirectoryStore:
    """Reads from ``root/bucket/key``; an empty bucket means the root itself."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Every file, at any depth."""
        base = self._root / bucket / prefix
        return {path.relative_to(base).as_posix(): path.stat().st_size for path in base.rglob("*") if path.is_file()}

    def read(self, bucket: str, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Reads a part of the file."""
        with (self._root / bucket / key).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def uri(self, bucket: str, key: str) -> str:
        """The file's path."""
        return str(self._root / bucket / key)

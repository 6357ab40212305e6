"""Upload of one large file: in parts where it is large, every byte covered by a CRC-32 that S3 checks."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, SourceNotFound
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import SourceObject, resolve_source
from vodflow.storage.transfers import put_file
from vodflow.storage.upload import Checksums, checksums

#: S3's limits (user guide, "Amazon S3 multipart upload limits"): parts of one upload, and bytes of one object.
MAX_PARTS: Final = 10_000
MAX_SIZE: Final = 5 * 1024**4

_PART_SIZE: Final = 16 * 1024**2
_MEBIBYTE: Final = 1024**2


def part_size(size: int, wanted: int = _PART_SIZE) -> int:
    """Bytes of one part of an upload of ``size`` bytes: as wanted, or more where 10,000 such parts do not suffice."""
    needed = -(-size // MAX_PARTS)
    return max(wanted, -(-needed // _MEBIBYTE) * _MEBIBYTE)


def send_file(
    path: Path,
    bucket: str,
    key: str,
    *,
    metadata: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
) -> tuple[SourceObject, bool]:
    """Upload a file, unless the same bytes with the same metadata lie there already.

    :param metadata: user metadata of the object
    :param progress: called with the bytes sent so far, from several threads
    :return: the object, pinned to its version, and whether it was sent now
    :raises ConfigurationError: it is no file, is too large for S3, or S3 refuses
    :raises EngineError: S3 does not take it, or stored something else; trying again can help
    :raises EngineCanceled: ``cancel`` was set; the parts sent are discarded
    """
    used = settings or get_settings()
    size = _checked_size(path)
    sending = _Sending(path, bucket, key, dict(metadata or {}), progress, cancel, used, size)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        # The file is read beside the transfer; S3 compares what arrives, this compares what was meant.
        sums = pool.submit(checksums, path, part_size(size), stop)
        try:
            if (found := sending.already_there(sums.result)) is not None:
                return found, False
            sending.send()
            return sending.stored(sums.result()), True
        finally:
            stop.set()  # whoever is interrupted does not wait until a large file is read


def _checked_size(path: Path) -> int:
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist, or is no file"
        raise ConfigurationError(f"{path} {kind}; give a video file.")
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if size > MAX_SIZE:
        raise ConfigurationError(f"{path} has {size} bytes; an object in S3 holds at most {MAX_SIZE}.")
    return size


class _Sending:
    def __init__(
        self,
        path: Path,
        bucket: str,
        key: str,
        metadata: dict[str, str],
        progress: Callable[[int], None] | None,
        cancel: threading.Event | None,
        settings: Settings,
        size: int,
    ) -> None:
        self._path, self._bucket, self._key, self._metadata = path, bucket, key, metadata
        self._progress, self._cancel, self._settings, self._size = progress, cancel, settings, size
        self._sent = 0
        self._lock = threading.Lock()
        self._uri = f"s3://{bucket}/{key}"

    def already_there(self, sums: Callable[[], Checksums]) -> SourceObject | None:
        """The object, when it is the same; its checksum is only asked for when its size is."""
        try:
            found = resolve_source(self._bucket, self._key, settings=self._settings)
        except SourceNotFound:
            return None
        if found.ref.size != self._size or dict(found.metadata) != self._metadata:
            return None
        stored = self._head(found).get("ChecksumCRC32")
        return found if stored is not None and stored in {sums().whole, sums().composite} else None

    def send(self) -> None:
        """Send it; boto3 aborts the multipart upload when anything fails."""
        size = part_size(self._size)
        try:
            put_file(
                s3_client(self._settings),
                self._path,
                self._bucket,
                self._key,
                {
                    "ContentType": mimetypes.guess_type(self._path.name)[0] or "application/octet-stream",
                    "Metadata": self._metadata,
                    "ChecksumAlgorithm": "CRC32",
                },
                progress=self._count,
                config=TransferConfig(
                    multipart_threshold=size,
                    multipart_chunksize=size,
                    max_concurrency=self._settings.upload_concurrency,
                ),
            )
        except (ClientError, BotoCoreError) as error:
            self._check_canceled()
            raise storage_error(error, "upload", self._uri) from error
        except OSError as error:
            raise EngineError(f"Could not read {self._path}: {error}", code="read") from error

    def stored(self, sums: Checksums) -> SourceObject:
        """What lies there now, held against the file."""
        found = resolve_source(self._bucket, self._key, settings=self._settings)
        stored = self._head(found).get("ChecksumCRC32")
        if found.ref.size != self._size or (stored is not None and stored not in {sums.whole, sums.composite}):
            raise EngineError(
                f"{self._uri} is not what was sent: {found.ref.size} bytes with CRC-32 {stored}, not {self._size} with "
                f"{sums.whole}. Did the file change, or did somebody write the same key? Upload it again.",
                code="checksum",
            )
        return found

    def _head(self, found: SourceObject) -> dict[str, Any]:
        pinned = {"VersionId": found.ref.version_id} if found.ref.version_id else {}
        try:
            return dict(
                s3_client(self._settings).head_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    ChecksumMode="ENABLED",
                    **pinned,  # type: ignore[arg-type]
                )
            )
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "read", self._uri) from error

    def _count(self, size: int) -> None:
        self._check_canceled()
        with self._lock:
            self._sent += size
            if self._progress is not None:
                self._progress(self._sent)

    def _check_canceled(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise EngineCanceled(f"Upload to {self._uri} was cancelled.")

"""Upload of a folder: parallel, multipart where large, every byte covered by a CRC-32 that S3 checks."""

from __future__ import annotations

import base64
import logging
import threading
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.contract import layout
from vodflow.contract.result import OutputObject
from vodflow.errors import EngineCanceled, EngineError
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.transfers import put_file

log = logging.getLogger(__name__)

#: Bytes from which a file goes up in parts, and the size of a part.
PART_SIZE = 16 * 1024**2
#: What names everything else goes up last, so that a reader never meets a name without its object.
_LAST = (layout.HLS_MASTER, layout.DASH_MANIFEST, layout.MANIFEST)


def upload_order(names: Iterable[str]) -> list[list[str]]:
    """Names in the phases in which they go up: media and pictures, then media playlists, then what names those."""
    phases: list[list[str]] = [[], [], []]
    for name in sorted(names):
        phases[2 if name in _LAST else 1 if layout.is_manifest(name) else 0].append(name)
    return [phase for phase in phases if phase]


def cache_control(name: str, settings: Settings) -> str:
    """The Cache-Control header of an output."""
    return settings.manifest_cache_control if layout.is_manifest(name) else settings.segment_cache_control


@dataclass(frozen=True)
class Checksums:
    """CRC-32 values of a file, in base64 of their big-endian bytes.

    :param whole: of the whole file
    :param composite: of the concatenated CRC-32 values of its parts, with their number, as S3 states it for a
        multipart upload (Amazon S3 user guide, "Checking object integrity", composite checksums)
    """

    whole: str
    composite: str


def checksums(path: Path, part_size: int = PART_SIZE, stop: threading.Event | None = None) -> Checksums:
    """Read a file once and compute both of its checksums.

    :raises EngineCanceled: when ``stop`` is set
    """
    whole = 0
    parts: list[bytes] = []
    with path.open("rb") as file:
        while part := file.read(part_size):
            if stop is not None and stop.is_set():
                raise EngineCanceled(f"Reading {path} was cancelled.")
            whole = zlib.crc32(part, whole)
            parts.append(_bytes(zlib.crc32(part)) if parts or len(part) == part_size else _bytes(whole))
    return Checksums(_base64(_bytes(whole)), f"{_base64(_bytes(zlib.crc32(b''.join(parts))))}-{len(parts)}")


def _bytes(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def upload_tree(
    directory: Path,
    bucket: str,
    prefix: str,
    progress: Callable[[int], None] | None = None,
    *,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
) -> list[OutputObject]:
    """Upload every file below ``directory`` under ``prefix``; playlists and manifests last.

    Uploading again writes the same names again. Nothing is ever deleted.

    :param progress: called with the bytes uploaded so far
    :raises EngineError: when S3 does not take a file or reports another checksum
    :raises EngineCanceled: when ``cancel`` is set
    :raises KeyError: for a file that has no content type in :mod:`vodflow.contract.layout`
    """
    used = settings or get_settings()
    names = [path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()]
    for name in names:
        layout.content_type(name)  # refuse what cannot be served before anything is sent
    job = _Upload(directory, bucket, prefix.strip("/"), progress, cancel, used)
    done: list[OutputObject] = []
    with ThreadPoolExecutor(max_workers=used.upload_concurrency) as pool:
        for phase in upload_order(names):
            futures = [pool.submit(job.send, name) for name in phase]
            done.extend(_gather(futures, job.stop))
    return sorted(done, key=lambda item: item.name)


def _gather(futures: list[Future[OutputObject]], stop: threading.Event) -> list[OutputObject]:
    wait(futures, return_when=FIRST_EXCEPTION)
    failed = next((future for future in futures if future.done() and future.exception()), None)
    if failed is not None:
        stop.set()
        for future in futures:
            future.cancel()
        failed.result()
    return [future.result() for future in futures]


@dataclass
class _Upload:
    """What the threads of one upload share."""

    directory: Path
    bucket: str
    prefix: str
    progress: Callable[[int], None] | None
    cancel: threading.Event | None
    settings: Settings
    sent: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, name: str) -> OutputObject:
        """Upload one file and check what S3 says it stored."""
        self._check_canceled()
        path = self.directory / name
        key = f"{self.prefix}/{name}" if self.prefix else name
        uri = f"s3://{self.bucket}/{key}"
        sums, size = checksums(path), path.stat().st_size
        item = OutputObject(
            name=name,
            size=size,
            checksum=sums.whole,
            composite=sums.composite if size > PART_SIZE else None,
            content_type=layout.content_type(name),
        )
        try:
            if item.size <= PART_SIZE:
                stored, expected = self._put(path, key, item), sums.whole
            else:
                stored, expected = self._put_parts(path, key, item), sums.composite
        except (ClientError, BotoCoreError) as error:
            self._check_canceled()
            raise storage_error(error, "upload", uri) from error
        if stored is not None and stored != expected:
            raise EngineError(f"S3 stored {uri} with CRC-32 {stored}, not {expected}.", code="checksum")
        self._count(item.size if item.size <= PART_SIZE else 0)
        return item

    def _headers(self, item: OutputObject) -> dict[str, str]:
        return {
            "ContentType": item.content_type,
            "CacheControl": cache_control(item.name, self.settings),
        }

    def _put(self, path: Path, key: str, item: OutputObject) -> str | None:
        with path.open("rb") as body:
            answer = s3_client(self.settings).put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ChecksumCRC32=item.checksum or "",
                **self._headers(item),  # type: ignore[arg-type]
            )
        return answer.get("ChecksumCRC32")

    def _put_parts(self, path: Path, key: str, item: OutputObject) -> str | None:
        client = s3_client(self.settings)
        put_file(
            client,
            path,
            self.bucket,
            key,
            {**self._headers(item), "ChecksumAlgorithm": "CRC32"},
            progress=self._part_sent,
            config=TransferConfig(
                multipart_threshold=PART_SIZE,
                multipart_chunksize=PART_SIZE,
                max_concurrency=min(4, self.settings.upload_concurrency),
            ),
        )
        head = client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        if head["ContentLength"] != item.size:
            raise EngineError(
                f"s3://{self.bucket}/{key} has {head['ContentLength']} bytes, not {item.size}.", code="size"
            )
        return head.get("ChecksumCRC32")

    def _part_sent(self, size: int) -> None:
        self._check_canceled()
        self._count(size)

    def _check_canceled(self) -> None:
        if self.stop.is_set() or (self.cancel is not None and self.cancel.is_set()):
            raise EngineCanceled(f"Upload to s3://{self.bucket}/{self.prefix} was cancelled.")

    def _count(self, size: int) -> None:
        with self.lock:
            self.sent += size
            if self.progress is not None:
                self.progress(self.sent)

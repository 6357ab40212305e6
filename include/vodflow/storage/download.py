"""Download of one version of one object: parallel ranges, never mixed with another version's bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from vodflow.contract.plan import SourceRef
from vodflow.errors import EngineCanceled, EngineError
from vodflow.ffmpeg.resources import shortage
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import pin

#: Bytes of one range: large enough that a request's latency does not show, small enough to repeat cheaply.
RANGE_SIZE = 16 * 1024**2
#: Bytes read at a time.
_CHUNK = 1024**2


def download(
    ref: SourceRef,
    path: Path,
    progress: Callable[[int], None] | None = None,
    *,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
) -> None:
    """Write this version's bytes to ``path``; the file appears only when it is complete.

    :param progress: called with the bytes received so far, from several threads but one at a time
    :raises SourceNotFound: when the version is gone or was overwritten
    :raises EngineError: when it cannot be read to its end
    :raises EngineCanceled: when ``cancel`` is set
    """
    used = settings or get_settings()
    partial = path.with_name(f"{path.name}.part")
    handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.truncate(handle, ref.size)
        transfer = _Transfer(ref, handle, progress, cancel, used)
        offsets = range(0, ref.size, RANGE_SIZE)
        if len(offsets) <= 1:
            transfer.fetch(0)
        else:
            with ThreadPoolExecutor(max_workers=min(used.upload_concurrency, len(offsets))) as pool:
                # Leaving the loop on the first error cancels the ranges that have not begun.
                futures = [pool.submit(transfer.fetch, offset) for offset in offsets]
                try:
                    for future in futures:
                        future.result()
                except BaseException:
                    transfer.stop.set()
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
        if transfer.received != ref.size:
            raise EngineError(f"{ref.uri} ended after {transfer.received} of {ref.size} bytes.", code="short_read")
        partial.rename(path)
    finally:
        os.close(handle)
        partial.unlink(missing_ok=True)


@dataclass
class _Transfer:
    """What the ranges of one download share."""

    ref: SourceRef
    handle: int
    progress: Callable[[int], None] | None
    cancel: threading.Event | None
    settings: Settings
    received: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, offset: int) -> None:
        """Read one range; a broken connection continues where it broke."""
        span = _Span(offset, offset, min(offset + RANGE_SIZE, self.ref.size))
        attempts = Retrying(
            stop=stop_after_attempt(self.settings.aws_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=10),
            retry=retry_if_exception_type((OSError, BotoCoreError)),
            reraise=True,
        )
        try:
            attempts(self._read, span)
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "download", self.ref.uri) from error
        except OSError as error:
            raise shortage(error, f"download {self.ref.uri}") or EngineError(
                f"Could not download {self.ref.uri} to its end: {error}", code="short_read"
            ) from error

    def _read(self, span: _Span) -> None:
        if span.position >= span.end:
            return
        whole = span.position == 0 and span.end == self.ref.size
        ranged = {} if whole else {"Range": f"bytes={span.position}-{span.end - 1}"}
        answer = s3_client(self.settings).get_object(
            Bucket=self.ref.bucket,
            Key=self.ref.key,
            **pin(self.ref),  # type: ignore[arg-type]
            **ranged,  # type: ignore[arg-type]
        )
        with closing(answer["Body"]) as body:
            if ranged and "ContentRange" not in answer and not self._take_whole(span):
                return
            while span.position < span.end and (chunk := body.read(min(_CHUNK, span.end - span.position))):
                self._check_canceled()
                os.pwrite(self.handle, chunk, span.position)
                span.position += len(chunk)
                self._count(len(chunk))
        if span.position < span.end:
            raise ConnectionError(f"the connection closed at byte {span.position}")

    def _take_whole(self, span: _Span) -> bool:
        """Some S3 servers ignore ranges and send everything: the first range then takes it, the others give up."""
        if span.start:
            span.position = span.end
            return False
        self._count(-span.position)
        span.position, span.end = 0, self.ref.size
        return True

    def _check_canceled(self) -> None:
        if self.stop.is_set() or (self.cancel is not None and self.cancel.is_set()):
            raise EngineCanceled(f"Download of {self.ref.uri} was cancelled.")

    def _count(self, size: int) -> None:
        with self.lock:
            self.received += size
            if self.progress is not None:
                self.progress(self.received)


@dataclass
class _Span:
    """Bytes ``position`` to ``end`` are still to be read; it began at ``start``."""

    start: int
    position: int
    end: int

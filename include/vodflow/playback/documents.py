"""Playlists, MPDs and manifests, kept in memory: below a job's prefix nothing ever changes."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import PlaybackUnavailable, SourceNotFound, VodflowError
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error

log = logging.getLogger(__name__)

#: What one entry takes beside its bytes, about.
_OVERHEAD = 1000

Key = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """What is answered.

    :param etag: quoted, of these very bytes
    """

    body: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Document:
        """With the tag of its bytes."""
        return cls(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def is_known(etag: str, known: str | None) -> bool:
    """Whether the asker has the bytes of this strong tag.

    :param known: value of If-None-Match
    """
    return known is not None and (etag in known or known.strip() == "*")


class DocumentCache:
    """Documents by what they were made of, the ones asked for longest ago dropped first. Thread-safe.

    :param limit: bytes
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._kept: OrderedDict[Key, Document] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Key, threading.Lock] = {}

    def get(self, key: Key) -> Document | None:
        """What is kept, if it is."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def made(self, key: Key, make: Callable[[], Document]) -> Document:
        """What is kept, or else is made now and kept; who asks meanwhile waits for that."""
        found = self.get(key)
        if found is not None:
            return found
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                found = self.get(key)
                if found is None:
                    found = make()
                    self._keep(key, found)
                return found
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _keep(self, key: Key, document: Document) -> None:
        with self._lock:
            before = self._kept.pop(key, None)  # two may make it, where a third has failed
            self._kept[key] = document
            self._size += _weight(document) - (_weight(before) if before else 0)
            while self._size > self._limit and self._kept:
                self._size -= _weight(self._kept.popitem(last=False)[1])


def _weight(document: Document) -> int:
    return len(document.body) + _OVERHEAD


def read_object(bucket: str, key: str, settings: Settings) -> bytes:
    """A small object, whole.

    :raises SourceNotFound: there is no such object
    :raises PlaybackUnavailable: S3 does not answer, or refuses
    """
    try:
        return s3_client(settings).get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise unreadable(error, bucket, key) from error


def unreadable(error: ClientError | BotoCoreError, bucket: str, key: str) -> VodflowError:
    """What viewers are told where an object cannot be read; the log says more."""
    found = storage_error(error, "read", f"s3://{bucket}/{key}")
    if isinstance(found, SourceNotFound):
        return SourceNotFound("There is no such output.")
    log.warning("%s", found)
    return PlaybackUnavailable("This video cannot be read just now. Try again later.")

"""One try of an import: the bytes behind a URL, in parts, into a watched place. Two parts are in memory at a time.

What an earlier try has sent stays: the next one goes on behind it where the server can, and its bytes are the same.
"""

from __future__ import annotations

import http.client
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from vodflow.catalog import url_imports
from vodflow.catalog.database import transaction
from vodflow.catalog.intake_quota import check_bytes, one_at_a_time
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.states import ImportStatus
from vodflow.catalog.url_imports import ImportRow
from vodflow.errors import (
    EngineCanceled,
    ImportRefused,
    QuotaExceeded,
    SourceNotFound,
    SourceUnavailable,
    VodflowError,
)
from vodflow.network.public_http import Deadline
from vodflow.pipeline.import_sources import Opened, open_url
from vodflow.pipeline.object_request import object_metadata
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.places import watched
from vodflow.sensing.registration import register_object
from vodflow.sensing.rules import Ignored, judge
from vodflow.settings import Settings, get_settings
from vodflow.settings.sealing import unseal
from vodflow.storage import multipart
from vodflow.storage.objects import SourceObject, resolve_source
from vodflow.storage.send import part_size
from vodflow.tenancy.limits import upload_limits

log = logging.getLogger(__name__)

#: User metadata by which an object is known as an import's.
IMPORT_ID: Final = "import-id"

_ACTOR: Final = "import_video"
_CHUNK: Final = 1024**2
#: Seconds between two notes of how far it is, which is also how soon a cancellation is heard of.
_NOTE: Final = 2.0
#: Connections that may break one after the other without a byte between them, and seconds between the first two.
_BREAKS: Final = 4
#: How often other bytes may be found than those that were read before.
_RESTARTS: Final = 2
_PAUSE: Final = 0.2


def fetch_import(import_id: int, *, last_try: bool = False, settings: Settings | None = None) -> SourceRow | None:
    """Carry an import out; none where it is refused, was cancelled, or is over. Safe to run twice.

    :param last_try: whether nobody tries again, so that a passing trouble ends it
    :return: its source, whose run is to be started
    :raises VodflowError: it does not succeed now (retryable), or somebody must change something
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        row = url_imports.begin_import(connection, import_id)
    if row is None:
        log.info("Import %d is over, or was cancelled", import_id)
        return None
    fetch = None
    try:
        fetch = _Fetch(row, used)
        source = register_object(fetch.run(), _ACTOR, settings=used)
    except (ImportRefused, QuotaExceeded) as error:
        log.warning("Import %d is refused: %s", import_id, error)
        _end(row, ImportStatus.REFUSED, used, error=str(error))
        _forget_parts(row, fetch, used)
        return None
    except VodflowError as error:
        if isinstance(error, EngineCanceled) or _canceled(row, used):
            _forget_parts(row, fetch, used)
            return None
        if last_try or not error.retryable:
            _end(row, ImportStatus.FAILED, used, error=str(error))
        raise
    _end(row, ImportStatus.COMPLETED, used, source_id=source.id)
    return source


def _end(row: ImportRow, status: ImportStatus, settings: Settings, **values: int | str) -> None:
    with transaction(_ACTOR, settings) as connection:
        url_imports.end_import(connection, row.id, status, attempt=row.attempts, **values)  # type: ignore[arg-type]


def _now(row: ImportRow, settings: Settings) -> ImportRow | None:
    with transaction(_ACTOR, settings) as connection:
        return url_imports.find_import(connection, row.id)


def _canceled(row: ImportRow, settings: Settings) -> bool:
    """Whether that is why its parts went away under it."""
    now = _now(row, settings)
    return now is None or now.status == ImportStatus.CANCELED


def _forget_parts(row: ImportRow, fetch: _Fetch | None, settings: Settings) -> None:
    """Forget what this try has sent, unless another one goes on with it."""
    now = _now(row, settings)
    if fetch is not None and (now is None or now.over or now.multipart_id != fetch.multipart):
        fetch.forget()


class _Fetch:
    def __init__(self, row: ImportRow, settings: Settings) -> None:
        self._row, self._settings = row, settings
        self._url = unseal(row.sealed_url, settings)
        self._limits = upload_limits(row.tenant, settings)
        self._places = watched(settings)
        self._most = min(self._limits.max_size, self._places.largest(row.bucket, row.key) or self._limits.max_size)
        self._validator, self._total, self.multipart = row.validator, row.total_bytes, row.multipart_id
        self._deadline = time.monotonic() + settings.import_timeout
        # Where bytes come, the time is looked at between them.
        self._until = Deadline(settings.import_timeout + settings.import_read_timeout)
        self._noted = time.monotonic()
        self._size = self._size_of_parts()
        self._done = 0  # bytes of parts that are sent, or being sent
        self._buffer = bytearray()
        self._sending: Future[None] | None = None

    def run(self) -> SourceObject:
        """Fetch what is missing, and give the object."""
        if self.multipart is not None and (found := self._take_up()) is not None:
            return found
        breaks = restarts = 0
        with self._until, ThreadPoolExecutor(1, thread_name_prefix="vodflow-import") as sender:
            while not self._is_whole():
                before = self._position
                try:
                    self._read_on(sender)
                    self._send(sender)
                    self._sent()
                    break
                except SourceUnavailable as error:
                    breaks = 1 if self._position > before else breaks + 1
                    restarts += error.code == "changed"
                    if breaks > _BREAKS or restarts > _RESTARTS or time.monotonic() > self._deadline:
                        raise
                    log.info("Import %d goes on after: %s", self._row.id, error)
                    if error.code == "changed":
                        self._start_over()
                    time.sleep(_PAUSE * 2 ** (breaks - 1))
        return self._join()

    def _is_whole(self) -> bool:
        return self._total is not None and self._position == self._total

    def _take_up(self) -> SourceObject | None:
        """Find what an earlier try has sent; the object, where it was complete."""
        try:
            parts = multipart.received(self._row.bucket, self._row.key, str(self.multipart), self._settings)
        except multipart.NoSuchUpload:
            if (found := self._arrived()) is None:
                self._start_over()
            return found
        for number, part in enumerate(parts, 1):
            last = self._total is not None and self._done + part.size == self._total
            if part.number != number or (part.size != self._size and not last):
                break
            self._done += part.size
        return None

    def _arrived(self) -> SourceObject | None:
        try:
            found = resolve_source(self._row.bucket, self._row.key, settings=self._settings)
        except SourceNotFound:
            return None
        return found if found.metadata.get(IMPORT_ID) == str(self._row.id) else None

    def _size_of_parts(self) -> int:
        return part_size(self._total or self._most, self._settings.upload_part_size)

    def _read_on(self, sender: ThreadPoolExecutor) -> None:
        """Read from where it is to the end."""
        position = self._position
        opened = open_url(self._url, self._row.tenant, position, self._validator, self._until, self._settings)
        try:
            self._agree(opened, position)
            self._read(opened, sender)
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailable(f"{self._row.url} breaks off at byte {self._position}: {error}") from error
        finally:
            opened.close()
        if self._total is None:
            self._total = self._position
        if self._position < self._total:
            raise SourceUnavailable(f"{self._row.url} ends at byte {self._position} of {self._total}.")
        if not self._total:
            raise ImportRefused(f"{self._row.url} has no bytes.")
        self._check_size(self._total)

    @property
    def _position(self) -> int:
        return self._done + len(self._buffer)

    def _agree(self, opened: Opened, position: int) -> None:
        """Go on where it was, or begin anew where these are other bytes."""
        changed = self._total is not None and opened.total is not None and opened.total != self._total
        if changed and opened.validator == self._validator:
            said = f"{self._row.url} has {opened.total} bytes, not {self._total} as its server said."
            raise SourceUnavailable(said, code="changed")
        if position and (opened.offset != position or changed):
            self._start_over()
            if opened.offset:
                raise SourceUnavailable(f"{self._row.url} has changed meanwhile.", code="changed")
        if opened.total is not None:
            self._check_size(opened.total)
        self._validator, self._total = opened.validator, opened.total
        if self.multipart is None:
            self._size, self.multipart = self._size_of_parts(), self._begin()
        self._note(total_bytes=self._total, validator=self._validator, multipart_id=self.multipart)

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise ImportRefused(f"{self._row.url} has {size} bytes; {self._most} may be imported.")
        verdict = judge(self._places, self._row.bucket, self._row.key, size=size)
        if verdict is Ignored.TOO_SMALL:
            raise ImportRefused(
                f"{self._row.url} has {size} bytes, fewer than the watch rule of {self._row.uri} takes."
            )

    def _begin(self) -> str:
        asked = TranscodeRequest.from_params({"source_uri": self._row.uri, **(self._row.request or {})})
        metadata = {**object_metadata(asked), IMPORT_ID: str(self._row.id)}
        return multipart.begin(
            self._row.bucket, self._row.key, content_type="application/octet-stream", metadata=metadata, checksums=True,
            settings=self._settings,
        )  # fmt: skip

    def _read(self, opened: Opened, sender: ThreadPoolExecutor) -> None:
        while chunk := opened.read(min(_CHUNK, self._size - len(self._buffer))):
            self._buffer += chunk
            if self._position > self._most:
                raise ImportRefused(f"{self._row.url} sends more than the {self._most} bytes that may be imported.")
            if len(self._buffer) == self._size and self._position != self._total:
                self._send(sender)
            now = time.monotonic()
            if now > self._deadline:
                limit = self._settings.import_timeout
                raise SourceUnavailable(f"{self._row.url} takes more than {limit:.0f} s, at byte {self._position}.")
            if now > self._noted + _NOTE:
                self._note(size_bytes=self._position)

    def _send(self, sender: ThreadPoolExecutor) -> None:
        """Send the buffer as the next part, while more is read."""
        self._sent()
        if not self._buffer:
            return
        number, body = self._done // self._size + 1, bytes(self._buffer)
        self._sending = sender.submit(
            multipart.put_part, self._row.bucket, self._row.key, str(self.multipart), number, body, self._settings
        )
        self._done += len(body)
        self._buffer.clear()

    def _sent(self) -> None:
        if self._sending is not None:
            sending, self._sending = self._sending, None
            try:
                sending.result()
            except multipart.NoSuchUpload as error:
                raise SourceUnavailable(f"What was fetched of {self._row.url} has gone.", code="changed") from error

    def forget(self) -> None:
        """Give up what was sent."""
        if self._sending is not None:
            self._sending.exception()  # whatever became of it
            self._sending = None
        if self.multipart is not None:
            multipart.abort(self._row.bucket, self._row.key, self.multipart, self._settings)
            self.multipart = None

    def _start_over(self) -> None:
        """Forget what was read."""
        self.forget()
        self._validator = self._total = None
        self._done = 0
        self._buffer.clear()

    def _join(self) -> SourceObject:
        place = (self._row.bucket, self._row.key, str(self.multipart))
        try:
            wanted = -(-(self._total or 0) // self._size)
            # Earlier tries may have left others behind these.
            parts = [part for part in multipart.received(*place, self._settings) if part.number <= wanted]
            if sum(part.size for part in parts) != self._total:
                raise SourceUnavailable(f"{self._row.uri} was written by somebody else meanwhile.", code="changed")
            self._note(size_bytes=self._total)
            multipart.complete(*place, parts, self._settings)
        except multipart.NoSuchUpload:
            log.info("The parts of import %d were joined before, or are gone", self._row.id)
        found = self._arrived()
        if found is None:
            raise SourceUnavailable(f"{self._row.uri} is not there though its parts were sent.")
        return found

    def _note(self, **values: object) -> None:
        """Keep how far it is.

        :raises EngineCanceled: nobody wants it any more, or another try goes on
        :raises QuotaExceeded: with it the tenant would bring more than it may
        """
        self._noted = time.monotonic()
        with transaction(_ACTOR, self._settings) as connection:
            one_at_a_time(connection, self._row.tenant)
            if not url_imports.note_import(connection, self._row.id, self._row.attempts, **values):
                raise EngineCanceled(f"Import {self._row.id} was cancelled.")
            check_bytes(connection, self._row.tenant, self._limits.bytes_day)

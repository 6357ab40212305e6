"""Read parts of a source, local or over HTTP, without reading all of it."""

from __future__ import annotations

import http.client
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vodflow.errors import SourceNotFound, SourceUnavailable
from vodflow.ffmpeg.tools import is_url

log = logging.getLogger(__name__)

#: ``read(offset, length)``: the bytes there; fewer at the end of the source.
ReadRange = Callable[[int, int], bytes]

#: One request answers several small reads.
_BLOCK = 64 * 1024
_CONTENT_RANGE = re.compile(r"^bytes \d+-\d+/(\d+)$")
#: Statuses that say that the object is gone, and those that mean the range is beyond its end.
_GONE = {404, 410}
_BEYOND_END = 416


def open_ranges(source: str, size: int, timeout: float) -> ReadRange:
    """A reader of byte ranges.

    :param source: a local path, or an HTTP(S) URL that a GET may be sent to (presigned URLs allow no HEAD)
    :param size: bytes that the source is known to have
    :param timeout: seconds for one request
    """
    blocks: dict[int, bytes] = {}
    fetch = _HttpRanges(source, size, timeout) if is_url(source) else _FileRanges(Path(source), size)

    def read(offset: int, length: int) -> bytes:
        first, last = offset // _BLOCK, (offset + length - 1) // _BLOCK
        missing = [number for number in range(first, last + 1) if number not in blocks]
        if missing:
            begin, end = missing[0] * _BLOCK, min((missing[-1] + 1) * _BLOCK, size)
            data = fetch(begin, max(0, end - begin))
            for number in range(missing[0], missing[-1] + 1):
                blocks[number] = data[number * _BLOCK - begin :][:_BLOCK]
        data = b"".join(blocks[number] for number in range(first, last + 1))
        return data[offset - first * _BLOCK :][:length]

    return read


class _FileRanges:
    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def __call__(self, offset: int, length: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                data = file.read(length)
        except FileNotFoundError as error:
            raise SourceNotFound(f"{self._path} does not exist.") from error
        except OSError as error:
            raise SourceUnavailable(f"{self._path} cannot be read: {error}.") from error
        if len(data) < length:
            raise SourceNotFound(f"{self._path} is shorter than {self._size} bytes: it was overwritten.")
        return data


class _HttpRanges:
    def __init__(self, url: str, size: int, timeout: float) -> None:
        self._url = url
        self._size = size
        self._timeout = timeout
        # The query of a presigned URL is a credential.
        self._name = url.partition("?")[0]

    def __call__(self, offset: int, length: int) -> bytes:
        if length == 0:
            return b""
        request = urllib.request.Request(  # noqa: S310 - is_url admits http and https only
            self._url, headers={"Range": f"bytes={offset}-{offset + length - 1}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - see above
                self._check_size(answer)
                if answer.status == 200 and offset:
                    raise SourceUnavailable(f"{self._name}: the server does not support byte ranges.")
                data: bytes = answer.read(length)
        except urllib.error.HTTPError as error:
            raise self._http_problem(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailable(f"{self._name} cannot be read now: {error}.") from error
        if len(data) < length:
            raise SourceUnavailable(f"{self._name} cannot be read now: the connection was cut.")
        return data

    def _check_size(self, answer: http.client.HTTPResponse) -> None:
        match = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
        total = match[1] if match else answer.headers.get("Content-Length") if answer.status == 200 else None
        if total is not None and int(total) != self._size:
            raise SourceNotFound(f"{self._name} has {total} bytes now and had {self._size}: it was overwritten.")

    def _http_problem(self, error: urllib.error.HTTPError) -> SourceNotFound | SourceUnavailable:
        code = str(error.code)
        if error.code in _GONE:
            return SourceNotFound(f"{self._name} does not exist (HTTP {code}).", code=code)
        if error.code == _BEYOND_END:
            return SourceNotFound(f"{self._name} is shorter than {self._size} bytes: it was overwritten.", code=code)
        return SourceUnavailable(f"{self._name} cannot be read now (HTTP {code} {error.reason}).", code=code)

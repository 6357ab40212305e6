"""Encrypted outputs as they are in the clear, for whoever checks or measures what is in them.

Names and, but for padding, sizes are the same; what is no segment and no header is as it is stored.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import TranscodePlan
from vodflow.media import cenc, isobmff
from vodflow.verification.store import ObjectStore, join_key

_BLOCK: Final = 16
#: Reads in flight.
_READERS: Final = 16
#: Without a vector of its own: that is the segment's number.
_KEY_LINE: Final = re.compile(r'#EXT-X-KEY:METHOD=AES-128,URI="[^"]*/([0-9a-f]{32})"')


@dataclass(frozen=True)
class _Whole:
    """How a segment is encrypted as a whole: KID, and its number, which is the initialisation vector."""

    key_id: str
    number: int

    @property
    def vector(self) -> bytes:
        return self.number.to_bytes(_BLOCK, "big")


class ClearStore:
    """What a job's outputs are without their encryption.

    :param prefix: key prefix of the outputs
    """

    def __init__(self, store: ObjectStore, plan: TranscodePlan, keys: ContentKeys, bucket: str, prefix: str) -> None:
        self._store = store
        self._keys = keys.by_id
        self._bucket = bucket
        self._prefix = prefix
        used = plan.packaging.encryption
        by_segment = used is not None and used.by_segment
        self._inits = {} if by_segment else {layout.cmaf_init(item): item for item in layout.cmaf_tracks(plan)}
        self._headers: dict[str, tuple[cenc.ProtectedHeader, isobmff.TrackHeader]] = {}
        self._lock = threading.Lock()
        self._playlists = [layout.hls_playlist(item) for item in layout.hls_tracks(plan)] if by_segment else []
        self._whole: dict[str, _Whole] | None = None
        self._padding: dict[str, int] = {}

    def uri(self, bucket: str, key: str) -> str:
        """How messages name an object."""
        return self._store.uri(bucket, key)

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Bytes by name; of a segment that is encrypted as a whole those without its padding."""
        found = self._store.sizes(bucket, prefix)
        below = join_key(prefix, "")[len(self._prefix) :].strip("/")
        whole = {name: full for name in found if (full := f"{below}/{name}".lstrip("/")) in self._segments()}
        with ThreadPoolExecutor(_READERS) as pool:
            padding = pool.map(lambda name: self.padding(whole[name], found[name]), whole)
            return found | {name: found[name] - size for name, size in zip(whole, padding, strict=True)}

    def read(self, bucket: str, key: str, start: int = 0, length: int | None = None) -> bytes:
        """A part of an object, in the clear.

        :raises FileNotFoundError: when there is no such object
        :raises WrongKey: it is encrypted with a key that is not the job's
        """
        name = key.removeprefix(f"{self._prefix}/")
        end = None if length is None else start + length
        if (whole := self._segments().get(name)) is not None:
            return self._read_whole(key, name, whole, start, end)
        if name in self._inits:
            return cenc.clear_header(self._store.read(bucket, key))[start:end]
        init = f"{name.rpartition('/')[0]}/init.mp4"
        if init not in self._inits or not name.endswith(".m4s"):
            return self._store.read(bucket, key, start, length)
        header, track = self._header(init)
        return cenc.clear_segment(self._store.read(bucket, key, 0, end), header, track, self._keys)[start:]

    def _header(self, init: str) -> tuple[cenc.ProtectedHeader, isobmff.TrackHeader]:
        with self._lock:
            if init not in self._headers:
                data = self._store.read(self._bucket, join_key(self._prefix, init))
                track = isobmff.parse_moov(isobmff.need(cenc.clear_header(data), "moov"))[0]
                self._headers[init] = cenc.read_header(data), track
            return self._headers[init]

    def _segments(self) -> Mapping[str, _Whole]:
        """The segments that are encrypted as a whole, as the playlists name their keys."""
        with self._lock:
            if self._whole is None:
                self._whole = {}
                for name in self._playlists:
                    self._whole.update(self._listed(name))
            return self._whole

    def _listed(self, playlist: str) -> dict[str, _Whole]:
        try:
            text = self._store.read(self._bucket, join_key(self._prefix, playlist)).decode("utf-8", "replace")
        except FileNotFoundError:
            return {}  # whoever checks the outputs says so
        key_id, found = "", dict[str, _Whole]()
        for line in text.splitlines():
            if line.startswith("#EXT-X-KEY:"):
                told = _KEY_LINE.fullmatch(line)
                key_id = told[1] if told else ""
            elif line and not line.startswith("#"):
                name = line.removeprefix("../") if line.startswith("../") else f"hls/{line}"
                found[name] = _Whole(key_id, len(found))
        return found

    def beginning(self, name: str) -> bytes:
        """What every segment of a track begins with, behind a size or a counter: it is opened by the vector alone."""
        return self.read(self._bucket, join_key(self._prefix, name), 4, _BLOCK - 4)

    def padding(self, name: str, size: int) -> int:
        """Bytes that encryption has added to a segment.

        :raises WrongKey: it is not encrypted with the key that its playlist names
        """
        if name not in self._padding:
            whole = self._segments()[name]
            if size < _BLOCK or size % _BLOCK:
                raise cenc.WrongKey(f"it has {size} bytes, which is no whole number of encrypted blocks")
            key = join_key(self._prefix, name)
            first = max(0, size - 2 * _BLOCK)
            tail = self._store.read(self._bucket, key, first, size - first)
            vector, last = (whole.vector, tail) if size == _BLOCK else (tail[:_BLOCK], tail[_BLOCK:])
            plain = self._decrypted(whole, vector, last)
            count = plain[-1]
            if not 1 <= count <= _BLOCK or plain[-count:] != bytes([count]) * count:
                raise cenc.WrongKey("it is not encrypted with the key that its playlist names")
            self._padding[name] = count
        return self._padding[name]

    def _read_whole(self, key: str, name: str, whole: _Whole, start: int, end: int | None) -> bytes:
        """Whole blocks around what is asked for, opened with the block before them; a size known leaves out padding."""
        begin = start // _BLOCK * _BLOCK
        first = max(0, begin - _BLOCK)
        wanted = None if end is None else -(-end // _BLOCK) * _BLOCK - first
        data = self._store.read(self._bucket, key, first, wanted)
        vector, coded = (data[:_BLOCK], data[_BLOCK:]) if begin else (whole.vector, data)
        plain = self._decrypted(whole, vector, coded[: len(coded) // _BLOCK * _BLOCK])
        if wanted is None or len(data) < wanted:  # it ends here
            plain = plain[: len(plain) - self.padding(name, begin + len(coded))]
        return plain[start - begin : None if end is None else end - begin]

    def _decrypted(self, whole: _Whole, vector: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - slow to import

        if whole.key_id not in self._keys:
            raise cenc.WrongKey(f"its playlist names the key {whole.key_id or 'of nobody'}, which is not the job's")
        return Cipher(algorithms.AES(self._keys[whole.key_id]), modes.CBC(vector)).decryptor().update(data)
